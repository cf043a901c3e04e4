import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.counts import ErrorCounts
from speechrnn.score.align import align_words, count_characters

WORDS = st.lists(st.sampled_from(["a", "b", "c", "hello"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "counts"),
    [
        ("the cat sat on the mat", "the cat sat on the mat", ErrorCounts(hits=6)),
        ("the cat sat on the mat", "the cat sit on mat", ErrorCounts(hits=4, substitutions=1, deletions=1)),
        ("the cat", "the the cat", ErrorCounts(hits=2, insertions=1)),
        ("a b c", "", ErrorCounts(deletions=3)),
        ("", "a b", ErrorCounts(insertions=2)),
        ("", "", ErrorCounts()),
        ("i", "a", ErrorCounts(substitutions=1)),
        ("a\tb  c\n", " a b c", ErrorCounts(hits=3)),
        ("was du da", "wass du da auch", ErrorCounts(hits=2, substitutions=1, insertions=1)),
    ],
)
def test_alignments_agree_with_counts_made_by_hand(reference: str, hypothesis: str, counts: ErrorCounts) -> None:
    assert align_words([reference], [hypothesis])[0].counts == counts


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
@settings(deadline=None)
def test_summed_counts_are_jiwers(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = [list(side) for side in zip(*pairs, strict=True)]
    total = sum((alignment.counts for alignment in align_words(references, hypotheses)), ErrorCounts())
    expected = jiwer.process_words(references, hypotheses)
    assert total == ErrorCounts(expected.hits, expected.substitutions, expected.deletions, expected.insertions)


@given(st.lists(st.tuples(st.text("ab c", max_size=12), st.text("ab c", max_size=12)), min_size=1, max_size=5))
@settings(deadline=None)
def test_summed_character_counts_are_jiwers(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = [[" ".join(text.split()) for text in side] for side in zip(*pairs, strict=True)]
    expected = jiwer.process_characters(references, hypotheses)
    assert count_characters(references, hypotheses) == ErrorCounts(
        expected.hits, expected.substitutions, expected.deletions, expected.insertions
    )


@given(WORDS, WORDS)
@settings(deadline=None)
def test_an_alignment_holds_both_texts(reference: str, hypothesis: str) -> None:
    pairs = align_words([reference], [hypothesis])[0].pairs
    assert " ".join(pair.reference for pair in pairs if pair.reference) == reference
    assert " ".join(pair.hypothesis for pair in pairs if pair.hypothesis) == hypothesis
    for pair in pairs:
        assert (pair.kind == "equal") == (pair.reference == pair.hypothesis)


def test_a_space_is_a_character() -> None:
    assert count_characters(["ab c"], ["abc"]) == ErrorCounts(hits=3, deletions=1)


def test_no_pairs_give_no_alignments() -> None:
    assert align_words([], []) == []
    assert count_characters([], []) == ErrorCounts()
