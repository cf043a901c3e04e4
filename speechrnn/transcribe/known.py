"""Texts that are known before anybody listens, of one recording or, by a manifest, of many."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from speechrnn.errors import TextError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance, read_manifest, resolve_audio

_SLACK_SECONDS = 0.25
"""What a recording may last longer than its manifest says: encoders add silence, and people round."""


@dataclass(frozen=True, slots=True)
class KnownTexts:
    """What was said in which recording.

    Attributes:
        source: The file that says so.
        text: Of whatever recording; None where a manifest tells them apart.
        by_path: By the recording's real path; recordings that a manifest lists in parts, or twice, are left out.
        by_id: By the utterance's id.
        listed: A manifest's recordings, in its order, and their ids.
    """

    source: Path
    text: str | None
    by_path: Mapping[Path, Utterance]
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
        counts = Counter(place.resolve() for place in places)
        by_path = {
            place.resolve(): one
            for place, one in zip(places, utterances, strict=True)
            if counts[place.resolve()] == 1 and one.offset == 0 and one.speed == 1
        }
        listed = dict(zip(places, (one.id for one in utterances), strict=True))
        return cls(source, None, by_path, {one.id: one.text for one in utterances}, listed)

    def name_recordings(self) -> Mapping[Path, str]:
        """Returns all recordings of a manifest with their ids; none where a text belongs to whatever recording.

        Raises:
            TextError: The manifest lists none, or parts of them.
        """
        if self.text is None and not self.listed:
            raise TextError(f"{self.source}: holds no recordings")
        if parts := [path for path in self.listed if path.resolve() not in self.by_path]:
            raise TextError(
                f"{self.source}: has {parts[0]} in parts, twice or at another speed; recordings are aligned whole"
            )
        return self.listed

    def find(self, path: Path, seconds: float) -> str:
        """Returns the text of a recording that lasts so long.

        Raises:
            TextError: There is none, or it is that of a part.
        """
        if self.text is not None:
            return self.text
        listed = self.by_path.get(path.resolve())
        if listed and listed.duration and listed.duration < seconds - _SLACK_SECONDS:
            raise TextError(
                f"{self.source}: has a text for {listed.duration:.2f} s of {path}, which lasts {seconds:.2f} s; whole"
                " recordings are aligned"
            )
        text = listed.text if listed else self.by_id.get(path.stem)
        if text is None:
            raise TextError(f"{self.source}: has no text for {path}")
        return text
