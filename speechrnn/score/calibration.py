"""Whether confidences are what they promise: of the words with 0.8, eight in ten should be right.

References:
    Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017.
    Siu, Gish and Richardson, Improved estimation, evaluation and applications of confidence measures for speech
    recognition, Eurospeech 1997: normalised cross entropy, which NIST's scoring reports.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from speechrnn.score.align import Alignment

_BINS = 10

_SURE = 1e-4
"""No confidence counts as nearer to 0 or 1: a single word of that kind would decide everything."""

_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """Words of about one confidence: how many, their mean confidence, the share that is right."""

    words: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidences can be believed.

    Attributes:
        bins: Ten of as many words, the least sure first.
        error: Mean difference between confidence and share of right words over the bins, by their words.
        cross_entropy: Normalised: 1 where confidences tell right from wrong, 0 where the share of right words would
            tell as much, below where they mislead; NaN where all words are right, or none.
    """

    bins: tuple[Bin, ...]
    error: float
    cross_entropy: float


def judge_words(alignments: Iterable[Alignment], confidences: Iterable[Sequence[float]]) -> list[tuple[float, bool]]:
    """Returns the words of hypotheses by their confidences and whether they are right; those without are left out."""
    judged: list[tuple[float, bool]] = []
    for alignment, sure in zip(alignments, confidences, strict=True):
        heard = [pair.kind == "equal" for pair in alignment.pairs if pair.kind != "delete"]
        judged += zip(sure, heard, strict=True) if sure else ()
    return judged


def assess_confidences(judged: Sequence[tuple[float, bool]]) -> Calibration:
    """Returns how far confidences can be believed, of words by confidence and whether they are right; at least one."""
    order = sorted(judged)
    parts = [part for part in np.array_split(np.array(order, dtype=np.float64), _BINS) if len(part)]
    bins = tuple(Bin(len(part), float(part[:, 0].mean()), float(part[:, 1].mean())) for part in parts)
    error = sum(one.words * abs(one.confidence - one.right) for one in bins) / len(judged)
    return Calibration(bins, error, _normalise_cross_entropy(*_split(judged)))


def fit_temperature(judged: Sequence[tuple[float, bool]]) -> float:
    """Returns the temperature by which the logarithms of confidences are to be divided, of the highest likelihood.

    1 where all words are right, or none, or there is no word.
    """
    confidences, right = _split(judged)
    if right.all() or not right.any():
        return 1.0
    logs = np.log(confidences)

    def lose(log_temperature: float) -> float:
        return _cross_entropy(np.exp(logs / np.exp(log_temperature)), right)

    found = minimize_scalar(lose, bounds=np.log(_TEMPERATURES), method="bounded")
    return round(float(np.exp(found.x)), 4)


def _split(judged: Sequence[tuple[float, bool]]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    confidences = np.clip([confidence for confidence, _ in judged], _SURE, 1 - _SURE)
    return confidences, np.array([right for _, right in judged], dtype=bool)


def _normalise_cross_entropy(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    if right.all() or not right.any():
        return float("nan")
    base = _cross_entropy(np.full(len(right), right.mean()), right)
    return 1 - _cross_entropy(confidences, right) / base


def _cross_entropy(confidences: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    clipped = np.clip(confidences, _SURE, 1 - _SURE)
    return -float(np.log(np.where(right, clipped, 1 - clipped)).mean())
