"""Short trials before a run: which precision is faster on this machine."""

import time
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


def choose_precision(network: AcousticNetwork, batch: Batch, device: torch.device) -> tuple[Precision, float]:
    """Returns the faster precision for a training step, and how many times faster bfloat16 is than float32.

    The two are tried in turn on the same batch; the best time of each counts. Neither the weights nor torch's random
    state change.
    """
    moved = batch.to(device)
    best: dict[Precision, float] = {"float32": float("inf"), "bfloat16": float("inf")}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for _ in range(_TRIALS):
            for precision in best:
                best[precision] = min(best[precision], _time_step(network, moved, device, precision))
    network.zero_grad(set_to_none=True)
    ratio = best["float32"] / best["bfloat16"]
    return ("bfloat16" if ratio > 1 else "float32"), ratio


def _time_step(network: AcousticNetwork, batch: Batch, device: torch.device, precision: Precision) -> float:
    start = time.perf_counter()
    with autocast(device, precision):
        log_probs, lengths = network(batch.features, batch.input_lengths)
    compute_ctc_loss(log_probs, lengths, batch.targets, batch.target_lengths).sum().backward()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
