from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.errors import ScoreError
from speechrnn.score.entries import Entry, normalize_entry
from speechrnn.score.normalizers import NORMALIZERS, choose_normalizer


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("none", " Don't  Stop! ", " Don't  Stop! "),
        ("basic", "Don’t STOP – now, Ana!", "don't stop now ana"),
        ("english", "Uh, I won't: they're 21, Mr. O'Neil's.", "i will not they are twenty one mister o'neil's"),
        ("english", "and/or 7/21", "and or seven twenty one"),
        ("english", "He can't; she couldn't. OK?", "he can not she could not okay"),
        ("english", "um", ""),
        ("spanish", "¿Qué HORA es? 3 años", "qué hora es tres años"),
    ],
)
def test_each_normaliser_does_what_its_name_says(name: str, text: str, expected: str) -> None:
    assert choose_normalizer(name)(text) == expected


@given(st.sampled_from(sorted(NORMALIZERS)), st.text(max_size=40))
def test_normalising_twice_changes_nothing_more(name: str, text: str) -> None:
    normalize = choose_normalizer(name)
    assert normalize(normalize(text)) == normalize(text)


def test_a_file_of_regular_expressions_is_applied_in_its_order(tmp_path: Path) -> None:
    rules = tmp_path / "rules.tsv"
    rules.write_text("# british\ncolou?r\tcolor\n\n(\\w+)or\t\\1our\n-\t\nnoise\\s*\n", encoding="utf-8")
    assert choose_normalizer(str(rules))("noise colour co-or") == "colour coor"


@pytest.mark.parametrize(
    ("text", "message"),
    [("a\tb\n(\tc\n", "rules.tsv:2: no regular expression"), ("(a)\t\\2\n", "rules.tsv:1: .*group")],
)
def test_a_line_that_is_no_rule_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "rules.tsv").write_text(text)
    with pytest.raises(ScoreError, match=message):
        choose_normalizer(str(tmp_path / "rules.tsv"))


def test_an_unknown_normaliser_is_answered_with_those_there_are() -> None:
    with pytest.raises(ScoreError, match="whisper: neither a file nor one of none, basic, english, spanish"):
        choose_normalizer("whisper")


def test_times_and_confidences_stay_with_their_words() -> None:
    entry = Entry("Uh, Hello, World!", ((0.0, 0.1), (0.2, 0.5), (0.6, 1.0)), (0.3, 0.9, 0.8))
    kept = normalize_entry(entry, choose_normalizer("english"))
    assert (kept.text, kept.times, kept.confidences) == ("hello world", ((0.2, 0.5), (0.6, 1.0)), (0.9, 0.8))


def test_times_are_dropped_where_words_become_more_or_fewer() -> None:
    entry = Entry("I won't", ((0.0, 0.1), (0.2, 0.5)), (0.3, 0.9))
    split = normalize_entry(entry, choose_normalizer("english"))
    assert (split.text, split.times, split.confidences) == ("i will not", (), ())
