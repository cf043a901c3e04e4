"""What was heard: the text, its words in time, how sure the model is, and where all that comes from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from speechrnn.words import Word, to_text


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a model heard in a recording.

    Attributes:
        id: The utterance.
        text: The words, single-spaced; empty where nothing was heard.
        words: The same words with times and confidences.
        confidence: Mean over the words; 0 where there is none.
        audio_filepath: The recording.
        duration: Its length in seconds.
        model: The model file.
    """

    id: str
    text: str
    words: tuple[Word, ...]
    confidence: float
    audio_filepath: str
    duration: float
    model: str

    def to_json(self) -> str:
        """Returns one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def make_transcript(words: Sequence[Word], name: str, duration: float, model: str) -> Transcript:
    """Returns the transcript of a recording of that name and length; no word ends after it.

    Args:
        words: In order; the last frame of the last one may reach beyond the last sample.
        name: The recording's path.
        duration: Its length in seconds.
        model: The model file.
    """
    return Transcript(
        id=Path(name).stem,
        text=to_text(words),
        words=tuple(replace(word, end=min(word.end, round(duration, 3))) for word in words),
        confidence=round(sum(word.confidence for word in words) / max(len(words), 1), 4),
        audio_filepath=name,
        duration=round(duration, 3),
        model=model,
    )
