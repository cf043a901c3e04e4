"""When words begin and end: CTC says at which frame it is sure of a letter, the signal when somebody is heard.

A network that learned with CTC may emit a letter anywhere within its sound, or a little behind it, and one frame is
enough. So the outer letters of a word say which sound is its own, and the sound where its edges are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.transcribe.segments import set_limit
from speechrnn.words import Word

Runs = Sequence[tuple[int, int]]

STEP_SECONDS = 0.01
_STEP = round(STEP_SECONDS * SAMPLE_RATE)

_CLOSURE_STEPS = 8
"""Quiet that is no longer belongs to a sound: the lips are closed before a p."""

_REACH_STEPS = 40
"""An edge is sought no further from its letter."""

_SHORTEST_STEPS = 4
"""What a word takes at least: nobody says one in less, and in subtitles it would not be seen."""

_SLACK_STEPS = 3
"""By which a letter's frame may reach into the pause beside it."""


def find_sound(signal: Signal) -> NDArray[np.bool_]:
    """Returns whether something is heard, step by step of 10 ms; (steps,) of a signal (samples,) at 16 kHz."""
    steps = signal[: len(signal) // _STEP * _STEP].reshape(-1, _STEP)
    levels = np.sqrt(np.square(steps).mean(axis=1))
    if not len(levels):
        return np.zeros(0, dtype=np.bool_)
    sound: NDArray[np.bool_] = levels > set_limit(levels)[0]
    for first, last in _find_runs(~sound):
        if last - first <= _CLOSURE_STEPS and first > 0 and last < len(sound):
            sound[first:last] = True
    return sound


def fit_words(words: Sequence[Word], sound: NDArray[np.bool_], start: float = 0.0) -> list[Word]:
    """Returns words with their edges where a sound begins or ends; where there is no pause, in between their letters.

    Each word lasts at least 40 ms, at the cost of those behind it; 10 ms where all are too many for that, if there are
    as many steps as words: some programs refuse words without length.

    Args:
        words: In order, as CTC places them.
        sound: As `find_sound` says, from `start` on.
        start: In seconds.
    """
    if not words or not len(sound):
        return list(words)
    pauses = _find_runs(~sound)
    firsts = [round((word.start - start) / STEP_SECONDS) for word in words]
    lasts = [round((word.end - start) / STEP_SECONDS) for word in words]
    starts, ends = [_begin(pauses, firsts[0], lasts[0])], []
    for last, first in zip(lasts[:-1], firsts[1:], strict=True):
        end, begin = _part(pauses, last, first)
        ends.append(end)
        starts.append(begin)
    ends.append(_end(pauses, firsts[-1], lasts[-1], len(sound)))
    shortest = _SHORTEST_STEPS if _SHORTEST_STEPS * len(words) <= len(sound) else 1
    least = (np.arange(2 * len(words)) + 1) // 2 * shortest  # of each edge: so many steps for each word before it
    steps = np.maximum.accumulate([step for pair in zip(starts, ends, strict=True) for step in pair] - least)
    steps = np.minimum(steps, len(sound) - least[-1]) + least
    times = np.round(start + np.clip(steps, 0, len(sound)) * STEP_SECONDS, 3).tolist()
    return [
        replace(word, start=begin, end=end) for word, begin, end in zip(words, times[::2], times[1::2], strict=True)
    ]


def _find_runs(steps: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Returns the first step of each stretch that is true, and the one after its last."""
    bounds = np.flatnonzero(np.diff(steps, prepend=False, append=False)).tolist()
    return list(zip(bounds[::2], bounds[1::2], strict=True))


def _begin(pauses: Runs, first: int, last: int) -> int:
    """Returns where the first word begins: behind the last pause before its letter."""
    before = max([end for begin, end in pauses if begin < first + _SLACK_STEPS and end < last], default=0)
    return before if before >= first - _REACH_STEPS else first


def _end(pauses: Runs, first: int, last: int, steps: int) -> int:
    """Returns where the last word ends: at the first pause behind its letter."""
    after = min([begin for begin, end in pauses if end > last - _SLACK_STEPS and begin > first], default=steps)
    return after if after <= last + _REACH_STEPS else last


def _part(pauses: Runs, last: int, first: int) -> tuple[int, int]:
    """Returns where a word ends whose last letter is over, and where the next one begins."""
    between = [(min(end, first + _SLACK_STEPS) - max(begin, last - _SLACK_STEPS), begin, end) for begin, end in pauses]
    length, begin, end = max(between, default=(0, 0, 0))
    if length <= 0:
        return (last + first) // 2, (last + first) // 2
    return min(begin, last + _REACH_STEPS), max(end, first - _REACH_STEPS)
