"""Many recordings: named files and all that lies in named folders; what fails is said, and the rest goes on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from speechrnn.audio import AUDIO_SUFFIXES
from speechrnn.console import print_line, show_progress, stderr, stdout
from speechrnn.errors import AudioError
from speechrnn.parallel import map_in_order
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.transcript import Transcript


def find_recordings(paths: Sequence[Path]) -> list[Path]:
    """Returns files as they are named, and for each folder the recordings in it, at any depth, in order."""
    return [found for path in paths for found in (_search(path) if path.is_dir() else [path])]


def name_recordings(recordings: Sequence[Path]) -> list[str]:
    """Returns an id for each recording: its stem where that is its alone, else its path without the ending."""
    counts = Counter(path.stem for path in recordings)
    return [path.stem if counts[path.stem] == 1 else str(path.with_suffix("")) for path in recordings]


def transcribe_files(recognizer: Recognizer, recordings: Sequence[Path]) -> Iterator[Transcript | AudioError]:
    """Yields the transcript of each recording, or why there is none, in order; one recording a core at a time."""

    def transcribe(named: tuple[Path, str]) -> Transcript | AudioError:
        path, id = named
        try:
            return replace(recognizer.transcribe(path), id=id)
        except AudioError as error:
            return error

    return map_in_order(transcribe, zip(recordings, name_recordings(recordings), strict=True))


def print_transcripts(recognizer: Recognizer, paths: Sequence[Path], as_json: bool) -> int:
    """Prints a line for each recording as it comes, and returns how many paths or recordings failed.

    Args:
        recognizer: The model.
        paths: Files, and folders to be searched.
        as_json: An object a line; else the text, behind the id where there are several recordings.
    """
    empty = [path for path in paths if path.is_dir() and not _search(path)]
    for path in empty:
        stderr.print(f"speechrnn: {path}: holds no recordings ({' '.join(sorted(AUDIO_SUFFIXES))})")
    recordings = find_recordings(paths)
    failures = len(empty)
    alone = len(recordings) == 1
    with show_progress("Transcribing", len(recordings), "recordings", hidden=stdout.is_terminal) as advance:
        for result in transcribe_files(recognizer, recordings):
            if isinstance(result, AudioError):
                stderr.print(f"speechrnn: {result}")
                failures += 1
            elif as_json:
                print_line(result.to_json())
            else:
                print_line(result.text if alone else f"{result.id} {result.text}".rstrip())
            advance(1)
    return failures


def _search(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
