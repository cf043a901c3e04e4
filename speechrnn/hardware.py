"""The processor cores, the memory and the accelerators of this machine that a process may use."""

import ctypes
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from speechrnn.errors import TrainingError

if TYPE_CHECKING:
    import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # as malloc.h numbers them


def count_cores() -> int:
    """Returns the processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure_memory() -> float:
    """Returns the bytes of this machine's memory; infinity where it does not say."""
    if not {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(getattr(os, "sysconf_names", ())):
        return math.inf
    return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def keep_freed_memory() -> None:
    """Lets this process, as long as it lives, keep the memory that it frees, where the allocator is glibc's.

    By itself the allocator returns large tensors to the system, which has to clear the pages of each new one.
    """
    adjust = None if os.name == "nt" else getattr(ctypes.CDLL(None), "mallopt", None)
    # releases before 2.36 may refuse more than 32 MiB; were nothing accepted, the others would make it worse
    if adjust and (adjust(_M_MMAP_THRESHOLD, 1 << 30) or adjust(_M_MMAP_THRESHOLD, 1 << 25)):
        adjust(_M_TRIM_THRESHOLD, 1 << 30)  # more than any batch takes
        adjust(_M_TOP_PAD, 1 << 26)  # taken at once, so that it is seldom asked for more


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Lets torch compute in so many threads within the block."""
    import torch  # counting cores does not need it

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_device(name: str, gpu: int = 0) -> "torch.device":
    """Returns the device of that name; "auto" is "cuda", or the CPU where there is no GPU; "cuda" is GPU number `gpu`.

    Raises:
        TrainingError: There is no such device here.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device("cuda", gpu) if name == "cuda" else torch.device(name)
        if device.type not in ("cpu", "cuda", "mps"):
            raise ValueError(f"networks are not trained on {device.type}")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise TrainingError(f"device {name!r} cannot be used here; choose cpu, or auto") from error
    return device
