import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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


def test_a_signal_ends_the_wait_for_what_does_not_come_and_lets_the_source_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = []

    def come() -> Iterator[int]:
        try:
            yield 1
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
            yield 2
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # one wish with the first
            closed.append(True)

    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    with catch_interrupts() as caught:
        assert list(caught.wait_for(come())) == [1]
        assert caught.requested
        assert list(caught.wait_for([3])) == []
    assert closed == [True]


def test_a_signal_between_two_things_waits_for_what_is_done_with_the_first() -> None:
    with catch_interrupts() as caught:
        taken = []
        for thing in caught.wait_for(iter(range(5))):
            os.kill(os.getpid(), signal.SIGINT)
            taken.append(thing)
    assert taken == [0]


SPARING = """
import os, signal, threading, time
from speechrnn.interrupt import spare_imports
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
"""


def test_an_interrupt_within_an_import_waits_for_its_end(tmp_path: Path) -> None:
    kills = 3 * "os.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / "slow.py").write_text(f"import os, signal\n{kills}print('whole')\n")
    program = f"""{SPARING}
try:
    with spare_imports():
        import slow
        time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.2)
    print("interrupted once")
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert ended.stdout.split() == ["whole", "interrupted", "once"]


def test_an_interrupt_within_the_last_import_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "last.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    program = f"""{SPARING}
try:
    with spare_imports():
        import last
except KeyboardInterrupt:
    print("interrupted")
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stdout.split()) == (0, ["interrupted"])


def test_an_interrupt_while_python_clears_up_ends_it_without_a_traceback() -> None:
    program = f"""{SPARING}
def interrupt_the_end():
    threading.main_thread().join()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

with spare_imports():
    threading.Thread(target=interrupt_the_end).start()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")
