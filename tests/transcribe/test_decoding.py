"""What a command's options make of a model: a decoder of its letters, or of its phones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from speechrnn.config import BeamConfig, FeatureConfig, Recipe
from speechrnn.errors import TextError
from speechrnn.modelinfo import ModelInfo
from speechrnn.pronunciations import phones_of
from speechrnn.text import alphabet_of
from speechrnn.transcribe.decoding import make_decoder
from speechrnn.transcribe.lm.files import save_lm
from speechrnn.transcribe.lm.kneser_ney import build_ngrams
from speechrnn.transcribe.lm.ngrams import Spelling

LETTERS = ModelInfo(Recipe(), FeatureConfig(), alphabet_of("en"), "en")
BOTH = replace(LETTERS, phones=phones_of("en"))


@pytest.fixture
def lm(tmp_path: Path) -> Path:
    """Two hundred words of English, and some that nobody ever said."""
    sentences = [["i", "know", "two", "words"], ["xqzv", "is", "none"], ["no", "words", "too"]]
    save_lm(build_ngrams(sentences, 2), tmp_path / "our.lm", "en")
    save_lm(build_ngrams(sentences, 2), tmp_path / "our.arpa", "en")
    return tmp_path / "our.lm"


def say(spoken: str, info: ModelInfo, phones: bool) -> NDArray[np.float32]:
    """Log_probs in which a text is certain, a frame a symbol and a blank between two."""
    symbols = info.phones if phones else info.alphabet
    assert symbols
    path = [token for one in symbols.encode(spoken) for token in (one, 0)]
    log_probs: NDArray[np.float32] = np.log(np.eye(symbols.classes, dtype=np.float32)[path] + 1e-6)
    return log_probs


def test_nothing_asked_for_is_greedy() -> None:
    assert make_decoder(BOTH) is None
    assert make_decoder(BOTH, beam=1) is None


@pytest.mark.parametrize("ending", [".lm", ".arpa"])
def test_a_language_model_reads_by_phones_where_the_model_has_them(lm: Path, ending: str) -> None:
    decoder = make_decoder(BOTH, lm=lm.with_suffix(ending))
    assert decoder
    assert decoder.reads_phones
    assert decoder.read(say("I nO tu wɜɹdz", BOTH, phones=True)) == "i know two words"
    letters = make_decoder(LETTERS, lm=lm.with_suffix(ending))
    assert letters
    assert not letters.reads_phones
    assert letters.read(say("no words too", LETTERS, phones=False)) == "no words too"


def test_a_vocabulary_reads_by_phones_too(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("Won\ntoo\n")
    decoder = make_decoder(BOTH, words=tmp_path / "words.txt")
    assert decoder
    assert decoder.read(say("wʌn tu tu", BOTH, phones=True)) == "won too too"


def test_letters_are_read_where_they_are_asked_for(tmp_path: Path, lm: Path) -> None:
    (tmp_path / "words.txt").write_text("Won\ntoo\n")
    for decoder in (
        make_decoder(BOTH, words=tmp_path / "words.txt", letters=True),
        make_decoder(BOTH, lm=lm, letters=True),
    ):
        assert decoder
        assert not decoder.reads_phones
        assert decoder.read(say("too", BOTH, phones=False)) == "too"


def test_a_listed_word_of_unknown_sound_is_read_by_its_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speechrnn.pronunciations._guess", lambda words: {})
    (tmp_path / "words.txt").write_text("hello\nxqzv\n")
    decoder = make_decoder(BOTH, words=tmp_path / "words.txt")
    assert decoder
    assert not decoder.reads_phones
    assert decoder.read(say("xqzv hello", BOTH, phones=False)) == "xqzv hello"
    assert "no pronunciation is known of xqzv" in capsys.readouterr().err


def test_a_favoured_word_joins_the_vocabulary(lm: Path) -> None:
    decoder = make_decoder(BOTH, lm=lm, hotwords=["snow:8"])
    assert decoder
    assert decoder.reads_phones
    assert decoder.read(say("I nO snO", BOTH, phones=True)) == "i know snow"
    alone = make_decoder(BOTH, hotwords=["snow"])
    assert alone
    assert not alone.reads_phones  # whatever else is said has to be spelled


def test_a_vocabulary_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("señor\n")
    with pytest.raises(TextError, match=r"words\.txt:1: characters outside the alphabet"):
        make_decoder(BOTH, words=tmp_path / "words.txt")


def test_a_favoured_word_of_unknown_sound_costs_no_other_word_its_phones(
    tmp_path: Path, lm: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speechrnn.pronunciations._guess", lambda words: {})
    decoder = make_decoder(BOTH, lm=lm, hotwords=["zqxv", "snow", "snow zqxv"])
    assert decoder
    assert decoder.read(say("I nO snO", BOTH, phones=True)) == "i know snow"
    assert "no pronunciation is known of zqxv" in capsys.readouterr().err
    spelled = make_decoder(BOTH, lm=lm, hotwords=["zqxv"], letters=True)
    assert spelled
    assert spelled.read(say("zqxv", BOTH, phones=False)) == "zqxv"


def test_weights_tuned_for_phones_do_not_weigh_letters(tmp_path: Path) -> None:
    beams: dict[Spelling, BeamConfig] = {"phones": BeamConfig(temperature=2.0), "letters": BeamConfig(temperature=3.0)}
    model = build_ngrams([["i", "know"]], 2)
    for spellings in (["phones"], ["phones", "letters"]):
        kept = {spelling: beam for spelling, beam in beams.items() if spelling in spellings}
        save_lm(replace(model, beams=kept), tmp_path / "our.lm", "en")
        by_letters, by_phones = (make_decoder(BOTH, lm=tmp_path / "our.lm", letters=one) for one in (True, False))
        assert by_letters
        assert by_phones
        assert by_phones.temperature == 2.0
        assert by_letters.temperature == (3.0 if "letters" in kept else 0.0)


def test_favoured_words_do_not_join_a_closed_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("two words")
    decoder = make_decoder(BOTH, words=tmp_path / "words.txt", hotwords=["snow:30", "two:5", "too:1"])
    assert decoder
    assert decoder.read(say("snO", BOTH, phones=True)) != "snow"
    assert decoder.read(say("tu wɜɹdz", BOTH, phones=True)) == "two words"
