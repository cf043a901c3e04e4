"""Many recordings: named files and all that lies in named folders; what fails is said, and the rest goes on."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from speechrnn.audio import AUDIO_SUFFIXES, OTHER_AUDIO_SUFFIXES, is_audio, probe_audio
from speechrnn.console import print_line, show_progress, stderr, stdout, warn
from speechrnn.errors import AudioError
from speechrnn.manifest import to_token
from speechrnn.parallel import map_in_order
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.transcript import Transcript


def name_recordings(recordings: Sequence[Path]) -> list[str]:
    """Returns an id for each recording: its stem if that is its alone, or its path without the ending, or its path."""
    stems, paths = Counter(path.stem for path in recordings), Counter(path.with_suffix("") for path in recordings)
    return [
        path.stem if stems[path.stem] == 1 else str(path if paths[path.with_suffix("")] > 1 else path.with_suffix(""))
        for path in recordings
    ]


def transcribe_files(
    recognizer: Recognizer, recordings: Sequence[Path], advance: Callable[[float], None] = lambda seconds: None
) -> Iterator[Transcript | AudioError]:
    """Yields the transcript of each recording, or why there is none, in order; one recording a core at a time.

    Args:
        recognizer: The model.
        recordings: Files.
        advance: Called, from any thread, with the seconds of audio that are done since the last call.
    """

    def transcribe(named: tuple[Path, str]) -> Transcript | AudioError:
        path, id = named
        try:
            return replace(recognizer.transcribe(path, advance), id=id)
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
    found = [_search(path) if _is_folder(path) else [path] for path in paths]
    recordings = [recording for each in found for recording in each]
    empty = [path for path, each in zip(paths, found, strict=True) if not each]
    for path in empty:
        _complain(f"{path}: holds no recordings ({' '.join(sorted(AUDIO_SUFFIXES))})")
    failures = len(empty)
    alone = len(recordings) == 1
    seconds = sum(map(_measure, recordings))
    with show_progress("Transcribing", seconds, "s of audio", hidden=stdout.is_terminal) as advance:
        for result in transcribe_files(recognizer, recordings, advance):
            if isinstance(result, AudioError):
                _complain(str(result))
                failures += 1
            elif as_json:
                print_line(result.to_json())
            else:
                print_line(result.text if alone else f"{to_token(result.id)} {result.text}".rstrip())
    return failures


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
    files = sorted(folder.rglob("*"))
    others = [path for path in files if path.suffix.lower() in OTHER_AUDIO_SUFFIXES]
    if others:
        warn(f"{folder}: passed over {len(others)} files that cannot be read, like {others[0].name}; convert them")
    return [path for path in files if is_audio(path)]


def _measure(path: Path) -> float:
    """Returns a recording's length in seconds; 0 where it cannot be read, which will be said in its turn."""
    try:
        return probe_audio(path).duration
    except AudioError:
        return 0.0
