import os
import signal
import time

import pytest

from speechrnn.interrupt import catch_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_close_together_are_one_wish_and_a_later_one_does_not_wait(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with catch_interrupts() as caught:
        before = caught.requested
        os.kill(os.getpid(), number)
        assert (before, caught.requested) == (False, True)
        now[0] = 100.9
        os.kill(os.getpid(), signal.SIGINT)  # the terminal's, beside torchrun's
        now[0] = 101.1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
