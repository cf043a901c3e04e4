"""Connectionist temporal classification: the loss, what it can learn, and greedy decoding.

References:
    Graves, Fernández, Gomez and Schmidhuber, Connectionist temporal classification: labelling unsegmented
    sequence data with recurrent neural networks, ICML 2006.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

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


def compute_ctc_loss(log_probs: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Returns the negative log-probability of each utterance's labels, in nats, shape (batch,).

    Args:
        log_probs: (batch, frames, classes), float32, natural log.
        lengths: (batch,), frames of each utterance; what lies beyond is not read.
        targets: (batch, labels), padded with anything.
        target_lengths: (batch,), labels of each utterance.

    Raises:
        ValueError: A shape or dtype is off. An utterance with too few frames for its labels gives infinity.
    """
    if log_probs.dim() != 3 or targets.dim() != 2:
        raise ValueError(f"expected (batch, frames, classes), (batch, labels), got {log_probs.shape}, {targets.shape}")
    if log_probs.dtype != torch.float32:
        raise ValueError(f"CTC sums in the log domain and needs float32, got {log_probs.dtype}")
    batch = len(log_probs)
    if not batch == len(lengths) == len(targets) == len(target_lengths):
        raise ValueError("log_probs, lengths, targets and target_lengths differ in their batch")
    if int(lengths.max()) > log_probs.shape[1] or int(target_lengths.max()) > targets.shape[1]:
        raise ValueError("a length exceeds the padded axis")
    return F.ctc_loss(log_probs.transpose(0, 1), targets, lengths, target_lengths, blank=BLANK, reduction="none")


def collapse(path: Iterable[int]) -> list[int]:
    """Returns the labels of a path: equal neighbours become one, then blanks vanish (Graves' mapping B)."""
    return [token for token, _ in groupby(path) if token != BLANK]


def decode_greedy(log_probs: Tensor, lengths: Tensor) -> list[Hypothesis]:
    """Returns the labels of the most probable path of each utterance.

    Args:
        log_probs: (batch, frames, classes), natural log.
        lengths: (batch,), frames of each utterance.
    """
    best, path = log_probs.float().max(dim=-1)
    return [
        _read_path(tokens[:length], scores[:length])
        for tokens, scores, length in zip(path.tolist(), best.tolist(), lengths.tolist(), strict=True)
    ]


def _read_path(path: list[int], scores: list[float]) -> Hypothesis:
    tokens, spans, token_log_probs, frame = [], [], [], 0
    for token, run in groupby(path):
        end = frame + sum(1 for _ in run)
        if token != BLANK:
            tokens.append(token)
            spans.append((frame, end))
            token_log_probs.append(max(scores[frame:end]))
        frame = end
    return Hypothesis(tuple(tokens), tuple(spans), tuple(token_log_probs), sum(scores))
