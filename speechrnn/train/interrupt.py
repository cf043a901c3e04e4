"""Ctrl-C between two steps instead of within one, so that the state that is saved is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether somebody has asked the run to stop."""

    requested = False


@contextmanager
def catch_interrupts() -> Iterator[Interrupt]:
    """Yields a flag that the first SIGINT or SIGTERM raises; a second one interrupts at once.

    Outside the main thread signals cannot be caught, and the flag stays down.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def request(number: int, frame: FrameType | None) -> None:
        if interrupt.requested:
            raise KeyboardInterrupt
        interrupt.requested = True

    earlier = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
