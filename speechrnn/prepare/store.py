"""The feature store of one split: one array of all frames, memory-mapped, and how many frames each utterance has.

Beside `SPLIT.jsonl` lie `SPLIT.features.npy`, float32 (frames of all utterances, coefficients), and
`SPLIT.frames.npy`, int64 (utterances,), in the manifest's order. Any program that reads NumPy's files reads them.
"""

import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from speechrnn.errors import CorpusError
from speechrnn.manifest import SetAside, Utterance, json_line, read_manifest, write_manifest
from speechrnn.records import build_record, parse_record

ENDINGS = ("jsonl", "features.npy", "frames.npy", "set_aside.jsonl")
"""The files of a split: SPLIT.jsonl and so on."""

if TYPE_CHECKING:
    from speechrnn.features import Features
    from speechrnn.prepare.extract import Extracted

_HEADER_BYTES = 128


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What a split holds: utterances, seconds of speech, speakers, and how many utterances were set aside."""

    utterances: int
    seconds: float
    speakers: int
    set_aside: int


class FeatureStore:
    """Features of a prepared split, read from disk as they are asked for."""

    def __init__(self, folder: Path, split: str) -> None:
        """Opens a split.

        Raises:
            CorpusError: A file is missing or does not fit the others.
        """
        self.split = split
        self.utterances: Sequence[Utterance] = read_manifest(folder / f"{split}.jsonl")
        self._features = _open_array(folder / f"{split}.features.npy")
        self.frames: NDArray[np.int64] = np.array(_open_array(folder / f"{split}.frames.npy"))
        self._ends = np.cumsum(self.frames)
        if len(self.frames) != len(self.utterances) or self.frames.sum() != len(self._features):
            raise CorpusError(
                f"{folder}: the manifest, frames and features of {split!r} do not belong together; prepare it again"
            )

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> "Features":
        """Returns the features of one utterance, (frames, coefficients)."""
        end = self._ends[index]
        return np.array(self._features[end - self.frames[index] : end])

    @property
    def coefficients(self) -> int:
        """Coefficients a frame."""
        return int(self._features.shape[1])


def read_set_aside(folder: Path, split: str) -> list[SetAside]:
    """Returns the utterances of a split that preparing left out, and why."""
    lines = (folder / f"{split}.set_aside.jsonl").read_text(encoding="utf-8").splitlines()
    return [parse_record(SetAside, line) for line in lines]


class StoreWriter:
    """Writes a split utterance by utterance, and goes on where an earlier writer was killed.

    What is done stands in a journal, one line an utterance, written after its features. A torn last line, and
    features without a line, are dropped when the writer opens.
    """

    def __init__(self, folder: Path, split: str, coefficients: int) -> None:
        self._folder, self._split = folder, split
        self._coefficients = coefficients
        self._data = _open_for_update(folder / f"{split}.features.npy")
        self._journal = _open_for_update(folder / f"{split}.journal.jsonl")
        entries = self._recover()
        self._frames = sum(entry.get("frames", 0) for entry in entries)
        self.done = len(entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()
        self._journal.close()

    def append(self, result: "Extracted | SetAside") -> None:
        """Adds one utterance, or the note why it was set aside."""
        if isinstance(result, SetAside):
            entry: dict[str, Any] = {"set_aside": asdict(result)}
        else:
            self._data.write(result.features.astype("<f4").tobytes())
            self._data.flush()
            self._frames += len(result.features)
            entry = {"utterance": asdict(result.utterance), "frames": len(result.features)}
        self._journal.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._journal.flush()
        self.done += 1

    def finish(self) -> SplitSummary:
        """Completes the split's files and returns what the split holds."""
        entries = self._recover()
        utterances = [build_record(Utterance, entry["utterance"]) for entry in entries if "utterance" in entry]
        set_aside = [build_record(SetAside, entry["set_aside"]) for entry in entries if "set_aside" in entry]
        frames = [entry["frames"] for entry in entries if "utterance" in entry]
        self._data.seek(0)
        self._data.write(_header(self._frames, self._coefficients))
        self._data.flush()
        np.save(self._folder / f"{self._split}.frames.npy", np.array(frames, dtype=np.int64))
        write_manifest(self._folder / f"{self._split}.jsonl", utterances)
        with (self._folder / f"{self._split}.set_aside.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(map(json_line, set_aside))
        return SplitSummary(
            utterances=len(utterances),
            seconds=round(sum(utterance.duration or 0.0 for utterance in utterances), 3),
            speakers=len({utterance.speaker for utterance in utterances}),
            set_aside=len(set_aside),
        )

    def _recover(self) -> list[dict[str, Any]]:
        """Returns the journal's entries whose features are all there, and cuts both files behind the last of them."""
        row_bytes = 4 * self._coefficients
        left = (self._data.seek(0, os.SEEK_END) - _HEADER_BYTES) // row_bytes
        entries, journal_bytes, frames = [], 0, 0
        self._journal.seek(0)
        for line in self._journal:
            entry = json.loads(line) if line.endswith(b"\n") else None
            if entry is None or entry.get("frames", 0) > left - frames:
                break
            entries.append(entry)
            journal_bytes += len(line)
            frames += entry.get("frames", 0)
        self._journal.seek(journal_bytes)
        self._journal.truncate()
        if left < 0:
            self._data.seek(0)
            self._data.write(_header(0, self._coefficients))
        self._data.seek(_HEADER_BYTES + frames * row_bytes)
        self._data.truncate()
        return entries


def _open_for_update(path: Path) -> io.BufferedRandom:
    path.touch()
    return path.open("r+b")


def _header(frames: int, coefficients: int) -> bytes:
    """Returns the head of a NumPy file; NumPy leaves room in it for the first axis to grow."""
    head = io.BytesIO()
    shape = {"shape": (frames, coefficients), "fortran_order": False, "descr": "<f4"}
    np.lib.format.write_array_header_1_0(head, shape)
    assert head.tell() == _HEADER_BYTES
    return head.getvalue()


def _open_array(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: no array of a prepared corpus ({error}); prepare it again") from error
    return array
