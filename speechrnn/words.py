"""Words in time: what a decoder's characters make up, from when to when, and how sure the model is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

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


def read_words(
    hypothesis: Hypothesis, alphabet: Alphabet, frame_seconds: float, start: float = 0.0, temperature: float = 1.0
) -> list[Word]:
    """Returns the words of a hypothesis.

    A word lasts from the first frame of its first character to the last frame of its last one; its confidence is
    the geometric mean of its characters' probabilities, its logarithm divided by the temperature.

    Args:
        hypothesis: What a decoder read.
        alphabet: Of the model.
        frame_seconds: From one output frame to the next.
        start: Where the hypothesis begins within the recording, in seconds.
        temperature: The model's: below 1, its probabilities promise too much.
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
                round(float(np.exp(np.mean(scores) / temperature)), 4),
            )
        )
    return words


def find_words(text: str) -> list[tuple[int, int]]:
    """Returns where each word starts and ends in a text, as indices of characters."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def to_text(words: Iterable[Word]) -> str:
    """Returns the words as a text, single-spaced."""
    return " ".join(word.text for word in words)
