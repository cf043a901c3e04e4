import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.score.align import Alignment, align_words
from speechrnn.score.significance import compare, compare_matched_pairs, cut_segments, estimate_interval


def align(reference: str, hypothesis: str) -> Alignment:
    return align_words([reference], [hypothesis])[0]


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    trials, covered = 400, 0
    for trial in range(trials):
        rates = rng.beta(2, 8, size=80)  # utterances differ in difficulty
        words = rng.integers(5, 30, size=80)
        interval = estimate_interval(rng.binomial(words, rates).tolist(), words.tolist(), seed=trial)
        covered += interval.low <= 0.2 <= interval.high
    assert 0.91 <= covered / trials <= 0.98


def test_errors_of_one_speaker_go_together() -> None:
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(20), 20)
    words = np.full(400, 10)
    errors = rng.binomial(words, np.repeat(rng.uniform(0, 0.6, 20), 20))
    alone = estimate_interval(errors.tolist(), words.tolist())
    together = estimate_interval(errors.tolist(), words.tolist(), [str(one) for one in speakers])
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_an_interval_holds_its_rate_and_narrows_with_more_speech() -> None:
    few, many = (estimate_interval([1, 0, 2, 0, 1] * times, [10] * 5 * times) for times in (4, 400))
    assert few.low < 0.08 < few.high
    assert many.high - many.low == pytest.approx((few.high - few.low) / 10, rel=0.25)


@pytest.mark.parametrize(
    ("reference", "first", "second", "expected"),
    [
        ("a b c d e f", "a b c d e f", "a b c d e f", []),
        # two good words part two stretches, one does not
        ("a b c d e f", "x b c d y f", "a b c d e f", [(1, 0), (1, 0)]),
        ("a b c d e f", "x b y d e f", "a b c d e f", [(2, 0)]),
        ("a b c d e f", "x b c d e f", "a b c d e y", [(1, 0), (0, 1)]),
        # what one has right the other has wrong: no separator
        ("a b c d e f", "x b c y e f", "a z c d e f", [(2, 1)]),
        # an insertion between two good words joins them to the stretch
        ("a b c d", "x b new c d", "a b c d", [(2, 0)]),
        ("a b", "", "a b", [(2, 0)]),
        ("", "a", "", [(1, 0)]),
    ],
)
def test_segments_are_parted_by_two_words_that_both_have_right(
    reference: str, first: str, second: str, expected: list[tuple[int, int]]
) -> None:
    assert cut_segments(align(reference, first), align(reference, second)) == expected


@given(st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))))
def test_segments_lose_no_error(pairs: list[tuple[list[str], list[str]]]) -> None:
    for said, heard in pairs:
        left, right = align(" ".join(said), " ".join(heard)), align(" ".join(said), " ".join(reversed(said)))
        segments = cut_segments(left, right)
        assert sum(one for one, _ in segments) == left.counts.errors
        assert sum(other for _, other in segments) == right.counts.errors


def test_the_matched_pairs_test_is_gillick_and_coxs_normal_statistic() -> None:
    differences = [1, 0, 2, -1, 1, 1, 0, 1]
    mean = 5 / 8
    deviation = math.sqrt(sum((one - mean) ** 2 for one in differences) / 7)
    statistic = mean / (deviation / math.sqrt(8))
    assert compare_matched_pairs(differences) == pytest.approx(2 * (1 - NormalDist().cdf(statistic)))
    assert compare_matched_pairs([]) == compare_matched_pairs([0, 0]) == 1.0


def test_equal_recognisers_do_not_differ_and_better_ones_do() -> None:
    rng = np.random.default_rng(0)
    references = [" ".join(rng.choice(list("abcdefgh"), 12)) for _ in range(150)]

    def mistake(share: float) -> list[Alignment]:
        heard = [" ".join("z" if rng.random() < share else word for word in line.split()) for line in references]
        return align_words(references, heard)

    left, right, much_better = mistake(0.2), mistake(0.2), mistake(0.1)
    same, other = compare(left, right), compare(left, much_better)
    assert same.bootstrap_p > 0.05
    assert same.mapsswe_p > 0.05
    assert same.interval.low < 0 < same.interval.high
    assert other.difference > 0.05
    assert other.bootstrap_p <= 0.002
    assert other.mapsswe_p < 1e-6
    assert other.interval.low > 0
    assert other.worse > other.better


def test_the_p_value_of_recognisers_that_are_equal_is_uniform() -> None:
    rng = np.random.default_rng(1)
    references = ["a b c d e f g h i j"] * 60
    values = []
    for _ in range(60):
        heard = [
            [" ".join("z" if rng.random() < 0.2 else word for word in line.split()) for line in references]
            for _ in range(2)
        ]
        values.append(compare(align_words(references, heard[0]), align_words(references, heard[1])).mapsswe_p)
    assert 0.3 < np.mean(values) < 0.7
    assert np.mean(np.asarray(values) < 0.05) < 0.15


def test_other_references_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="the same references"):
        compare([align("a b", "a")], [align("a c", "a")])
