"""Utterances, and manifests with one JSON object a line, under NeMo's key names."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any

from msgspec import Meta

from speechrnn.errors import ManifestError
from speechrnn.inputs import iterate_lines
from speechrnn.records import parse_record

_FACTORS = ("speed", "volume")


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
        lang: Language code of the text; empty for what the corpus is in.
        speed: How much faster it is played; its features are then shorter than `duration`.
        volume: Factor of its samples.
    """

    audio_filepath: Annotated[str, Meta(min_length=1)]
    text: str
    duration: Annotated[float, Meta(gt=0)] | None = None
    offset: Annotated[float, Meta(ge=0)] = 0.0
    id: str = ""
    speaker: str = ""
    lang: str = ""
    speed: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    volume: Annotated[float, Meta(gt=0)] = 1.0

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", name_utterance(self.audio_filepath, self.offset))


def name_utterance(audio_filepath: str, offset: float) -> str:
    """Returns the id of an utterance that was given none: the recording's stem, and the offset in seconds if not 0."""
    stem = PurePath(audio_filepath).stem
    return f"{stem}-{offset:.2f}" if offset else stem


def is_utf8(name: str) -> bool:
    """Returns whether a name can be written down; one from a disk may be bytes that are no text."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def to_utf8(name: str) -> str:
    """Returns a name as it can be written down: what is no text in it in hexadecimal figures."""
    return name.encode("utf-8", "backslashreplace").decode()


def to_token(id: str) -> str:
    """Returns an id as one word, as lines of `id text` need it: underscores for its white space."""
    return "_".join(id.split())


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
            raise ManifestError(
                f"{path}:{number}: id {utterance.id!r} was taken on line {first}; ids must differ, and be given where"
                " file names do not"
            )
        seen[utterance.id] = number
        utterances.append(utterance)
    return utterances


def iterate_manifest(path: Path, untranscribed: bool = False) -> Iterator[Utterance]:
    """Yields the utterances of a manifest of any length, which may share ids; other errors as `read_manifest`.

    Args:
        path: The manifest.
        untranscribed: A line may lack a text, or have null for it, which is then empty.
    """
    return (utterance for _, utterance in _parse_lines(path, untranscribed))


def write_manifest(path: Path, utterances: Iterable[Utterance]) -> None:
    """Writes one JSON object a line, in the order given."""
    with path.open("w", encoding="utf-8") as file:
        for utterance in utterances:
            file.write(json_line(utterance))


def json_line(record: Any) -> str:
    """Returns a dataclass instance as one line of JSON, accents as they are; what changes no sample is left out."""
    entry = {key: value for key, value in asdict(record).items() if key not in _FACTORS or value != 1.0}
    return json.dumps(entry, ensure_ascii=False) + "\n"


def resolve_audio(utterance: Utterance, folder: Path) -> Path:
    """Returns where the recording lies; relative paths start at the manifest's `folder`."""
    return folder / utterance.audio_filepath


def _parse_lines(path: Path, untranscribed: bool = False) -> Iterator[tuple[int, Utterance]]:
    for number, line in enumerate(iterate_lines(path, ManifestError), 1):
        if not line.strip():
            continue
        try:
            yield number, parse_record(Utterance, _add_text(line) if untranscribed else line)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"{path}:{number}: not an utterance ({error}); mend or delete the line") from error


def _add_text(line: str) -> str:
    """Returns a line of a manifest with an empty text where it has none."""
    entry = json.loads(line)
    if not isinstance(entry, dict) or entry.get("text") is not None:
        return line
    return json.dumps(entry | {"text": ""})
