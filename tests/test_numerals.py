import pytest

from speechrnn.errors import TextError
from speechrnn.numerals import spell_numbers


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("room 101", "room one hundred one"),
        ("1,234,567 people", "one million two hundred thirty-four thousand five hundred sixty-seven people"),
        ("28.8 kilobit, then 7.", "twenty-eight point eight kilobit, then seven."),
        ("in 1984 and 2005", "in nineteen eighty-four and two thousand five"),
        ("(3)", "(three)"),
        ("0", "zero"),
    ],
)
def test_numbers_become_the_words_that_are_read(written: str, spoken: str) -> None:
    assert spell_numbers(written, "en") == spoken


def test_each_language_has_its_own_words_and_separators() -> None:
    assert spell_numbers("marque 1, 28,8 o 1.500", "es") == "marque uno, veintiocho coma ocho o mil quinientos"
    assert spell_numbers("21", "de") == "einundzwanzig"


@pytest.mark.parametrize("written", ["3rd", "10:30", "$5", "50%", "007", "192.168.1.1", "1/2", "3D", "4-5", "1,2"])
def test_what_nobody_can_know_how_it_was_read_stays(written: str) -> None:
    assert spell_numbers(written, "en") == written


@pytest.mark.parametrize("length", [16, 18, 5000])
def test_figures_too_many_for_a_number_stay(length: int) -> None:
    assert spell_numbers(f"call {'9' * length} now", "en") == f"call {'9' * length} now"


def test_a_language_without_rules_is_refused() -> None:
    with pytest.raises(TextError, match="cannot be spelled out in language 'xx'"):
        spell_numbers("7", "xx")
