"""How words sound: by the dictionary that ships, or by what is installed."""

import sys

import pytest

from speechrnn.pronunciations import PHONES, look_up_sounds, phones_of, pronounce, spell_phones
from speechrnn.shipped import ENGLISH_PHONES


def test_the_dictionary_says_how_english_words_sound() -> None:
    said = look_up_sounds(["hello", "world", "one", "won", "water", "xyzzyq"], "en-US")
    assert said == {"hello": "həlO", "world": "wɜɹld", "one": "wʌn", "won": "wʌn", "water": "wɔTəɹ"}


def test_every_line_of_the_dictionary_is_a_word_and_phones_that_a_model_can_learn() -> None:
    lines = [line.split(" ") for line in ENGLISH_PHONES.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len({word for word, _ in lines}) > 150_000
    assert {phone for _, phones in lines for phone in phones} == set(PHONES["en"])


@pytest.mark.parametrize("lang", ["es", "ca", ""])
def test_of_other_languages_no_sound_is_known(lang: str) -> None:
    assert pronounce(["hola", "hello"], lang) == {}
    assert phones_of(lang) is None


def test_phones_stand_behind_the_space_between_words() -> None:
    phones = phones_of("en")
    assert phones
    assert phones.symbols[0] == " "
    assert phones.decode(phones.encode("həlO wɜɹld")) == "həlO wɜɹld"


def test_a_word_that_nobody_wrote_down_is_guessed() -> None:
    pytest.importorskip("hibari")
    assert pronounce(["hello", "snoogled", "honesty'"], "en") == {
        "hello": "həlO",
        "snoogled": "snuɡəld",
        "honesty'": "ɑnəsti",
    }


def test_without_what_guesses_it_has_no_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hibari.g2p", None)
    assert pronounce(["hello", "snoogled"], "en") == {"hello": "həlO"}


@pytest.mark.parametrize(
    ("transcription", "phones"), [("həlˈO", "həlO"), ("ˌɐbˈWᵻt", "əbWɪt"), ("” əbˈWt", ""), ("", "")]
)
def test_stress_goes_and_what_is_no_phone_has_none(transcription: str, phones: str) -> None:
    assert spell_phones(transcription) == phones
