"""Many recordings: named files and all that lies in named folders; what fails is said, and the rest goes on."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Protocol

from speechrnn.audio import AUDIO_SUFFIXES, OTHER_AUDIO_SUFFIXES, is_audio, measure_duration, show_name, spool
from speechrnn.console import (
    abridge,
    count_of,
    note,
    print_line,
    print_text,
    show_progress,
    stderr,
    stdout,
    warn,
    warn_each,
)
from speechrnn.errors import AudioError, OutputError, SpeechRnnError, TextError
from speechrnn.interrupt import Interrupt, catch_interrupts
from speechrnn.manifest import to_token
from speechrnn.outputs import claim, write_atomically
from speechrnn.parallel import map_in_order
from speechrnn.transcribe.formats import FORMATS
from speechrnn.transcribe.ledger import Job, Ledger, hash_file
from speechrnn.transcribe.transcript import Transcript

_STREAMABLE = frozenset({"txt", "json", "ctm"})
"""Formats in which the transcripts of several recordings can follow each other."""

_LONGEST_NAME = 255
"""Bytes of a file's name at most, on the usual file systems."""


class Reader(Protocol):
    """What makes a transcript of a recording: a recogniser, or what lays known texts over recordings."""

    def transcribe(self, path: Path, /, *, advance: Callable[[float], None]) -> Transcript:
        """Returns the transcript of a recording; calls `advance` with the seconds that are done."""


def name_recordings(recordings: Sequence[Path]) -> list[str]:
    """Returns an id for each recording, different ones for different paths, also as `to_token` writes them.

    It is its stem if that is its alone, or its path below what all have in common, without the ending if that is still
    its alone; where only white space tells paths apart, a number follows.
    """
    places = _shorten(recordings)
    ids = [place.stem for place in places]
    forms: list[Callable[[Path], str]] = [lambda place: str(place.with_suffix("")), *repeat(str, len(places))]
    for lengthen in forms:
        counts = Counter(map(to_token, ids))
        if len(counts) == len(ids):
            return ids
        ids = [lengthen(place) if counts[to_token(id)] > 1 else id for id, place in zip(ids, places, strict=True)]
    return _number(ids)


def _number(ids: Sequence[str]) -> list[str]:
    """Returns ids with a number behind those that `to_token` makes equal to one before."""
    taken: dict[str, str] = {}
    for id in ids:
        numbered = next(
            one for one in (id, *(f"{id}-{n}" for n in range(2, len(ids) + 2))) if to_token(one) not in taken
        )
        taken[to_token(numbered)] = numbered
    return list(taken.values())


def _shorten(recordings: Sequence[Path]) -> list[Path]:
    """Returns paths below the folder that all lie in; as they are where there is none."""
    try:
        common = os.path.commonpath([path.parent for path in recordings])
    except ValueError:  # some are absolute and others are not, or they are on two drives
        return list(recordings)
    return [path.relative_to(common) for path in recordings]


def transcribe_files(
    reader: Reader,
    recordings: Sequence[Path],
    advance: Callable[[float], None] = lambda seconds: None,
    ids: Mapping[Path, str] | None = None,
) -> Iterator[Transcript | SpeechRnnError]:
    """Yields the transcript of each recording, or why there is none, in order; one recording a core at a time.

    Args:
        reader: The model, or what lays known texts over recordings.
        recordings: Files.
        advance: Called, from any thread, with the seconds of audio that are done since the last call.
        ids: What to call each recording; None for what `name_recordings` says.
    """
    named = ids or dict(zip(recordings, name_recordings(recordings), strict=True))

    def transcribe(path: Path) -> Transcript | SpeechRnnError:
        try:
            heard = reader.transcribe(path, advance=advance)
            return replace(heard, id=named[path], audio_filepath=show_name(path))
        except (AudioError, TextError) as error:
            return type(error)(str(error).replace(str(path), show_name(path)))

    return map_in_order(transcribe, recordings)


@contextmanager
def open_stdin(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Yields paths, in which "-" is a file with what comes on stdin; it is gone afterwards."""
    if Path("-") not in paths:
        yield list(paths)
        return
    with spool(sys.stdin.buffer) as spooled:
        yield [spooled if path == Path("-") else path for path in paths]


def find_recordings(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Returns the files among some paths with all that lies in the folders among them, and folders that hold none.

    A file that is named, and lies under the same path in a folder that is, comes once.
    """
    found = [_search(path) if _is_folder(path) else [path] for path in paths]
    empty = [path for path, each in zip(paths, found, strict=True) if not each]
    return list(dict.fromkeys(recording for each in found for recording in each)), empty


def print_transcripts(
    reader: Reader, paths: Sequence[Path], format: str = "txt", ids: Mapping[Path, str] | None = None
) -> int:
    """Prints each transcript as it comes, and returns how many paths or recordings failed.

    Args:
        reader: The model, or what lays known texts over recordings.
        paths: Files, and folders to be searched.
        format: One of `FORMATS`; text stands behind the id where there are several recordings.
        ids: What to call each recording; None, or none at all, for what `name_recordings` says.

    Raises:
        OutputError: There are several recordings, whose transcripts in this format cannot follow each other.
    """
    recordings, empty = find_recordings(paths)
    alone = len(recordings) == 1
    if len(recordings) > 1 and format not in _STREAMABLE:
        raise OutputError(f"{format} holds one recording, and there are {len(recordings)}; add --output-dir")

    def show(_: Path, transcript: Transcript) -> None:
        if format == "txt" and not alone:
            print_line(f"{to_token(transcript.id)} {transcript.text}".rstrip())
        else:
            print_text(FORMATS[format](transcript))

    shown_at_once = stdout.is_terminal  # that is progress enough
    return _transcribe_all(reader, recordings, empty, show, ids=ids, show_bar=not shown_at_once)


def write_transcripts(
    reader: Reader,
    paths: Sequence[Path],
    folder: Path,
    formats: Sequence[str],
    key: str,
    *,
    skip: bool = False,
    force: bool = False,
    ids: Mapping[Path, str] | None = None,
) -> int:
    """Writes a file for each recording and format into a folder, and returns how many paths or recordings failed.

    Args:
        reader: The model, or what lays known texts over recordings.
        paths: Files, and folders to be searched.
        folder: Is made.
        formats: Of `FORMATS`; they are the files' endings.
        key: Names the model and its decoder in the ledger.
        skip: Leave out what the ledger says is done: the same audio, read in the same way, its files still there. What
            it says was written from other audio, or in another way, is replaced, unless somebody has changed it.
        force: Replace whatever is there.
        ids: What to call each recording within its files; None, or none at all, for what `name_recordings` says.

    Raises:
        OutputError: A file is in the way, two recordings would be one file, or the ledger is damaged.
    """
    recordings, empty = find_recordings(paths)
    with claim(folder):
        ledger = Ledger(folder)
        stems = dict(zip(recordings, name_recordings(recordings), strict=True))
        jobs = {path: Job(hash_file(path), key) for path in recordings}
        names = {path: [f"{_to_name(stems[path])}.{ending}" for ending in formats] for path in recordings}
        wanted = [path for path in recordings if not (skip and ledger.is_done(jobs[path], names[path]))]
        _check_names(folder, list(names.values()))
        if skip and not force:
            changed = {path: name for path in wanted for name in names[path] if ledger.is_changed(name)}
            wanted = [path for path in wanted if path not in changed]
            warn_each([f"{folder / name}: changed since it was written, left as it is" for name in changed.values()])
        if not force:
            _check_free(folder, [name for path in wanted for name in names[path] if not (skip and ledger.has(name))])
        if len(wanted) < len(recordings):
            note(f"{count_of(len(recordings) - len(wanted), 'recording')} of {len(recordings)} done already")

        def keep(path: Path, transcript: Transcript) -> None:
            ledger.begin(jobs[path], names[path])
            for name, ending in zip(names[path], formats, strict=True):
                with write_atomically(folder / name) as temporary:
                    text = FORMATS[ending](transcript)
                    temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # a name may be no text
            ledger.finish(jobs[path], names[path])

        try:
            return _transcribe_all(reader, wanted, empty, keep, ids=ids or stems, show_bar=True)
        except KeyboardInterrupt:
            note(
                "stopped; what is written is whole: --skip-existing (without --one-speaker) goes on from there,"
                " --force begins again"
            )
            raise


def _transcribe_all(
    reader: Reader,
    recordings: Sequence[Path],
    empty: Sequence[Path],
    use: Callable[[Path, Transcript], None],
    *,
    ids: Mapping[Path, str] | None = None,
    show_bar: bool,
) -> int:
    """Hands on each transcript, says what fails, and at the end again, and returns how many did."""
    for path in empty:
        _complain(f"{path}: holds no recordings ({' '.join(sorted(AUDIO_SUFFIXES))})")
    failed = [str(path) for path in empty]
    seconds = sum(map(_measure, recordings))
    with (
        show_progress("Transcribing", seconds, "s of audio", hidden=not show_bar) as advance,
        catch_interrupts() as interrupt,
    ):

        def move(seconds: float) -> None:
            advance(seconds)
            _stop_where_asked(interrupt)

        results = transcribe_files(reader, recordings, move, ids)
        for path, result in zip(recordings, results, strict=True):
            if isinstance(result, SpeechRnnError):
                _complain(str(result))
                failed.append(show_name(path))
            else:
                use(path, result)
            _stop_where_asked(interrupt)
    if failed and len(recordings) + len(empty) > 1:
        _complain(f"{len(failed)} of {len(recordings) + len(empty)} failed: {abridge(failed)}")
    return len(failed)


def _stop_where_asked(interrupt: Interrupt) -> None:
    """Raises KeyboardInterrupt, also in a thread, after a piece of a recording, if somebody has asked to stop."""
    if interrupt.requested:
        raise KeyboardInterrupt


def _check_names(folder: Path, names: Sequence[Sequence[str]]) -> None:
    counted = Counter(name for each in names for name in each)
    if twice := [name for name, count in counted.items() if count > 1]:
        raise OutputError(f"{folder / twice[0]}: two recordings would be written there; rename one of them")
    if long := [name for name in counted if len(os.fsencode(name)) > _LONGEST_NAME]:
        raise OutputError(f"{folder / long[0]}: is too long for the name of a file; rename the recording")


def _check_free(folder: Path, names: Sequence[str]) -> None:
    if there := [name for name in names if (folder / name).exists()]:
        others = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise OutputError(
            f"{folder / there[0]}{others}: exists; --skip-existing (without --one-speaker) goes on, --force replaces"
        )


def _to_name(id: str) -> str:
    """Returns an id as the name of a file in one folder."""
    return id.strip("/").replace("/", "_")


def _complain(message: str) -> None:
    stderr.print("speechrnn: " + " ".join(message.splitlines()))


def _is_folder(path: Path) -> bool:
    """Returns whether a path is a folder; one that nobody may look at is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _search(folder: Path) -> list[Path]:
    """Returns the recordings in a folder, in order, and says which are passed over for their format."""
    files = sorted(_walk(folder))
    others = [path for path in files if path.suffix.lower() in OTHER_AUDIO_SUFFIXES]
    if others:
        warn(f"{folder}: passed over {len(others)} files that cannot be read, like {others[0].name}; convert them")
    return [path for path in files if is_audio(path)]


def _walk(folder: Path) -> Iterator[Path]:
    """Yields the files in a folder and in those below, also behind links, each folder once."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        links = {name for name in folders if Path(place, name).is_symlink()}
        folders[:] = [*sorted(set(folders) - links), *sorted(links)]
        yield from (Path(place, name) for name in names)


def _measure(path: Path) -> float:
    """Returns a recording's length in seconds; 0 where it cannot be read, which will be said in its turn."""
    try:
        return measure_duration(path)
    except AudioError:
        return 0.0
