"""Results on disk: never half-written, never written over by accident, never by two at once."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechrnn.errors import OutputError

LOCK_FILE = ".lock"

_TEMPORARY = re.compile(r"\..+\.\d+\.partial")
"""The name that `write_atomically` gives a file until it is whole."""

_SHOWN = 50
"""Characters of a file's name that its temporary one shows: a longer name could be too long."""


@contextmanager
def explain_disk_errors(path: Path) -> Iterator[None]:
    """Turns what the operating system says while `path` is written into an OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{error.filename or path}: cannot be written ({error.strerror or error})") from error


def refuse_existing(path: Path, force: bool) -> None:
    """Raises OutputError where there is something that may not be replaced."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; choose another name")
    _refuse_devices(path)
    if path.exists() and not force:
        raise OutputError(f"{path}: exists; --force replaces a file, or choose another name")


def _refuse_devices(path: Path) -> None:
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OutputError(f"{path}: is a device or a pipe, which a file would take the place of; choose another name")


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and renames it when the block ends well; else nothing changes.

    Raises:
        OutputError: The file cannot be written (no space left, no permission), or is no file.
    """
    temporary = path.with_name(f".{path.name[-_SHOWN:]}.{os.getpid()}.partial")
    with explain_disk_errors(path):
        _refuse_devices(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def is_ours(path: Path) -> bool:
    """Returns whether a path in a folder of results is a lock, or what a kill has left of `write_atomically`."""
    return path.name == LOCK_FILE or (_TEMPORARY.fullmatch(path.name) is not None and not path.is_dir())


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Makes a folder and keeps other processes of ours from writing into it within the block.

    What a kill has left of `write_atomically` is removed.

    Raises:
        OutputError: Another process is at it, or it cannot be made.
    """
    from filelock import FileLock, Timeout  # what only reads does without it

    if folder.is_symlink() and not folder.exists():
        raise OutputError(f"{folder}: is a link to {folder.readlink()}, which is not there")
    lock = FileLock(folder / LOCK_FILE)
    with explain_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise OutputError(
                f"{folder}: another process is writing there; wait for it or choose another --out"
            ) from error
    try:
        for path in folder.iterdir():
            if path.name != LOCK_FILE and is_ours(path):
                path.unlink()
        yield
    finally:
        lock.release()
