"""A score by what utterances have in common: the speaker, the language, how long, how fast and how noisy they are."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.console import show_progress
from speechrnn.counts import ErrorCounts
from speechrnn.score.recordings import read_recording
from speechrnn.score.scoring import ScoredUtterance

UNKNOWN = "unknown"

_FRAME = SAMPLE_RATE // 40

_FLOOR = 1e-10


@dataclass(frozen=True, slots=True)
class Group:
    """Utterances that have something in common."""

    name: str
    utterances: int
    words: ErrorCounts


def break_down(utterances: Sequence[ScoredUtterance], key: str) -> list[Group]:
    """Returns the errors of each group of utterances: by name, or where they are ranges from low to high.

    Args:
        utterances: At least one.
        key: One of `KEYS`.
    """
    measure = KEYS[key]
    groups: dict[tuple[float, str], list[ScoredUtterance]] = defaultdict(list)
    with show_progress(f"by {key}", len(utterances), "utterances") as advance:
        for utterance in utterances:
            groups[measure(utterance)].append(utterance)
            advance(1)
    return [
        Group(name, len(group), sum((one.counts for one in group), ErrorCounts()))
        for (_, name), group in sorted(groups.items())
    ]


def estimate_snr(signal: Signal) -> float:
    """Returns how much louder the loudest tenth of a signal of at least 25 ms is than its softest tenth, in decibels.

    That is about its signal-to-noise ratio where a tenth of it is pause.
    """
    frames = signal[: len(signal) // _FRAME * _FRAME].reshape(-1, _FRAME)
    levels = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + _FLOOR)
    return float(np.quantile(levels, 0.9) - np.quantile(levels, 0.1))


def _find_range(value: float | None, bounds: Sequence[float], unit: str) -> tuple[float, str]:
    """Returns the place and the name of the range in which a value lies; what is unknown comes last."""
    if value is None:
        return np.inf, UNKNOWN
    place = int(np.searchsorted(bounds, value, side="right"))
    if place == 0:
        return 0, f"below {bounds[0]:g} {unit}"
    if place == len(bounds):
        return place, f"from {bounds[-1]:g} {unit}"
    return place, f"{bounds[place - 1]:g} to {bounds[place]:g} {unit}"


def _measure_rate(utterance: ScoredUtterance) -> float | None:
    duration = utterance.reference.duration
    return len(utterance.reference.text.split()) / duration if duration else None


def _measure_snr(utterance: ScoredUtterance) -> float | None:
    signal = read_recording(utterance)
    return estimate_snr(signal) if signal is not None and len(signal) >= _FRAME else None


def _name(attribute: str, utterance: ScoredUtterance) -> tuple[float, str]:
    name = getattr(utterance.reference, attribute)
    return (0, name) if name else (np.inf, UNKNOWN)


KEYS: Mapping[str, Callable[[ScoredUtterance], tuple[float, str]]] = MappingProxyType(
    {
        "speaker": partial(_name, "speaker"),
        "lang": partial(_name, "lang"),
        "duration": lambda one: _find_range(one.reference.duration, (2, 5, 10, 15, 20, 30), "s"),
        "rate": lambda one: _find_range(_measure_rate(one), (1, 2, 2.5, 3, 3.5, 4), "words/s"),
        "snr": lambda one: _find_range(_measure_snr(one), (10, 20, 30, 40, 50), "dB"),
    }
)
"""What `--by` takes."""
