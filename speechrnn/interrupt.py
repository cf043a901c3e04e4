"""Ctrl-C between two steps instead of within one, so that what is written then is whole, and not within an import."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

_SAME_SECONDS = 1.0
"""Signals so close together are one wish."""

_MEANWHILE_SECONDS = 0.05
"""After so long it is looked again whether an import has ended."""


@contextmanager
def spare_imports() -> Iterator[None]:
    """Lets Ctrl-C wait for the end of an import that it comes in; behind the block it ends the process as it is.

    KeyboardInterrupt within torch's import ends the process in C++, or makes it forget its exit code; while Python
    clears up, it writes a traceback. So the block is all that the process does, and nothing restores the handler. Where
    Ctrl-C is ignored, in a background job, it stays so.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    deferred = _DeferredInterrupt()
    signal.signal(signal.SIGINT, deferred.handle)
    try:
        yield
    finally:
        waiting = deferred.withdraw()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if waiting:  # the block ended with the import, or soon behind it
            raise KeyboardInterrupt


class _DeferredInterrupt:
    """Handles SIGINT as KeyboardInterrupt, once the import that it came in has ended."""

    _timer: threading.Timer | None = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        self.withdraw()  # several that came within one import are one wish
        while frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib."):
                self._timer = threading.Timer(_MEANWHILE_SECONDS, os.kill, (os.getpid(), number))
                self._timer.daemon = True  # the process does not wait for it at its end
                self._timer.start()
                return
            frame = frame.f_back
        raise KeyboardInterrupt

    def withdraw(self) -> bool:
        """Returns whether one was waiting, which does not come any more."""
        timer, self._timer = self._timer, None
        if timer:
            timer.cancel()
        return timer is not None


class Interrupt:
    """Whether somebody has asked the run to stop, and since when, on the monotonic clock in seconds."""

    requested = False
    since = 0.0
    _waiting = False

    def wait_for(self, things: Iterable[T]) -> Iterator[T]:
        """Yields things that may be long in coming; the wish to stop ends the wait for the next one."""
        coming = iter(things)
        while True:
            self._waiting = True
            try:
                if self.requested:
                    return
                thing = next(coming)
            except (KeyboardInterrupt, StopIteration):
                return
            finally:
                self._waiting = False
            yield thing

    def request(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        first, now = not self.requested, time.monotonic()
        self.since = now if first else self.since
        self.requested = True
        waiting, self._waiting = self._waiting, False  # what ends the wait is itself not interrupted
        if waiting or now - self.since > _SAME_SECONDS:
            raise KeyboardInterrupt


@contextmanager
def catch_interrupts() -> Iterator[Interrupt]:
    """Yields a flag that the first SIGINT or SIGTERM raises; one that comes a second later interrupts at once.

    So does the first, while `wait_for` waits.

    Under torchrun the terminal and torchrun each send one for the same Ctrl-C.

    Outside the main thread signals cannot be caught, and the flag stays down.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    earlier = {number: signal.signal(number, interrupt.request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
