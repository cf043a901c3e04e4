"""How well a language model foresees a text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from speechrnn.transcribe.lm.ngrams import UNKNOWN, NgramModel


@dataclass(frozen=True, slots=True)
class Perplexity:
    """How well a model foresees a text.

    Attributes:
        sentences: Lines with words.
        words: Words, without the sentences' ends.
        unknown: Words that the model does not know.
        log_prob: Natural log of the probability of the words that it knows and of all sentences' ends.
    """

    sentences: int
    words: int
    unknown: int
    log_prob: float

    @property
    def value(self) -> float:
        """The perplexity over known words and sentences' ends."""
        return float(np.exp(-self.log_prob / max(self.sentences + self.words - self.unknown, 1)))

    def __str__(self) -> str:
        """Returns a line in SRILM's terms."""
        return (
            f"perplexity {self.value:.2f} over {self.words - self.unknown} known words and {self.sentences} sentences;"
            f" {self.unknown} of {self.words} words unknown ({100 * self.unknown / max(self.words, 1):.2f} %)"
        )


def measure_perplexity(model: NgramModel, sentences: Iterable[Sequence[str]]) -> Perplexity:
    """Returns how well a model foresees sentences; unknown words are counted, and left out of the perplexity."""
    count = words = unknown = 0
    log_prob = 0.0
    for sentence in sentences:
        scores = model.score_sentence(sentence)
        known = [model.numbers.get(word, UNKNOWN) != UNKNOWN for word in sentence] + [True]
        count, words, unknown = count + 1, words + len(sentence), unknown + known.count(False)
        log_prob += sum(score for score, counts in zip(scores, known, strict=True) if counts)
    return Perplexity(count, words, unknown, log_prob)
