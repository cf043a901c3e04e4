"""How far the times of right words are from those of the reference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechrnn.score.scoring import ScoredUtterance

FAR = 0.2
"""Seconds from which on a time is wrong."""


@dataclass(frozen=True, slots=True)
class TimeErrors:
    """Of the right words that have times on both sides.

    Attributes:
        words: How many.
        start: Median distance of the starts in seconds.
        end: Median distance of the ends in seconds.
        far: Words of which the start or the end is more than 200 ms away.
    """

    words: int
    start: float
    end: float
    far: int


def measure_times(utterances: Sequence[ScoredUtterance]) -> TimeErrors | None:
    """Returns how far times are off, or None where no right word has times on both sides."""
    distances = np.array([distance for one in utterances for distance in _compare(one)])
    if not len(distances):
        return None
    start, end = np.median(distances, axis=0)
    return TimeErrors(len(distances), float(start), float(end), int((distances.max(axis=1) > FAR).sum()))


def _compare(utterance: ScoredUtterance) -> Iterator[tuple[float, float]]:
    ours, theirs = utterance.reference.times, utterance.hypothesis.times
    if not ours or not theirs:
        return
    spoken, heard = iter(ours), iter(theirs)
    for pair in utterance.alignment.pairs:
        left = next(spoken) if pair.kind != "insert" else (0.0, 0.0)
        right = next(heard) if pair.kind != "delete" else (0.0, 0.0)
        if pair.kind == "equal":
            yield abs(left[0] - right[0]), abs(left[1] - right[1])
