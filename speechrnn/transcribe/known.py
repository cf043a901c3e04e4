"""Texts that are known before anybody listens, of one recording or, by a manifest, of many and their parts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from speechrnn.errors import TextError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance, read_manifest, resolve_audio
from speechrnn.transcribe.files import name_recordings

_SLACK_SECONDS = 0.25
"""What a recording may last longer than its manifest says: encoders add silence, and people round."""


@dataclass(frozen=True, slots=True)
class KnownText:
    """What was said in a recording, or in a part of it.

    Attributes:
        text: As somebody wrote it.
        offset: Where the part begins, in seconds.
        duration: Its length in seconds; None for all that follows.
    """

    text: str
    offset: float = 0.0
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class KnownTexts:
    """What was said in which recording.

    Attributes:
        source: The file that says so.
        text: Of whatever recording; None where a manifest tells them apart.
        by_path: The utterances of each recording, by its real path, in the order in which they are said.
        by_id: The text of each utterance, by its id.
        listed: A manifest's recordings, in its order, and their ids: the utterance's, or where there are several the
            recording's.
    """

    source: Path
    text: str | None
    by_path: Mapping[Path, Sequence[Utterance]]
    by_id: Mapping[str, str]
    listed: Mapping[Path, str]

    @classmethod
    def read(cls, source: Path) -> "KnownTexts":
        """Reads a manifest, or a file with the text of one recording.

        Raises:
            ManifestError: The manifest is broken.
            TextError: The text cannot be read.
        """
        if source.suffix not in (".json", ".jsonl"):
            return cls(source, " ".join(read_lines(source, TextError)), {}, {}, {})
        utterances = read_manifest(source)
        places = [resolve_audio(one, source.parent) for one in utterances]
        by_path: dict[Path, list[Utterance]] = defaultdict(list)
        for place, one in zip(places, utterances, strict=True):
            by_path[_resolve(place)].append(one)
        for each in by_path.values():
            each.sort(key=lambda one: one.offset)
        recordings = list(dict.fromkeys(places))
        names = dict(zip(recordings, name_recordings(recordings), strict=True))
        alone = {place: each[0].id for place in recordings if len(each := by_path[_resolve(place)]) == 1}
        return cls(source, None, dict(by_path), {one.id: one.text for one in utterances}, names | alone)

    def name_recordings(self) -> Mapping[Path, str]:
        """Returns all recordings of a manifest with their ids; none where a text belongs to whatever recording.

        Raises:
            TextError: The manifest lists none.
        """
        if self.text is None and not self.listed:
            raise TextError(f"{self.source}: holds no recordings")
        return self.listed

    def find(self, path: Path, seconds: float) -> Sequence[KnownText]:
        """Returns the texts of a recording that lasts so long, in the order in which they are said.

        Raises:
            TextError: There is none, or two belong to the same time, or one to another speed.
        """
        if self.text is not None:
            return [KnownText(self.text)]
        said = self.by_path.get(_resolve(path), ())
        if not said:
            text = self.by_id.get(path.stem)
            if text is None:
                raise TextError(f"{self.source}: has no text for {path}")
            return [KnownText(text)]
        if any(one.speed != 1 for one in said):
            raise TextError(f"{self.source}: has {path} at another speed, and recordings are aligned as they are")
        for one, other in pairwise(said):
            if one.duration is None or other.offset < one.offset + one.duration - _SLACK_SECONDS:
                raise TextError(f"{self.source}: {one.id} and {other.id} are in {path} at the same time")
        whole = len(said) == 1 and not said[0].offset and seconds - (said[0].duration or seconds) <= _SLACK_SECONDS
        return [KnownText(said[0].text)] if whole else [KnownText(one.text, one.offset, one.duration) for one in said]


def _resolve(path: Path) -> Path:
    """Returns a path as all links have it; as it is where no file can have that name, which will be said later."""
    try:
        return path.resolve()
    except ValueError:
        return path
