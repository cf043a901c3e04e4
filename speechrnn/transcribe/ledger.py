"""What was transcribed into a folder, by what: so that the same command goes on, and does nothing twice."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from speechrnn.errors import OutputError
from speechrnn.outputs import explain_disk_errors

LEDGER_FILE = "ledger.jsonl"


@dataclass(frozen=True, slots=True)
class Job:
    """What decides a transcript.

    Attributes:
        audio: Hash of the recording's bytes.
        reader: Hash of the model, and of what its decoder was given.
    """

    audio: str
    reader: str


class Ledger:
    """The jobs of a folder: a line of JSON before each one's files are written, and another one after."""

    def __init__(self, folder: Path) -> None:
        """Reads what was begun and done; a last line that a kill cut short is dropped.

        Raises:
            OutputError: The ledger was damaged, or cannot be written.
        """
        self.path = folder / LEDGER_FILE
        self._left_by: dict[str, Job | None] = {}
        self._hashes: dict[str, str] = {}
        whole = self.path.read_bytes() if self.path.exists() else b""
        kept = whole[: whole.rfind(b"\n") + 1]
        if kept != whole:
            with explain_disk_errors(self.path):
                os.truncate(self.path, len(kept))
        for number, line in enumerate(kept.splitlines(), 1):
            try:
                entry = json.loads(line)
                self._note(Job(entry["audio"], entry["reader"]), list(entry["files"]), bool(entry["done"]))
                self._hashes |= dict(entry.get("hashes", {}))
            except (ValueError, KeyError, TypeError) as error:
                raise OutputError(f"{self.path}:{number}: damaged; delete the line, or the file") from error

    def has(self, name: str) -> bool:
        """Returns whether any job has left a file, whole or not at all."""
        return name in self._left_by

    def is_changed(self, name: str) -> bool:
        """Returns whether a file is there that a job has left, and somebody has changed since."""
        left, path = self._hashes.get(name), self.path.parent / name  # no hash where a job was killed
        return left is not None and path.exists() and hash_file(path) != left

    def is_done(self, job: Job, names: Sequence[str]) -> bool:
        """Returns whether a job left all these files, no other has replaced them, and they are still there."""
        return all(self._left_by.get(name) == job and (self.path.parent / name).exists() for name in names)

    def begin(self, job: Job, names: Sequence[str]) -> None:
        """Notes which files a job is about to leave; errors as `finish`."""
        self._append(job, names, done=False)

    def finish(self, job: Job, names: Sequence[str]) -> None:
        """Notes that a job is done and which files it left.

        Raises:
            OutputError: The ledger cannot be written.
        """
        self._append(job, names, done=True)

    def _append(self, job: Job, names: Sequence[str], done: bool) -> None:
        hashes = {name: hash_file(self.path.parent / name) for name in names} if done else {}
        entry = {"audio": job.audio, "reader": job.reader, "files": list(names), "done": done, "hashes": hashes}
        with explain_disk_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")  # in ASCII: a file's name may be no text
        self._note(job, names, done)
        self._hashes |= hashes

    def _note(self, job: Job, names: Sequence[str], done: bool) -> None:
        self._left_by |= dict.fromkeys(names, job if done else None)
        for name in names:
            self._hashes.pop(name, None)


def hash_file(path: Path) -> str:
    """Returns the hash of a file's bytes; of nothing where it cannot be read, which is said when it is opened.

    Of what is no file, a pipe that may be drained by now, it is one that was never returned before.
    """
    try:
        if path.exists() and not path.is_file():
            return uuid4().hex
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


def hash_reader(files: Sequence[Path | None], settings: Sequence[object]) -> str:
    """Returns the hash of a model, a language model and whatever else files say, and of settings."""
    parts = [hash_file(path) if path else "" for path in files]
    return hashlib.sha256(json.dumps([*parts, *map(str, settings)]).encode()).hexdigest()
