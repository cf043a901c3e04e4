import numpy as np
import pytest

from speechrnn.ctc import Hypothesis
from speechrnn.text import alphabet_of
from speechrnn.words import read_words


def test_words_carry_the_times_and_probabilities_of_their_characters() -> None:
    alphabet = alphabet_of("en")
    tokens = tuple(alphabet.encode(" hi  you"))
    spans = tuple((place * 2, place * 2 + 1) for place in range(len(tokens)))
    scores = (0.0, -0.1, -0.3, 0.0, 0.0, -0.2, -0.2, -0.2)
    words = read_words(Hypothesis(tokens, spans, scores, 0.0), alphabet, 0.03, start=10.0)
    assert [(word.text, word.start, word.end) for word in words] == [("hi", 10.06, 10.15), ("you", 10.3, 10.45)]
    assert [word.confidence for word in words] == pytest.approx([np.exp(-0.2), np.exp(-0.2)], abs=1e-4)
