"""Short trials before a run: which precision this machine computes in, and which is faster."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from speechrnn.ctc import compute_ctc_loss
from speechrnn.network import AcousticNetwork
from speechrnn.train.batches import Batch

Precision = Literal["float32", "bfloat16"]

_TRIALS = 3


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Returns the context in which the network runs in that precision; its log_probs stay float32."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def can_train_in_bfloat16(network: AcousticNetwork, batch: Batch, device: torch.device) -> bool:
    """Returns whether a training step runs in bfloat16: oneDNN has no such LSTM for processors without AVX-512.

    Neither the weights nor torch's random state change.
    """
    try:
        _time_steps(network, batch, device, ("bfloat16",))
    except RuntimeError:
        return False
    return True


def measure_bfloat16(network: AcousticNetwork, batch: Batch, device: torch.device) -> float:
    """Returns how many times as fast as in float32 a training step is in bfloat16.

    The two are tried in turn on the same batch; the best time of each counts. Neither the weights nor torch's random
    state change.
    """
    trials = [_time_steps(network, batch, device, ("float32", "bfloat16")) for _ in range(_TRIALS)]
    return min(full for full, _ in trials) / min(half for _, half in trials)


def _time_steps(
    network: AcousticNetwork, batch: Batch, device: torch.device, precisions: Sequence[Precision]
) -> list[float]:
    moved = batch.to(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        seconds = [_time_step(network, moved, device, precision) for precision in precisions]
    network.zero_grad(set_to_none=True)
    return seconds


def _time_step(network: AcousticNetwork, batch: Batch, device: torch.device, precision: Precision) -> float:
    start = time.perf_counter()
    with autocast(device, precision):
        log_probs, lengths = network(batch.features, batch.input_lengths)
    compute_ctc_loss(log_probs, lengths, batch.targets, batch.target_lengths).sum().backward()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
