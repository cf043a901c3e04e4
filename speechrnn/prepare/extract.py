"""From utterances to features, in parallel and in order; what cannot be used is set aside with its reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from speechrnn.audio import SAMPLE_RATE, probe_audio, read_signal
from speechrnn.config import PrepareConfig
from speechrnn.errors import AudioError, TextError
from speechrnn.features import Features, compute_mfcc, make_dct
from speechrnn.manifest import SetAside, Utterance
from speechrnn.parallel import map_in_order
from speechrnn.text import LETTERS, normalize, require_symbols


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

    Raises:
        RecipeError: No features can be had with these settings.
    """
    make_dct(config.features)
    return map_in_order(lambda utterance: extract_utterance(utterance, config), utterances, workers)


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
