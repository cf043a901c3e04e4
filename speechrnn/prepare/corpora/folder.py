"""A folder of recordings, each with its transcript beside it in a text file of the same name."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from speechrnn.audio import AUDIO_SUFFIXES, is_audio, looks_like_audio
from speechrnn.console import count_of, warn, warn_each
from speechrnn.errors import CorpusError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import UNSPLIT, Corpus, Splits, find_files, find_split, gather_splits, refuse_subsets


def read_folder(source: Path, subsets: Collection[str] = (), *, untranscribed: bool = False) -> Splits:
    """Returns the recordings at any depth; the id is the path without its ending.

    Folders named train, dev and test at the top are splits. The folder below (or at the top, without those) is the
    speaker's name; a recording in none has no speaker.

    Args:
        source: The folder.
        subsets: There are none.
        untranscribed: Read no texts but those of splits for testing.

    Raises:
        CorpusError: There is no recording, none has a text, or a folder cannot be read.
    """
    refuse_subsets(subsets, "folder")
    files = list(find_files(source))
    found = sorted(filter(looks_like_audio, files))
    audio = [path for path in found if is_audio(path)]
    if not audio:
        hint = f"; {found[0].name} and its like cannot be read, convert them, with ffmpeg, say" if found else ""
        raise CorpusError(f"{source}: no recordings here ({' '.join(sorted(AUDIO_SUFFIXES))}){hint}")
    if others := [path for path in found if not is_audio(path)]:
        warn(f"{source}: passed over {len(others)} files that cannot be read, like {others[0].name}; convert them")
    places = [path.relative_to(source).parts for path in audio]
    split = all(len(parts) > 1 and find_split(parts[0]) for parts in places)
    if not split:
        _warn_of_splits(source, audio)
    written = sorted((path for path in files if path.suffix.lower() == ".txt"), key=lambda path: path.suffix == ".txt")
    texts = {path.with_suffix(""): path for path in written}
    if not untranscribed:
        _compare(source, audio, others, texts)
    parts: dict[str, list[Utterance]] = {}
    unread: list[str] = []
    for path in audio:
        *folders, _ = path.relative_to(source).parts
        part = folders.pop(0) if split else UNSPLIT
        id, speaker = str(path.relative_to(source).with_suffix("")), folders[0] if folders else ""
        wanted = not untranscribed or find_split(part) == "test"
        text = _read_text(texts.get(path.with_suffix("")), unread) if wanted else ""
        parts.setdefault(part, []).append(Utterance(str(path), text, id=id, speaker=speaker))
    warn_each(unread)
    return gather_splits(parts) if split else parts


def _compare(source: Path, audio: Sequence[Path], others: Sequence[Path], texts: Mapping[Path, Path]) -> None:
    """Says which recordings have no text, and which texts no recording; raises CorpusError where no two belong."""
    stems = {path.with_suffix("") for path in (*audio, *others)}
    silent = [path for path in audio if path.with_suffix("") not in texts]
    lost = [path for stem, path in texts.items() if stem not in stems]
    if len(silent) == len(audio):
        raise CorpusError(
            f"{source}: none of {count_of(len(audio), 'recording')} has its words beside it, like"
            f" {silent[0].with_suffix('.txt').name}; is it laid out otherwise (speechrnn prepare --help lists how)?"
        )
    if silent:
        missing = silent[0].with_suffix(".txt").relative_to(source)
        warn(f"{source}: {count_of(len(silent), 'recording')} without words: {missing} is not there, for example")
    if lost:
        warn(f"{source}: {count_of(len(lost), 'text')} without a recording, like {lost[0].relative_to(source)}")


def _warn_of_splits(source: Path, audio: Sequence[Path]) -> None:
    """Says which folders named after splits are none, and why."""
    places = [path.relative_to(source).parts[:-1] for path in audio]
    if named := sorted({folders[0] for folders in places if folders and find_split(folders[0])}):
        other = next(path for path in audio if path.relative_to(source).parts[0] not in named)
        warn(f"{source}: {', '.join(named)} are taken for no splits, as {other.relative_to(source)} lies in none")
    elif deep := sorted({folder for folders in places for folder in folders if find_split(folder)}):
        warn(f"{source}: {', '.join(deep)} are taken for no splits, as they do not lie at the top")


def _read_text(path: Path | None, unread: list[str]) -> str:
    """Returns what a file says, or nothing, so that its recording is set aside by id; notes why it cannot be read."""
    if path is None:
        return ""
    try:
        return " ".join(read_lines(path, CorpusError))
    except CorpusError as error:
        unread.append(str(error))
        return ""


CORPORA = (Corpus("folder", "your recordings, each with a .txt of its words beside it", read_folder, lang=""),)
