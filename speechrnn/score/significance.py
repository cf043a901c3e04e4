"""How far a word error rate can be trusted, and whether one recogniser is better than another.

References:
    Bisani and Ney, Bootstrap estimates for confidence intervals in ASR performance evaluation, ICASSP 2004.
    Gillick and Cox, Some statistical issues in the comparison of speech recognition algorithms, ICASSP 1989.
    Pallett, Fisher and Fiscus, Tools for the analysis of benchmark speech recognition tests, ICASSP 1990.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechrnn.score.align import Alignment

Floats = NDArray[np.float64]

REPLICATES = 1000
"""Samples that a bootstrap draws."""

_AT_ONCE = 10_000_000
"""Drawn numbers that are held at a time."""

_SEPARATORS = 2
"""Neighbouring words that both recognisers must have right for errors around them to be independent."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a rate, or a difference of rates, lies with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two recognisers on the same utterances; rates are shares, differences the first's minus the second's.

    Attributes:
        difference: Of the word error rates.
        interval: Of the difference, by a paired bootstrap.
        bootstrap_p: Two-sided: how often a resampled difference has the other sign, or none.
        segments: Stretches with errors that the matched-pairs test compares.
        mapsswe_p: Two-sided, of the matched-pairs sentence-segment word error test; 1 where nothing differs.
        better: Utterances in which the first has fewer errors.
        worse: Utterances in which it has more.
    """

    difference: float
    interval: Interval
    bootstrap_p: float
    segments: int
    mapsswe_p: float
    better: int
    worse: int


def estimate_interval(
    errors: Sequence[int], words: Sequence[int], groups: Sequence[str] = (), seed: int = 0
) -> Interval:
    """Returns the bootstrap's 95 % interval of the rate of errors to words.

    Args:
        errors: Of each utterance.
        words: Reference words of each utterance.
        groups: What is drawn as a whole, the speaker of each utterance for example; none draws utterances.
        seed: Of the draws.
    """
    if not sum(words):
        return Interval(float("nan"), float("nan"))
    drawn = _resample([errors, words], groups, seed)
    return _find_interval(drawn[0] / np.maximum(drawn[1], 1))


def compare(
    left: Sequence[Alignment], right: Sequence[Alignment], groups: Sequence[str] = (), seed: int = 0
) -> Comparison:
    """Returns how two recognisers differ that heard the same utterances.

    Args:
        left: The first one's alignments.
        right: The second one's, of the same references in the same order.
        groups: What the bootstrap draws as a whole, as in `estimate_interval`.
        seed: Of the draws.

    Raises:
        ValueError: They do not align the same references.
    """
    if [one.reference for one in left] != [one.reference for one in right]:
        raise ValueError("two recognisers can be compared on the same references only")
    ours, theirs = ([one.counts.errors for one in each] for each in (left, right))
    words = [one.counts.reference_length for one in left]
    drawn = _resample([ours, theirs, words], groups, seed)
    differences = (drawn[0] - drawn[1]) / np.maximum(drawn[2], 1)
    difference = (sum(ours) - sum(theirs)) / max(sum(words), 1)
    other_side = np.count_nonzero(differences * np.sign(difference) <= 0) if difference else REPLICATES
    segments = [pair for one, other in zip(left, right, strict=True) for pair in cut_segments(one, other)]
    return Comparison(
        difference,
        _find_interval(differences),
        min(1.0, 2 * max(other_side, 1) / REPLICATES),
        len(segments),
        compare_matched_pairs([one - other for one, other in segments]),
        sum(one < other for one, other in zip(ours, theirs, strict=True)),
        sum(one > other for one, other in zip(ours, theirs, strict=True)),
    )


def cut_segments(left: Alignment, right: Alignment) -> list[tuple[int, int]]:
    """Returns both recognisers' errors in each stretch of an utterance that has any.

    Stretches are kept apart by two neighbouring words or more that both have right, with nothing inserted between, and
    by the utterance's ends.
    """
    ours, theirs = _place_errors(left), _place_errors(right)
    segments: list[tuple[int, int]] = []
    one = other = good = 0
    for place in range(len(ours)):
        one, other = one + ours[place], other + theirs[place]
        is_word = place % 2 == 1
        if ours[place] or theirs[place]:
            good = 0
        elif is_word:
            good += 1
        if good >= _SEPARATORS and (one or other):
            segments.append((one, other))
            one = other = 0
    return [*segments, (one, other)] if one or other else segments


def compare_matched_pairs(differences: Sequence[float]) -> float:
    """Returns the two-sided p-value of a mean difference of zero, by the normal approximation; 1 for no spread."""
    if len(differences) < 2:
        return 1.0
    mean, deviation = float(np.mean(differences)), float(np.std(differences, ddof=1))
    if deviation == 0:
        return 1.0 if mean == 0 else 0.0
    return math.erfc(abs(mean) / (deviation / math.sqrt(len(differences))) / math.sqrt(2))


def _place_errors(alignment: Alignment) -> list[int]:
    """Returns the errors of an utterance: at even places those inserted between words, at odd ones those of words."""
    places = [0]
    for pair in alignment.pairs:
        if pair.kind == "insert":
            places[-1] += 1
        else:
            places += [int(pair.kind != "equal"), 0]
    return places


def _resample(values: Sequence[Sequence[int]], groups: Sequence[str], seed: int) -> Floats:
    """Returns the sums of each row of values over samples drawn with replacement, (rows, replicates)."""
    table = np.asarray(values, dtype=np.float64)
    if groups:
        _, numbers = np.unique(np.asarray(groups), return_inverse=True)
        table = np.stack([np.bincount(numbers, row) for row in table])
    count = table.shape[1]
    rng = np.random.default_rng(seed)
    sums = []
    left = REPLICATES
    while left:
        some = min(left, max(1, _AT_ONCE // max(count, 1)))
        drawn = rng.integers(count, size=(some, count), dtype=np.int32)
        sums.append(np.stack([row[drawn].sum(axis=1) for row in table]))
        left -= some
    return np.concatenate(sums, axis=1)


def _find_interval(values: Floats) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(low), float(high))
