"""What was heard: the text, its words in time, how sure the model is, and where all that comes from."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from speechrnn.ctc import Hypothesis
from speechrnn.text import Alphabet


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its start and end in seconds, and the model's confidence in [0, 1]."""

    text: str
    start: float
    end: float
    confidence: float


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
        text=" ".join(word.text for word in words),
        words=tuple(replace(word, end=min(word.end, round(duration, 3))) for word in words),
        confidence=round(sum(word.confidence for word in words) / max(len(words), 1), 4),
        audio_filepath=name,
        duration=round(duration, 3),
        model=model,
    )


def read_words(hypothesis: Hypothesis, alphabet: Alphabet, frame_seconds: float, start: float = 0.0) -> list[Word]:
    """Returns the words of a hypothesis.

    A word lasts from the first frame of its first character to the last frame of its last one; its confidence is
    the geometric mean of its characters' probabilities.

    Args:
        hypothesis: What a decoder read.
        alphabet: Of the model.
        frame_seconds: From one output frame to the next.
        start: Where the hypothesis begins within the recording, in seconds.
    """
    words = []
    text = alphabet.decode(hypothesis.tokens)
    for first, last in find_words(text):
        spans, scores = hypothesis.spans[first:last], hypothesis.token_log_probs[first:last]
        words.append(
            Word(
                text[first:last],
                round(start + spans[0][0] * frame_seconds, 3),
                round(start + spans[-1][1] * frame_seconds, 3),
                round(float(np.exp(np.mean(scores))), 4),
            )
        )
    return words


def find_words(text: str) -> list[tuple[int, int]]:
    """Returns where each word starts and ends in a text, as indices of characters."""
    return [match.span() for match in re.finditer(r"\S+", text)]
