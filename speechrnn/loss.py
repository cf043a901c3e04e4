"""The loss of connectionist temporal classification.

References:
    Graves, Fernández, Gomez and Schmidhuber, Connectionist temporal classification: labelling unsegmented
    sequence data with recurrent neural networks, ICML 2006.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from speechrnn.forward_backward import sum_paths
from speechrnn.text import BLANK


def compute_ctc_loss(log_probs: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Returns the negative log-probability of each utterance's labels, in nats, shape (batch,).

    Its gradient may have any multiple of the probabilities added, which the log_softmax that made log_probs takes out.

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
    if targets.numel() and not 0 <= int(targets.min()) <= int(targets.max()) < log_probs.shape[2]:
        raise ValueError(f"a label is none of the {log_probs.shape[2]} classes")
    if log_probs.device.type != "cpu":
        return F.ctc_loss(log_probs.transpose(0, 1), targets, lengths, target_lengths, blank=BLANK, reduction="none")
    losses: Tensor = _PathSum.apply(log_probs, lengths, targets, target_lengths)  # type: ignore[no-untyped-call]
    return losses


class _PathSum(Function):
    """All paths on a processor, many times as fast as torch adds them up there."""

    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor) -> Tensor:
        losses = torch.empty(len(log_probs))
        gradient = torch.zeros(log_probs.shape) if ctx.needs_input_grad[0] else torch.zeros(len(log_probs), 0, 0)
        parts = (log_probs, lengths, targets, target_lengths, losses, gradient)
        sum_paths(*(part.detach().contiguous().numpy() for part in parts))
        ctx.save_for_backward(gradient)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return slopes[0][:, None, None] * gradient, None, None, None
