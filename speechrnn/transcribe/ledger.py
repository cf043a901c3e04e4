"""What was transcribed into a folder, by what: so that the same command goes on, and does nothing twice."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechrnn.errors import OutputError
from speechrnn.outputs import explain_disk_errors

LEDGER_FILE = "ledger.jsonl"

_BLOCK = 1 << 20


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
    """The jobs that are done in a folder: one line of JSON each, written after the files that it names."""

    def __init__(self, folder: Path) -> None:
        """Reads what was done.

        Raises:
            OutputError: The ledger was damaged.
        """
        self.path = folder / LEDGER_FILE
        self._done: dict[Job, list[str]] = {}
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").split("\n")
            for number, line in enumerate(lines[:-1], 1):  # what follows the last line end was cut short by a kill
                try:
                    entry = json.loads(line)
                    self._done[Job(entry["audio"], entry["reader"])] = list(entry["files"])
                except (ValueError, KeyError, TypeError) as error:
                    raise OutputError(f"{self.path}:{number}: damaged; delete the line, or the file") from error

    def is_done(self, job: Job, names: Sequence[str]) -> bool:
        """Returns whether a job left exactly these files, and they are still there."""
        written = self._done.get(job, [])
        return set(names) <= set(written) and all((self.path.parent / name).exists() for name in names)

    def record(self, job: Job, names: Sequence[str]) -> None:
        """Notes that a job is done and which files it left.

        Raises:
            OutputError: The ledger cannot be written.
        """
        self._done[job] = list(names)
        line = json.dumps({"audio": job.audio, "reader": job.reader, "files": list(names)}, ensure_ascii=False)
        with explain_disk_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def hash_file(path: Path) -> str:
    """Returns the hash of a file's bytes; of nothing where it cannot be read, which is said when it is opened."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()


def hash_reader(files: Sequence[Path | None], settings: Sequence[object]) -> str:
    """Returns the hash of a model, a language model and whatever else files say, and of settings."""
    parts = [hash_file(path) if path else "" for path in files]
    return hashlib.sha256(json.dumps([*parts, *map(str, settings)]).encode()).hexdigest()
