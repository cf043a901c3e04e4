"""The folder of an adaptation: what lies in it, whose it is, and that only one process is at it."""

import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import tomli_w

from speechrnn.console import abridge, name_command
from speechrnn.errors import OutputError
from speechrnn.manifest import to_utf8
from speechrnn.modelinfo import MODEL_FILE
from speechrnn.outputs import claim, explain_disk_errors, is_ours, write_atomically
from speechrnn.prepare.pipeline import check_partial, check_replaceable
from speechrnn.settings import read_toml
from speechrnn.train.folder import is_of_run
from speechrnn.train.state import STATE_FILE
from speechrnn.transcribe.ledger import hash_file

DATA, RUN = "data", "run"
"""The recordings, prepared, and the adapted model."""

TEST = "test"
"""Beside recordings without texts: what is for testing, prepared."""

_ROUND = "round"
"""What the folder of a round is called, before its number."""

HEARD = "heard"
"""The folder of a round that holds what was heard, as manifests that a person can read."""

HEARD_FILES = ("train.jsonl", "dev.jsonl")
"""What is learned from, and what chooses the epoch, in the order in which they are written."""

_IN_ROUND = re.compile(rf"{HEARD}|{RUN}|{DATA}|{DATA}\.partial|\.{DATA}\..*\.replaced")
"""What lies in the folder of a round."""

_ORIGIN = "origin.toml"
"""The file that says which model has been adapted, and how."""

_MODEL = "model_sha256"
"""The key in it of a hash of that model."""

_REMOVED = ".removed"
"""Ends the names of folders that are about to go."""

_REMOVAL = re.compile(rf"\.({_ROUND}\d+|{TEST}|{DATA}|{RUN})\{_REMOVED}")


@contextmanager
def open_folder(
    out: Path,
    model: Path,
    recordings: Path,
    force: bool = False,
    options: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[None]:
    """Keeps a folder for one adaptation within the block, and notes whose it is.

    Args:
        out: The folder; what was left by an adaptation that has neither heard nor prepared anything is no obstacle.
        model: The model that learns.
        recordings: Those that it learns from.
        force: What another adaptation has left goes, before the new one is noted.
        options: What else decides what becomes of the model; where "recordings" is among them, they have no texts.

    Raises:
        OutputError: It is no folder, holds another adaptation, other files, or what is to be read, or another process
            is at it.
    """
    origin = {"model": to_utf8(str(model)), _MODEL: hash_file(model), **options}
    for path, what in ((model, "model that shall learn"), (recordings, "recordings")):
        if path.resolve().is_relative_to(out.resolve()):
            raise OutputError(f"{out}: holds the {what}; choose another --out")
    _check_origin(out, origin, force)
    with claim(out):
        _check_origin(out, origin, force)  # again: another process may have been here
        if force or not _holds_work(out):
            _clear(out)
        with write_atomically(out / _ORIGIN) as path:
            path.write_text(tomli_w.dumps(origin), encoding="utf-8")
        yield


def name_round(out: Path, number: int) -> Path:
    """Returns the folder of a round, from 1."""
    return out / f"{_ROUND}{number}"


def count_rounds(out: Path) -> int:
    """Returns how many rounds there are, finished or not."""
    return len(_list_rounds(out))


def name_again(recordings: Path, out: Path) -> str:
    """Returns what goes on with an adaptation that was interrupted."""
    command = shlex.join([name_command(), "adapt", str(recordings), "--out", str(out)])
    return f"{command} with the same options, but for --force"


def _check_origin(out: Path, origin: Mapping[str, str], force: bool) -> None:
    """Raises OutputError where a folder holds another adaptation, or other files."""
    path = out / _ORIGIN
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is no folder; name one for the adaptation")
    if not path.exists():
        if out.exists() and not all(map(is_ours, out.iterdir())):
            raise OutputError(f"{out}: holds other files; choose another --out")
        return
    was = _read_origin(path)
    if force or not _holds_work(out):
        return
    names = (was.keys() | origin.keys()) - {"model"}  # which may have another name now
    if other := sorted(name for name in names if was.get(name) != origin.get(name)):
        what = f"an adaptation with other {abridge(other)}"
        if _MODEL in other:
            what = "another model's adaptation"
        elif ("recordings" in was) != ("recordings" in origin):
            what = "an adaptation of another kind, with texts or without"
        raise OutputError(f"{out}: holds {what}; --force begins again, or choose another --out")


def _read_origin(path: Path) -> dict[str, object]:
    try:
        was = read_toml(path, OutputError)
    except OutputError:
        was = {}
    if _MODEL not in was:
        raise OutputError(f"{path}: is not what adapt wrote, or was damaged; choose another --out")
    return was


def _holds_work(out: Path) -> bool:
    """Returns whether an adaptation has come so far that something was prepared, heard or learned."""
    paths = (out / DATA, out / RUN / MODEL_FILE, out / RUN / STATE_FILE, *_list_rounds(out))
    return any(path.exists() for path in paths)


def _list_rounds(out: Path) -> list[Path]:
    return [path for path in out.glob(f"{_ROUND}*") if path.name.removeprefix(_ROUND).isdecimal() and path.is_dir()]


def _clear(out: Path) -> None:
    """Takes away what would pass for a part of the next adaptation; killed at any time, no half of it is left.

    Raises:
        OutputError: Somebody else's files lie in it, and nothing is taken away; or it cannot be.
    """
    doomed = [path for path in (*_list_rounds(out), out / TEST, out / DATA, out / RUN) if path.exists()]
    foreign = _list_foreign(out)
    for path in _list_rounds(out):
        foreign += _list_foreign(path)
        foreign += [one for one in _list(path) if not _IN_ROUND.fullmatch(one.name)]
    if foreign:
        raise OutputError(f"{foreign[0]}: is in the way, and not what adapt wrote; move it, or choose another --out")
    with explain_disk_errors(out):
        _finish_removal(out)
        for path in doomed:
            path.rename(out / f".{path.name}{_REMOVED}")
        _finish_removal(out)


def _list_foreign(folder: Path) -> list[Path]:
    """Returns what lies in the parts of an adaptation, or of a round, and is not ours.

    Raises:
        OutputError: It lies in what is prepared.
    """
    for name in (DATA, TEST):
        check_replaceable(folder / name, force=True)
        check_partial(folder / f"{name}.partial")
    foreign = [one for one in _list(folder / RUN) if not is_of_run(one)]
    return foreign + [one for one in _list(folder / HEARD) if one.name not in HEARD_FILES and not is_ours(one)]


def _list(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _finish_removal(out: Path) -> None:
    """Removes the folders that were to go; of a link to one elsewhere, the link."""
    for path in out.iterdir():
        if _REMOVAL.fullmatch(path.name):
            if path.is_symlink():
                path.unlink()
            elif path.is_dir():
                shutil.rmtree(path)
