"""Connectionist temporal classification: what it can learn, and greedy decoding.

References:
    Graves, Fernández, Gomez and Schmidhuber, Connectionist temporal classification: labelling unsegmented
    sequence data with recurrent neural networks, ICML 2006.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from speechrnn.text import BLANK


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a decoder read.

    Attributes:
        tokens: Classes without blanks.
        spans: Per token, its first frame and the frame after its last.
        token_log_probs: Per token, the natural log of its highest probability within its span.
        log_prob: Natural log of the probability of the path that was followed.
    """

    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    token_log_probs: tuple[float, ...]
    log_prob: float


def count_required_frames(labels: Sequence[int]) -> int:
    """Returns the fewest frames that can emit `labels`: one each, and a blank between equal neighbours."""
    return len(labels) + sum(left == right for left, right in pairwise(labels))


def count_required_input(labels: Sequence[int], stack: int) -> int:
    """Returns the fewest frames, before every `stack` of them become one, that can emit `labels`."""
    return (count_required_frames(labels) - 1) * stack + 1


def explain_unlearnable(frames: int, labels: Sequence[int], stack: int) -> str:
    """Returns why CTC cannot learn an utterance: what it has, and what its labels need."""
    return (
        f"{frames} frames, stacked by {stack}, cannot emit {len(labels)} characters (with their repeats at least"
        f" {count_required_input(labels, stack)} frames)"
    )


def collapse(path: Iterable[int]) -> list[int]:
    """Returns the labels of a path: equal neighbours become one, then blanks vanish (Graves' mapping B)."""
    return [token for token, _ in groupby(path) if token != BLANK]


def decode_greedy(log_probs: NDArray[np.float32]) -> Hypothesis:
    """Returns the labels of an utterance's most probable path.

    Args:
        log_probs: (frames, classes), natural log.
    """
    path = log_probs.argmax(axis=1)
    scores = log_probs[np.arange(len(path)), path]
    bounds = np.flatnonzero(np.diff(path, prepend=-1, append=-1))
    runs = [(start, end) for start, end in pairwise(bounds.tolist()) if path[start] != BLANK]
    return Hypothesis(
        tuple(int(path[start]) for start, _ in runs),
        tuple(runs),
        tuple(float(scores[start:end].max()) for start, end in runs),
        float(scores.sum(dtype=np.float64)),
    )
