import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.errors import TextError
from speechrnn.text import BLANK, LETTERS, Alphabet, alphabet_of, find_look_alikes, normalize, require_symbols


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("HELLO WORLD", "hello world"),
        ("Hello, world!\r\n", "hello world"),
        ("Author of the danger trail, Philip Steels, etc.", "author of the danger trail philip steels etc"),
        ("a well-known — fact", "a well known fact"),
        ("the DEBTORS' prison, 'em", "the debtors' prison 'em"),
        ("she said ‘yes’ and “no”", "she said yes and no"),
        ("don’t", "don't"),
        ("yes,no…what", "yes no what"),
        ("at 5 a.m., e.g. in the U.S.A.", "at 5 am eg in the usa"),
        ("3.5", "3 5"),
        ("so\u00adft", "soft"),
        ("' '", ""),
        ("  two\t spaces ", "two spaces"),
    ],
)
def test_normalizing_keeps_what_is_pronounced(written: str, normalized: str) -> None:
    assert normalize(written, "en") == normalized


def test_composed_and_decomposed_accents_become_the_same_letter() -> None:
    composed = "mañana está aquí"
    assert normalize(unicodedata.normalize("NFD", composed), "es") == composed
    require_symbols(composed, alphabet_of("es").symbols)


@pytest.mark.parametrize("written", ["room 101", "50 %", "rock & roll", "naïve"])
def test_what_is_not_spelled_out_stays_and_is_named(written: str) -> None:
    with pytest.raises(TextError, match="outside the alphabet"):
        require_symbols(normalize(written, "en"), alphabet_of("en").symbols)


def test_the_message_names_each_foreign_character_once_with_its_unicode_name() -> None:
    with pytest.raises(TextError, match=r"'1' \(DIGIT ONE\), 'ñ' \(LATIN SMALL LETTER N WITH TILDE\)"):
        require_symbols("ñ1ñ1", alphabet_of("en").symbols)


def test_an_empty_transcript_is_refused() -> None:
    with pytest.raises(TextError, match="empty"):
        require_symbols(normalize("...", "en"), alphabet_of("en").symbols)


def test_another_languages_alphabet_is_made_of_its_texts_without_rare_letters() -> None:
    texts = [normalize("Größe, ÜBER", "de")] * 2000 + ["ñ"]
    assert alphabet_of("de", texts).symbols == (" ", *sorted("größeüb"))
    with pytest.raises(TextError, match="'xx': the transcripts have no letters"):
        alphabet_of("xx", ["123"])


def test_a_region_does_not_change_the_language() -> None:
    assert alphabet_of("es-MX") == alphabet_of("es") == alphabet_of("es_AR")


@pytest.mark.parametrize(
    ("written", "found"), [("sаme", ["а"]), ("ﬁne", ["ﬁ"]), ("Ｗide", ["ｗ"]), ("same", []), ("Ο", ["ο"])]
)
def test_look_alikes_become_latin_letters_and_are_named(written: str, found: list[str]) -> None:
    assert normalize(written, "en").isascii()
    assert find_look_alikes(written, "en") == found
    assert find_look_alikes(written, "ru") == []


def test_cyrillic_stays_cyrillic_in_a_language_that_writes_it() -> None:
    assert normalize("Москва", "ru") == "москва"


@given(st.text())
def test_normalizing_twice_changes_nothing(text: str) -> None:
    once = normalize(text, "en")
    assert normalize(once, "en") == once


@given(st.text(alphabet=" " + LETTERS["es"]))
def test_decoding_undoes_encoding(text: str) -> None:
    alphabet = alphabet_of("es")
    assert not text or alphabet.decode(alphabet.encode(text)) == text


def test_the_alphabets_order_is_fixed_and_leaves_class_zero_to_the_blank() -> None:
    english = alphabet_of("en")
    assert english.encode(" 'az") == [1, 2, 3, 28]
    assert english.classes == 29
    assert BLANK not in english.encode("the quick brown fox jumps over the lazy dog")


@pytest.mark.parametrize("symbols", [("a", "a"), ("ab",), ("",)])
def test_an_alphabet_of_repeated_or_longer_symbols_is_refused(symbols: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="different symbols"):
        Alphabet(symbols)


@pytest.mark.parametrize(
    ("lang", "written", "normalized"),
    [
        ("zh", "你好，世界。对吗？", "你好 世界 对吗"),
        ("ar", "مرحبا، كيف حالك؟", "مرحبا كيف حالك"),
        ("hi", "नमस्ते। हाँ", "नमस्ते हाँ"),
        ("fa", "می\u200cخواهم", "میخواهم"),
        ("ca", "col·lecció", "collecció"),
        ("es", "O’Higgins dijo: *uno* ~dos~ ‚raro‘", "ohiggins dijo uno dos raro"),
        ("fr", "l’eau, 50 % & plus", "l'eau 50 % & plus"),
    ],
)
def test_punctuation_of_every_script_goes_and_what_is_pronounced_stays(
    lang: str, written: str, normalized: str
) -> None:
    assert normalize(written, lang) == normalized
