"""From utterances to features, in parallel and in order; what cannot be used is set aside with its reason."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch

from speechrnn.audio import SAMPLE_RATE, probe_audio, read_signal
from speechrnn.config import PrepareConfig
from speechrnn.errors import AudioError, TextError
from speechrnn.features import Features, compute_mfcc
from speechrnn.hardware import count_cores
from speechrnn.manifest import SetAside, Utterance
from speechrnn.text import LETTERS, normalize, require_symbols

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, slots=True)
class Extracted:
    """An utterance with its text normalised and its duration measured, and its features."""

    utterance: Utterance
    features: Features


def extract_corpus(
    utterances: Iterable[Utterance], config: PrepareConfig, workers: int
) -> Iterator[Extracted | SetAside]:
    """Yields what `extract_utterance` returns for each utterance, in order.

    Args:
        utterances: What to read.
        config: Features and limits.
        workers: Threads; 0 for one a core.

    Decoding, resampling and the transforms all release Python's lock, so threads keep the cores busy.
    """
    threads = torch.get_num_threads()
    try:
        yield from _map_in_order(
            lambda utterance: extract_utterance(utterance, config), utterances, workers or count_cores()
        )
    finally:
        torch.set_num_threads(threads)


def extract_utterance(utterance: Utterance, config: PrepareConfig) -> Extracted | SetAside:
    """Returns the features of an utterance, or why it cannot be used."""
    try:
        text = normalize(utterance.text, utterance.lang)
        require_symbols(text, " " + LETTERS[utterance.lang])
        path = Path(utterance.audio_filepath)
        _check_duration(utterance.duration or probe_audio(path).duration - utterance.offset, config)
        signal = read_signal(path, utterance.offset, utterance.duration)
        features = compute_mfcc(signal, config.features)
    except (AudioError, TextError) as error:
        return SetAside(utterance.id, str(error))
    duration = round(len(signal) / SAMPLE_RATE, 6)
    return Extracted(replace(utterance, text=text, duration=duration), features)


def _check_duration(seconds: float, config: PrepareConfig) -> None:
    if seconds > config.max_seconds:
        raise AudioError(
            f"{seconds:.1f} s in one utterance, over max_seconds = {config.max_seconds:g}; cut it up or raise the limit"
        )


def _map_in_order(function: Callable[[In], Out], items: Iterable[In], workers: int) -> Iterator[Out]:
    """Yields results in the order of the items; only a few items a worker are under way, so memory stays flat."""
    waiting: deque[Future[Out]] = deque()
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
