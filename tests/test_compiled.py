"""Compiled loops: what a machine has compiled once is loaded by itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from speechrnn import compiled as module
from speechrnn.compiled import compiled
from speechrnn.transcribe.search import _add

SCRIPT = (
    "import sys; from speechrnn.transcribe.search import _add; print(_add(0.0, 0.0), 'scipy.linalg' in sys.modules)"
)


def test_what_is_kept_is_loaded_without_what_only_compiling_needs() -> None:
    said = [subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True).stdout for _ in range(2)]
    assert said[1].split() == [said[0].split()[0], b"False"]


def test_with_other_insides_of_numba_it_is_loaded_as_numba_does(monkeypatch: pytest.MonkeyPatch) -> None:
    _add(0.0, 0.0)
    monkeypatch.setattr(module, "rtsys", None)
    again: Any = compiled(_add.py_func)  # type: ignore[attr-defined]
    assert again(0.0, 0.0) == pytest.approx(0.6931471805599453)
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
