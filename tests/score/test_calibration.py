import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.score.align import align_words
from speechrnn.score.calibration import assess_confidences, fit_temperature, judge_words


def test_each_word_of_a_hypothesis_is_judged_by_its_alignment() -> None:
    alignments = align_words(["the cat sat down"], ["the big cap sat"])
    assert judge_words(alignments, [(0.9, 0.8, 0.7, 0.6)]) == [(0.9, True), (0.8, False), (0.7, False), (0.6, True)]


def test_the_error_is_that_of_bins_counted_by_hand() -> None:
    """Twenty words make ten bins of two; in each, one word in two is right, whatever its confidence."""
    judged = [(0.05 * place + 0.025, place % 2 == 0) for place in range(20)]
    found = assess_confidences(judged)
    assert [one.words for one in found.bins] == [2] * 10
    assert [one.right for one in found.bins] == [0.5] * 10
    assert found.error == pytest.approx(np.mean([abs(0.1 * place + 0.05 - 0.5) for place in range(10)]))


def test_normalised_cross_entropy_is_that_of_its_formula() -> None:
    judged = [(0.9, True), (0.8, True), (0.4, False), (0.7, False)]
    spent = -(math.log(0.9) + math.log(0.8) + math.log(0.6) + math.log(0.3)) / 4
    assert assess_confidences(judged).cross_entropy == pytest.approx(1 - spent / math.log(2))


def test_words_that_are_all_right_or_all_wrong_have_no_cross_entropy() -> None:
    for right in (True, False):
        found = assess_confidences([(0.9, right)])
        assert math.isnan(found.cross_entropy)
        assert found.error == pytest.approx(0.1 if right else 0.9)
        assert fit_temperature([(0.9, right)]) == 1.0
    assert fit_temperature([]) == 1.0


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    promised = rng.uniform(0.01, 0.999, 20_000)
    judged = list(zip(promised.tolist(), (rng.random(20_000) < promised ** (1 / temperature)).tolist(), strict=True))
    assert fit_temperature(judged) == pytest.approx(temperature, rel=0.05)
    mended = [(confidence ** (1 / temperature), right) for confidence, right in judged]
    assert assess_confidences(mended).error < 0.015


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_no_word_is_lost_and_the_least_sure_come_first(judged: list[tuple[float, bool]]) -> None:
    found = assess_confidences(judged)
    assert sum(one.words for one in found.bins) == len(judged)
    assert [one.confidence for one in found.bins] == pytest.approx(sorted(one.confidence for one in found.bins))
    assert 0 <= found.error <= 1
