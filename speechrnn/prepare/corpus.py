"""What `prepare` knows of a corpus: how its folder becomes utterances, what it holds, and where it is had."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from speechrnn.errors import CorpusError
from speechrnn.inputs import iterate_lines
from speechrnn.manifest import Utterance
from speechrnn.utterances import UtteranceList

UNSPLIT = "all"
"""The split's name where a corpus does not say what is for training and what for testing."""

Splits = Mapping[str, Sequence[Utterance]]

_SPLIT_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "train": frozenset({"train", "training"}),
        "dev": frozenset({"dev", "val", "valid", "validation"}),
        "test": frozenset({"test", "testing", "eval"}),
    }
)


@dataclass(frozen=True, slots=True)
class Archive:
    """A tar file that its makers offer to everybody.

    Attributes:
        url: Its address.
        sha256: Its checksum; empty where nobody has published one.
        member: The folder in it that is kept; empty for all of it.
        folder: Where that folder is put, seen from the folder of the corpus; there, it is not fetched again.
    """

    url: str
    sha256: str = ""
    member: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus, or a layout that corpora share.

    Attributes:
        name: What `prepare` calls it.
        description: What it is.
        read: Its folder, and the subsets that are wanted (none for all), as utterances by split.
        hours: Of speech.
        speakers: How many.
        lang: Language code; empty where the corpus says it itself, or anything goes.
        licence: Of the recordings.
        size: Of the download.
        archives: What can be fetched, by the name of the subset that it holds.
        default_archives: The subsets that are fetched when none is named; empty for all.
        source: Where it lies, if it ships inside the package.
        make: Makes its recordings of what the user names instead, beside the folder to be prepared, and returns theirs.
    """

    name: str
    description: str
    read: Callable[[Path, Collection[str]], Splits]
    hours: str = "any"
    speakers: str = "any"
    lang: str = "en"
    licence: str = "yours"
    size: str = ""
    archives: Mapping[str, Archive] = field(default_factory=dict)
    default_archives: tuple[str, ...] = ()
    source: Path | None = None
    make: Callable[..., Path] | None = None


def refuse_subsets(subsets: Collection[str], name: str) -> None:
    """Checks that no subset of a corpus without subsets is asked for.

    Raises:
        CorpusError: One is.
    """
    if subsets:
        raise CorpusError(f"{name}: has no subsets; leave out --subsets {','.join(subsets)}")


def require_readable(source: Path) -> None:
    """Checks that every folder of a corpus can be looked into: what one may not read would be left out unseen.

    Raises:
        CorpusError: One cannot.
    """
    if source.is_dir():
        for _ in find_files(source):
            pass


def find_files(source: Path) -> Iterator[Path]:
    """Yields the files at any depth in a folder, sorted folder by folder; links are followed, but in no circle.

    Raises:
        CorpusError: A folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        advice = "is its name right?" if isinstance(error, FileNotFoundError) else "change its rights, or take it out"
        raise CorpusError(f"{error.filename}: cannot be read ({error.strerror or error}); {advice}") from error

    seen = set()
    for root, folders, names in os.walk(source, onerror=refuse, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def find_split(name: str) -> str | None:
    """Returns train, dev or test, whichever a file or folder names itself after (train-clean-100, val_manifest)."""
    parts = name.lower().replace("_", "-").split("-")
    return next((split for split, words in _SPLIT_WORDS.items() if words.intersection(parts)), None)


def gather_splits(parts: Mapping[str, Sequence[Utterance]]) -> Splits:
    """Returns parts with names like train-clean-100 as splits.

    All for training become one split. Where there are several for dev or for test they stay apart under their own
    names (dev-clean, dev-other), because one word error rate over both would be nobody's figure.
    """
    counts = Counter(map(find_split, parts))
    splits: dict[str, UtteranceList] = {}
    for name, utterances in parts.items():
        if split := find_split(name):
            found = split if split == "train" or counts[split] == 1 else name
            splits.setdefault(found, UtteranceList()).extend(utterances)
    return {name: splits[name] for split in _SPLIT_WORDS for name in sorted(splits) if find_split(name) == split}


def read_table(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields the lines of a table with their numbers: a header, then cells between tabs that are never quoted.

    Args:
        path: The file; empty lines in it are passed over.
        columns: Those that each line must have.

    Raises:
        CorpusError: The file cannot be read, or a column is missing in the header or in a line.
    """
    lines = iterate_lines(path, CorpusError)
    first = next(lines, "")
    header = first.split("\t")
    if missing := [column for column in columns if column not in header]:
        found = "commas" if "," in first and len(header) == 1 else "none of these"
        found = ", ".join(header) if len(header) > 1 else found
        raise CorpusError(
            f"{path}:1: the header lacks {', '.join(missing)}; expected {' '.join(columns)} between tabs, found {found}"
        )
    for number, line in enumerate(lines, 2):
        if not line.strip():
            continue
        cells = line.split("\t")
        row = dict(zip(header, cells, strict=False))
        if absent := [column for column in columns if column not in row]:
            raise CorpusError(f"{path}:{number}: no {', '.join(absent)}; a line needs {' '.join(columns)} between tabs")
        if len(cells) > len(header):
            raise CorpusError(f"{path}:{number}: {len(cells)} cells under {len(header)} columns; a tab too many")
        yield number, row
