"""Ctrl-C between two steps instead of within one, so that what is written then is whole."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SAME_SECONDS = 1.0
"""Signals so close together are one wish."""


class Interrupt:
    """Whether somebody has asked the run to stop, and since when, on the monotonic clock in seconds."""

    requested = False
    since = 0.0


@contextmanager
def catch_interrupts() -> Iterator[Interrupt]:
    """Yields a flag that the first SIGINT or SIGTERM raises; one that comes a second later interrupts at once.

    Under torchrun the terminal and torchrun each send one for the same Ctrl-C.

    Outside the main thread signals cannot be caught, and the flag stays down.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def request(number: int, frame: FrameType | None) -> None:
        if not interrupt.requested:
            interrupt.requested = True
            interrupt.since = time.monotonic()
        elif time.monotonic() - interrupt.since > _SAME_SECONDS:
            raise KeyboardInterrupt

    earlier = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
