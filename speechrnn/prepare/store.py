"""The feature store of one split: one array of all frames, memory-mapped, and how many frames each utterance has.

Beside `SPLIT.jsonl` lie `SPLIT.features.npy`, float32 or float16 (frames of all utterances, coefficients), and
`SPLIT.frames.npy`, int64 (utterances,), in the manifest's order. Any program that reads NumPy's files reads them.
"""

import io
import json
import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from speechrnn.errors import CorpusError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance, json_line, read_manifest
from speechrnn.records import build_record, parse_record

ENDINGS = ("jsonl", "features.npy", "frames.npy", "set_aside.jsonl")
"""The files of a split: SPLIT.jsonl and so on."""

Features = NDArray[np.float32]

_HEADER_BYTES = 128


@dataclass(frozen=True, slots=True)
class Extracted:
    """An utterance with its duration measured, and its features, (frames, coefficients)."""

    utterance: Utterance
    features: Features


@dataclass(frozen=True, slots=True)
class SetAside:
    """An utterance that is left out, by id, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What a split holds: utterances, seconds of speech, speakers, and how many utterances were set aside."""

    utterances: int
    seconds: float
    speakers: int
    set_aside: int


class FeatureStore:
    """Features of a prepared split, read from disk as they are asked for; shards of it are one after the other."""

    def __init__(self, folders: Sequence[Path], split: str) -> None:
        """Opens a split.

        Args:
            folders: Of a prepared corpus, or of each of its shards.
            split: Its name.

        Raises:
            CorpusError: A file is missing or does not fit the others.
        """
        self.split = split
        parts = [_Part.open(folder, split) for folder in folders]
        self.utterances: Sequence[Utterance] = [utterance for part in parts for utterance in part.utterances]
        self.frames: NDArray[np.int64] = np.concatenate([part.frames for part in parts])
        self._features = [part.features for part in parts]
        self._ends = np.concatenate([np.cumsum(part.frames) for part in parts])
        self._part_of = np.repeat(np.arange(len(parts)), [len(part.frames) for part in parts])
        self._moves: Mapping[str, Features] = {}

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Features:
        """Returns the features of one utterance, (frames, coefficients)."""
        end = self._ends[index]
        part = self._features[self._part_of[index]]
        features = np.array(part[end - self.frames[index] : end], dtype=np.float32)
        move = self._moves.get(self.utterances[index].speaker)
        return features if move is None else features + move

    def move(self, moves: Mapping[str, Features]) -> Self:
        """Returns the same, in which what is said for a speaker, (coefficients,), is added to all features of his."""
        other = copy(self)
        other._moves = moves
        return other

    @property
    def coefficients(self) -> int:
        """Coefficients a frame."""
        return int(self._features[0].shape[1])


@dataclass(frozen=True, slots=True)
class _Part:
    """A split in one folder."""

    utterances: list[Utterance]
    frames: NDArray[np.int64]
    features: NDArray[np.floating[Any]]

    @classmethod
    def open(cls, folder: Path, split: str) -> Self:
        utterances = read_manifest(folder / f"{split}.jsonl")
        features = _open_array(folder / f"{split}.features.npy")
        frames = np.array(_open_array(folder / f"{split}.frames.npy"))
        if not _fit(features, frames, len(utterances)):
            raise CorpusError(
                f"{folder}: the manifest, frames and features of {split!r} do not belong together; prepare it again"
            )
        return cls(utterances, frames, features)


def check_split(folder: Path, split: str, summary: SplitSummary) -> None:
    """Checks that a split's files are all there and belong together, without reading them whole.

    Raises:
        CorpusError: They do not.
    """
    features, frames = (_open_array(folder / f"{split}.{name}.npy") for name in ("features", "frames"))
    manifests = [folder / f"{split}.jsonl", folder / f"{split}.set_aside.jsonl"]
    try:
        lines = [path.read_bytes().count(b"\n") for path in manifests]
    except OSError as error:
        raise CorpusError(f"{error.filename}: cannot be read ({error.strerror}); prepare it again") from error
    if lines != [summary.utterances, summary.set_aside] or not _fit(features, frames, summary.utterances):
        raise CorpusError(f"{folder}: the files of {split!r} do not belong together; prepare it again")


def read_set_aside(folder: Path, split: str) -> list[SetAside]:
    """Returns the utterances of a split that preparing left out, and why."""
    lines = read_lines(folder / f"{split}.set_aside.jsonl", CorpusError)
    try:
        return [parse_record(SetAside, line) for line in lines if line]
    except ValueError as error:
        raise CorpusError(f"{folder / f'{split}.set_aside.jsonl'}: {error}; prepare the corpus again") from error


def _parse_entry(line: bytes) -> dict[str, Any] | None:
    """Returns an entry of a journal, or None for what a kill or a power cut has left of one."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


class StoreWriter:
    """Writes a split utterance by utterance, and goes on where an earlier writer was killed.

    What is done stands in a journal, one line an utterance, written after its features. A torn last line, and
    features without a line, are dropped when the writer opens.
    """

    def __init__(self, folder: Path, split: str, coefficients: int, dtype: str = "float32") -> None:
        self._folder, self._split = folder, split
        self._coefficients = coefficients
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._data = _open_for_update(folder / f"{split}.features.npy")
        self._journal = _open_for_update(folder / f"{split}.journal.jsonl")
        self.done, self._frames = self._recover()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()
        self._journal.close()

    def append(self, result: Extracted | SetAside) -> None:
        """Adds one utterance, or the note why it was set aside."""
        if isinstance(result, SetAside):
            entry: dict[str, Any] = {"set_aside": asdict(result)}
        else:
            self._data.write(result.features.astype(self._dtype).tobytes())
            self._data.flush()
            self._frames += len(result.features)
            entry = {"utterance": asdict(result.utterance), "frames": len(result.features)}
        self._journal.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._journal.flush()
        self.done += 1

    def finish(self) -> SplitSummary:
        """Completes the split's files and returns what the split holds."""
        frames, speakers, seconds, utterances, set_aside = array("q"), set(), 0.0, 0, 0
        manifest, notes = (self._folder / f"{self._split}.{ending}" for ending in ("jsonl", "set_aside.jsonl"))
        with manifest.open("w", encoding="utf-8") as kept, notes.open("w", encoding="utf-8") as left_out:
            for entry, _ in self._read_journal():
                if "set_aside" in entry:
                    left_out.write(json_line(build_record(SetAside, entry["set_aside"])))
                    set_aside += 1
                    continue
                utterance = build_record(Utterance, entry["utterance"])
                kept.write(json_line(utterance))
                frames.append(entry["frames"])
                speakers.add(utterance.speaker)
                seconds += (utterance.duration or 0.0) / utterance.speed
                utterances += 1
        self._data.seek(0)
        self._data.write(self._header(self._frames))
        self._data.flush()
        np.save(self._folder / f"{self._split}.frames.npy", np.array(frames, dtype=np.int64))
        return SplitSummary(utterances, round(seconds, 3), len(speakers), set_aside)

    def _recover(self) -> tuple[int, int]:
        """Cuts both files behind the last entry whose features are all there; returns how many entries, and frames."""
        row_bytes = self._dtype.itemsize * self._coefficients
        left = (self._data.seek(0, os.SEEK_END) - _HEADER_BYTES) // row_bytes
        done, frames, journal_bytes = 0, 0, 0
        for entry, size in self._read_journal():
            if entry.get("frames", 0) > left - frames:
                break
            done += 1
            frames += entry.get("frames", 0)
            journal_bytes += size
        self._journal.seek(journal_bytes)
        self._journal.truncate()
        if left < 0:
            self._data.seek(0)
            self._data.write(self._header(0))
        self._data.seek(_HEADER_BYTES + frames * row_bytes)
        self._data.truncate()
        return done, frames

    def _read_journal(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Yields the journal's entries, up to a torn one, and how many bytes each takes."""
        self._journal.seek(0)
        for line in self._journal:
            entry = _parse_entry(line)
            if entry is None:
                return
            yield entry, len(line)

    def _header(self, frames: int) -> bytes:
        """Returns the head of a NumPy file; NumPy leaves room in it for the first axis to grow."""
        head = io.BytesIO()
        shape = {"shape": (frames, self._coefficients), "fortran_order": False, "descr": self._dtype.str}
        np.lib.format.write_array_header_1_0(head, shape)
        assert head.tell() == _HEADER_BYTES
        return head.getvalue()


def _open_for_update(path: Path) -> io.BufferedRandom:
    path.touch()
    return path.open("r+b")


def _fit(features: NDArray[Any], frames: NDArray[Any], utterances: int) -> bool:
    """Returns whether arrays are what a split's arrays are: (frames, coefficients), and whole numbers that sum up."""
    if features.ndim != 2 or features.dtype.kind != "f" or frames.ndim != 1 or frames.dtype.kind != "i":
        return False
    return len(frames) == utterances and int(frames.sum()) == len(features)


def _open_array(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: no array of a prepared corpus ({error}); prepare it again") from error
    if not isinstance(array, np.ndarray):
        raise CorpusError(f"{path}: no array of a prepared corpus; prepare it again")
    return array
