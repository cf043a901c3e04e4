"""Text files that people made: read whatever ends their lines, or answered with one clear error."""

from collections.abc import Iterator
from pathlib import Path

from speechrnn.errors import SpeechRnnError


def read_text(path: Path, error_kind: type[SpeechRnnError]) -> str:
    """Returns a UTF-8 file's text, without a byte order mark, its lines ending in a line feed.

    Raises:
        error_kind: The file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise error_kind(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise error_kind(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error


def read_lines(path: Path, error_kind: type[SpeechRnnError]) -> list[str]:
    """Returns a file's lines without their ends; only CR and LF end a line. Errors as `read_text`."""
    return read_text(path, error_kind).removesuffix("\n").split("\n")


def iterate_lines(path: Path, error_kind: type[SpeechRnnError]) -> Iterator[str]:
    """Yields what `read_lines` returns, but no line of an empty file, and never holds more than one."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                yield line.removesuffix("\n")
    except (OSError, UnicodeDecodeError):
        read_text(path, error_kind)  # says what is wrong, and where
        raise
