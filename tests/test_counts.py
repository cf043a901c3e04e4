from hypothesis import given
from hypothesis import strategies as st

from speechrnn.counts import ErrorCounts, format_rate

COUNTS = st.builds(ErrorCounts, *[st.integers(0, 1000)] * 4)


def test_the_line_is_the_one_that_the_field_greps() -> None:
    assert (
        format_rate("WER", ErrorCounts(hits=3149, substitutions=121, deletions=17, insertions=36))
        == "%WER 5.29 [ 174 / 3287, 36 ins, 17 del, 121 sub ]"
    )


@given(st.lists(COUNTS, min_size=1, max_size=5))
def test_counts_are_summed_before_they_are_divided(parts: list[ErrorCounts]) -> None:
    total = sum(parts, ErrorCounts())
    assert total.errors == sum(part.errors for part in parts)
    assert total.reference_length == sum(part.reference_length for part in parts)


def test_insertions_can_exceed_the_reference_and_are_not_clamped() -> None:
    assert ErrorCounts(hits=1, insertions=3).rate == 3.0


def test_errors_against_nothing_are_infinitely_many() -> None:
    assert ErrorCounts(insertions=1).rate == float("inf")
    assert ErrorCounts().rate == 0.0
