"""Utterances, and manifests with one JSON object a line, under NeMo's key names."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Annotated, Any

from annotated_types import Ge, Gt, MinLen

from speechrnn.errors import ManifestError
from speechrnn.records import parse_record


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech and what was said in it.

    Attributes:
        audio_filepath: The recording; a relative path starts at the manifest's folder.
        text: What was said.
        duration: Length in seconds; None where nobody has measured it yet.
        offset: Start within the recording in seconds.
        id: Unique within its corpus; the recording's stem (and the offset) where none is given.
        speaker: Who spoke; empty where unknown.
        lang: Language code of the text.
    """

    audio_filepath: Annotated[str, MinLen(1)]
    text: str
    duration: Annotated[float, Gt(0)] | None = None
    offset: Annotated[float, Ge(0)] = 0.0
    id: str = ""
    speaker: str = ""
    lang: str = "en"

    def __post_init__(self) -> None:
        if not self.id:
            stem = PurePath(self.audio_filepath).stem
            object.__setattr__(self, "id", f"{stem}-{self.offset:.2f}" if self.offset else stem)


@dataclass(frozen=True, slots=True)
class SetAside:
    """An utterance that is left out, by id, and why."""

    id: str
    reason: str = field(compare=False)


def read_manifest(path: Path) -> list[Utterance]:
    """Returns the utterances of a manifest, in its order; empty lines are passed over.

    Raises:
        ManifestError: The file cannot be read, a line is not an utterance, or an id comes twice.
    """
    seen: dict[str, int] = {}
    utterances = []
    for number, utterance in _parse_lines(path):
        if utterance.id in seen:
            first = seen[utterance.id]
            raise ManifestError(f"{path}:{number}: id {utterance.id!r} was taken on line {first}; ids must differ")
        seen[utterance.id] = number
        utterances.append(utterance)
    return utterances


def write_manifest(path: Path, utterances: Iterable[Utterance]) -> None:
    """Writes one JSON object a line, in the order given."""
    with path.open("w", encoding="utf-8") as file:
        for utterance in utterances:
            file.write(json_line(utterance))


def json_line(record: Any) -> str:
    """Returns a dataclass instance as one line of JSON, accents as they are."""
    return json.dumps(asdict(record), ensure_ascii=False) + "\n"


def resolve_audio(utterance: Utterance, folder: Path) -> Path:
    """Returns where the recording lies; relative paths start at the manifest's `folder`."""
    return folder / utterance.audio_filepath


def _parse_lines(path: Path) -> Iterator[tuple[int, Utterance]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _parse_line(line, f"{path}:{number}")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise ManifestError(f"{path}: cannot read the manifest ({error.strerror})") from error


def _parse_line(line: str, where: str) -> Utterance:
    try:
        return parse_record(Utterance, line)
    except ValueError as error:
        raise ManifestError(f"{where}: not an utterance ({error}); mend or delete the line") from error
