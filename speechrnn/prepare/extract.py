"""From utterances to features, in parallel and in order; what cannot be used is set aside with its reason."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechrnn.audio import SAMPLE_RATE, Signal, measure_duration, read_utterance, resample
from speechrnn.config import PrepareConfig
from speechrnn.errors import AudioError, TextError
from speechrnn.features import compute_mfcc, make_dct
from speechrnn.manifest import Utterance
from speechrnn.parallel import map_in_order
from speechrnn.prepare.plan import CorpusPlan
from speechrnn.prepare.store import Extracted, SetAside
from speechrnn.text import require_symbols


def extract_corpus(utterances: Iterable[Utterance], plan: CorpusPlan, workers: int) -> Iterator[Extracted | SetAside]:
    """Yields what `extract_utterance` returns for each utterance, in order; those that the plan refuses are set aside.

    Args:
        utterances: What to read.
        plan: Settings, alphabet, and what is refused.
        workers: Threads; 0 for one a core.

    Raises:
        RecipeError: No features can be had with these settings.
    """
    make_dct(plan.config.features)

    def extract(utterance: Utterance) -> Extracted | SetAside:
        if reason := plan.refused.get(utterance.id):
            return SetAside(utterance.id, reason)
        return extract_utterance(utterance, plan.config, plan.letters)

    return map_in_order(extract, utterances, workers)


def extract_utterance(utterance: Utterance, config: PrepareConfig, letters: str) -> Extracted | SetAside:
    """Returns the features of an utterance whose text is normalised, or why it cannot be used."""
    try:
        require_symbols(utterance.text, " " + letters, remedy="spell them out, or name their language")
        whole = utterance.duration or measure_duration(Path(utterance.audio_filepath)) - utterance.offset
        _check_duration(whole, config)
        signal = read_utterance(utterance)
        features = compute_mfcc(_perturb(signal, utterance), config.features)
    except (AudioError, TextError) as error:
        return SetAside(utterance.id, str(error))
    duration = round(len(signal) / SAMPLE_RATE, 6)
    return Extracted(replace(utterance, duration=duration), features)


def _perturb(signal: Signal, utterance: Utterance) -> Signal:
    faster = resample(signal, SAMPLE_RATE * utterance.speed)
    with np.errstate(over="ignore", invalid="ignore"):  # what is too loud for numbers is refused with its features
        return faster if utterance.volume == 1.0 else faster * np.float32(utterance.volume)


def _check_duration(seconds: float, config: PrepareConfig) -> None:
    if seconds > config.max_seconds:
        raise AudioError(
            f"{seconds:.1f} s in one utterance, over max_seconds = {config.max_seconds:g}; cut it up or raise the limit"
        )
