"""The processor cores and accelerators that this process may use."""

import os

import torch

from speechrnn.errors import TrainingError


def count_cores() -> int:
    """Returns the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_device(name: str) -> torch.device:
    """Returns the device of that name; "auto" is the first GPU, or the CPU where there is none.

    Raises:
        TrainingError: There is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(f"device {name!r} cannot be used here; choose cpu, or auto") from error
    return device
