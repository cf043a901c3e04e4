"""The house: imports go one way, heavy modules wait until a command needs them, nothing is unpickled."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import speechrnn

PACKAGE = Path(speechrnn.__file__).parent
ROOMS = ("score", "prepare", "train", "transcribe", "adapt", "explain", "cli")
"""In the order in which a room may use those before it; what is in no room is the corridor, which uses none."""

WITHOUT_TORCH = ("errors", "config", "manifest", "records", "text", "counts", "score.readers", "score.report", "cli")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""


def floor_of(module: str) -> int:
    """0 for the corridor, then the rooms in their order."""
    parts = module.split(".")
    return ROOMS.index(parts[1]) + 1 if len(parts) > 1 and parts[1] in ROOMS else 0


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_uses_its_own_room_the_rooms_before_it_and_the_corridor(path: Path) -> None:
    module = ".".join(("speechrnn", *path.relative_to(PACKAGE).with_suffix("").parts))
    for imported in imports_of(path):
        if imported.split(".")[0] == "speechrnn" and path != PACKAGE / "__init__.py":
            assert floor_of(imported) <= floor_of(module), f"{module} imports {imported}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torchaudio_has_one_door_and_pickle_has_none(path: Path) -> None:
    for imported in imports_of(path):
        assert imported.split(".")[0] != "torchaudio" or path.name == "torchaudio_python.py"
        assert imported not in ("dill", "cloudpickle", "shelve", "joblib")
        assert imported != "pickle" or "UnpicklingError" in path.read_text()


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_a_light_module_does_not_import_torch(module: str) -> None:
    code = f"import sys, speechrnn.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_model_listens_without_what_only_training_needs() -> None:
    code = "import sys, speechrnn.transcribe.torch_listener; sys.exit('scipy.signal' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unchanged_corpus_is_recognised_without_torch() -> None:
    code = "import sys, speechrnn.prepare.pipeline, speechrnn.prepare.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_itself_imports_nothing_heavy() -> None:
    code = "import sys, speechrnn; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
