"""A folder of recordings, each with its transcript beside it in a text file of the same name."""

from collections.abc import Collection
from pathlib import Path

from speechrnn.audio import AUDIO_SUFFIXES, is_audio
from speechrnn.errors import CorpusError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import UNSPLIT, Corpus, Splits, find_files, find_split, gather_splits, refuse_subsets


def read_folder(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the recordings at any depth; the id is the path without its ending.

    Folders named train, dev and test at the top are splits. The folder below (or at the top, without those) is the
    speaker's name; a recording in none has no speaker.

    Raises:
        CorpusError: There is no recording, or two differ only in their ending.
    """
    refuse_subsets(subsets, "folder")
    audio = sorted(path for path in find_files(source) if is_audio(path))
    if not audio:
        raise CorpusError(f"{source}: no recordings here ({' '.join(sorted(AUDIO_SUFFIXES))})")
    places = [path.relative_to(source).parts for path in audio]
    split = all(len(parts) > 1 and find_split(parts[0]) for parts in places)
    parts: dict[str, list[Utterance]] = {}
    for path in audio:
        *folders, _ = path.relative_to(source).parts
        part = folders.pop(0) if split else UNSPLIT
        parts.setdefault(part, []).append(_read(path, source, folders[0] if folders else ""))
    return gather_splits(parts) if split else parts


def _read(path: Path, source: Path, speaker: str) -> Utterance:
    text = path.with_suffix(".txt")
    words = " ".join(read_lines(text, CorpusError)) if text.exists() else ""  # without a text it is set aside by id
    return Utterance(str(path), words, id=str(path.relative_to(source).with_suffix("")), speaker=speaker)


CORPORA = (Corpus("folder", "your recordings, each with a .txt of its words beside it", read_folder, lang=""),)
