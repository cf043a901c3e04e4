"""Short trials before a run: which precision this machine computes in and which is faster, and in how many threads."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from speechrnn.batches import Batch
from speechrnn.console import note, warn
from speechrnn.errors import TrainingError
from speechrnn.hardware import use_threads
from speechrnn.train.objective import Objective

Precision = Literal["float32", "bfloat16"]

Wanted = Precision | Literal["auto"]

_TRIALS = 3


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Returns the context in which the network runs in that precision; its log_probs stay float32."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def settle_precision(wanted: Wanted, objective: Objective, batch: Batch) -> Precision:
    """Returns the precision that is wanted, or for "auto" the faster one on a batch.

    Raises:
        TrainingError: bfloat16 is wanted, in which this machine cannot train.
    """
    if wanted == "float32":
        return wanted
    if not can_train_in_bfloat16(objective, batch):
        if wanted == "bfloat16":
            raise TrainingError("training.precision: this machine cannot train in bfloat16; choose float32 or auto")
        note("precision float32: this machine cannot train in bfloat16")
        return "float32"
    if wanted == "bfloat16":
        return wanted
    ratio = measure_bfloat16(objective, batch)
    chosen: Precision = "bfloat16" if ratio > 1 else "float32"
    note(f"precision {chosen}: a step in bfloat16 is {ratio:.2f} times as fast as in float32 here")
    return chosen


def settle_threads(wanted: int, most: int, objective: Objective, batch: Batch) -> int:
    """Returns the threads that are wanted, or for 0 as many, up to `most`, as make a step on a batch fastest.

    Beside other work, one thread is often faster than several, which wait for each other. Where a GPU computes, nothing
    is tried.
    """
    if wanted or most == 1 or next(objective.parameters()).device.type != "cpu":
        return wanted or most
    counts = [*(1 << power for power in range(most.bit_length()) if 1 << power < most), most]
    seconds = dict.fromkeys(counts, 0.0)
    for _ in range(_TRIALS):
        for count in counts:
            with use_threads(count):
                seconds[count] += sum(_time_steps(objective, batch, ("float32",))) / _TRIALS
    chosen = min(counts, key=seconds.__getitem__)
    note(f"threads {chosen}: a step takes {', '.join(f'{seconds[count]:.2f} s in {count}' for count in counts)}")
    return chosen


def confirm_precision(begun: Precision, objective: Objective, batch: Batch) -> Precision:
    """Returns the precision in which a run that began in `begun`, perhaps on another machine, goes on here."""
    if begun == "bfloat16" and not can_train_in_bfloat16(objective, batch):
        warn("this run began in bfloat16, in which this machine cannot train; it goes on in float32")
        return "float32"
    return begun


def can_train_in_bfloat16(objective: Objective, batch: Batch) -> bool:
    """Returns whether a training step runs in bfloat16, which not every device and kind of network does.

    Neither the weights nor torch's random state change.
    """
    try:
        _time_steps(objective, batch, ("bfloat16",))
    except RuntimeError:
        return False
    return True


def measure_bfloat16(objective: Objective, batch: Batch) -> float:
    """Returns how many times as fast as in float32 a training step is in bfloat16.

    The two are tried in turn on the same batch; the best time of each counts. Neither the weights nor torch's random
    state change.
    """
    trials = [_time_steps(objective, batch, ("float32", "bfloat16")) for _ in range(_TRIALS)]
    return min(full for full, _ in trials) / min(half for _, half in trials)


def _time_steps(objective: Objective, batch: Batch, precisions: Sequence[Precision]) -> list[float]:
    moved = batch.to(next(objective.parameters()).device)
    seconds = []
    for precision in precisions:
        start = time.perf_counter()
        take_trial_step(objective, moved, precision)
        seconds.append(time.perf_counter() - start)
    objective.zero_grad(set_to_none=True)
    return seconds


def take_trial_step(objective: Objective, batch: Batch, precision: Precision) -> None:
    """Computes a batch's loss and gradients, which stay in the network, and waits for them; nothing else changes."""
    device = batch.features.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        with autocast(device, precision):
            losses = objective(batch)
        losses.sum().backward()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
