import os
import platform
import subprocess
import sys

import pytest
import torch

from speechrnn.errors import TrainingError
from speechrnn.hardware import choose_device, count_cores, keep_freed_memory, use_threads

RELEASE = tuple(map(int, platform.libc_ver()[1].split("."))) if platform.libc_ver()[0] == "glibc" else (0,)
"""Of glibc."""


def test_the_cores_are_those_that_this_process_may_use() -> None:
    assert 1 <= count_cores() <= (os.cpu_count() or 1)


def test_auto_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", lambda *_, device: None)
    assert choose_device("auto") == torch.device("cuda:0")
    assert choose_device("auto", gpu=3) == choose_device("cuda", gpu=3) == torch.device("cuda:3")
    assert choose_device("cuda:1", gpu=3) == torch.device("cuda:1")


def test_a_gpu_that_is_not_there_is_refused_under_auto_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(TrainingError, match="device 'cuda' cannot be used here"):
        choose_device("auto", gpu=77)


@pytest.mark.parametrize("name", ["tpu", "cuda:77", "meta", ""])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(TrainingError, match="cannot be used here"):
        choose_device(name)


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with use_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("most", "asked"),
    [
        (1 << 30, [(-3, 1 << 30), (-1, 1 << 30), (-2, 1 << 26)]),
        (1 << 25, [(-3, 1 << 30), (-3, 1 << 25), (-1, 1 << 30), (-2, 1 << 26)]),
        (0, [(-3, 1 << 30), (-3, 1 << 25)]),
    ],
    ids=["all is accepted", "32 MiB at most", "nothing"],
)
def test_an_allocator_that_refuses_is_left_as_it_is(
    most: int, asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []

    class Library:
        def mallopt(self, setting: int, value: int) -> int:
            heard.append((setting, value))
            return int(setting != -3 or value <= most)

    monkeypatch.setattr("ctypes.CDLL", lambda name: Library())
    keep_freed_memory()
    assert heard == asked


@pytest.mark.skipif(RELEASE < (2, 36), reason="another allocator than glibc's, or one that keeps less")
def test_what_is_freed_is_kept_for_what_comes_next() -> None:
    script = """
import resource, sys, torch
from speechrnn.hardware import keep_freed_memory
if sys.argv[1:]:
    keep_freed_memory()
def fill():
    return [torch.ones(10 << 20) for _ in range(3)]  # 40 MiB each
for _ in range(10):
    fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    given_back, kept = (
        int(subprocess.run([sys.executable, "-c", script, *more], capture_output=True, check=True).stdout)
        for more in ([], ["keep"])
    )
    assert given_back > 100
    assert kept < given_back / 10
