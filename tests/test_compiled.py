"""Compiled loops: what a machine has compiled once is loaded by itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechrnn import compiled as module
from speechrnn.compiled import compiled, explain_compiling
from speechrnn.transcribe.align import _follow

SCRIPT = """
import sys
import numpy as np
from speechrnn.transcribe.align import _follow
print(_follow(np.zeros((2, 2), np.float32), np.array([0]))[1], "scipy.linalg" in sys.modules)
"""


def test_what_is_kept_is_loaded_without_what_only_compiling_needs() -> None:
    said = [subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True).stdout for _ in range(2)]
    assert said[1].split() == [said[0].split()[0], b"False"]


def test_with_other_insides_of_numba_it_is_loaded_as_numba_does(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = np.zeros((2, 2), np.float32), np.array([0])
    expected = _follow(*arguments)
    monkeypatch.setattr(module, "rtsys", None)
    again: Any = compiled(_follow.py_func)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(again(*arguments)[0], expected[0])
    assert sum(again.stats.cache_hits.values()) == 1


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_what_was_damaged_is_compiled_again(tmp_path: Path, ending: str, content: bytes) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}

    def compute() -> bytes:
        command = [sys.executable, "-c", SCRIPT]
        return subprocess.run(command, capture_output=True, check=True, env=environment).stdout

    whole = compute()
    (kept,) = tmp_path.rglob(f"*.{ending}")
    kept.write_bytes(content)
    assert compute() == whole
    assert compute().split() == [whole.split()[0], b"False"]


def test_what_calls_an_edited_function_of_another_module_is_compiled_again(tmp_path: Path) -> None:
    header = "from speechrnn.compiled import compiled, compiled_within\n"
    below = "@compiled\ndef go(x): return between(x)\n@compiled_within\ndef between(x): return add(x)\n"
    (tmp_path / "outer.py").write_text(f"{header}from inner import add\n{below}")
    command = [sys.executable, "-c", "from outer import go; print(go(1), sum(go.stats.cache_hits.values()))"]

    def write(added: int) -> None:
        (tmp_path / "inner.py").write_text(f"{header}@compiled_within\ndef add(x): return x + {added}\n")

    def run() -> list[bytes]:
        return subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout.split()

    write(1)
    assert run() == [b"2", b"0"]
    write(10)
    assert [run(), run()] == [[b"11", b"0"], [b"11", b"1"]]


def test_where_nothing_can_be_kept_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("no locator available")  # as numba does

    assert explain_compiling() == "that happens once"
    monkeypatch.setattr(module, "_QuickCache", refuse)
    monkeypatch.setattr(module, "_unkept", set())
    again: Any = compiled(_follow.py_func)  # type: ignore[attr-defined]
    assert again(np.zeros((2, 2), np.float32), np.array([0]))[0].tolist() == [0, 0]
    assert explain_compiling().startswith("each time")
