"""One of a few phrases: how probable each is, and what becomes of that on the way to a transcript."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from speechrnn import load_model
from speechrnn.audio import SAMPLE_RATE, Signal, read_utterance
from speechrnn.cli import run
from speechrnn.errors import TextError
from speechrnn.manifest import Utterance
from speechrnn.shipped import ENGLISH_MODEL, WORDS
from speechrnn.text import Alphabet
from speechrnn.transcribe.phrases import PhraseDecoder
from speechrnn.transcribe.reading import Reading
from speechrnn.transcribe.recognizer import Recognizer

ALPHABET = Alphabet((" ", "a", "b"))
PHRASES = ("a", "b", "aa", "ab", "b a", "abba", "a b a")


def draw_log_probs(seed: int, frames: int) -> NDArray[np.float32]:
    scores = np.random.default_rng(seed).normal(0, 1.5, size=(frames, ALPHABET.classes))
    return (scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 12))
def test_each_phrase_is_as_probable_as_ctc_says(seed: int, frames: int) -> None:
    log_probs = draw_log_probs(seed, frames)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PhraseDecoder, "_fits", lambda *_: True)
        alternatives = PhraseDecoder(ALPHABET, PHRASES).decode(log_probs, len(PHRASES), spoken=True)
    found = {one.text: one for one in alternatives}
    for text in PHRASES:
        loss = torch.nn.functional.ctc_loss(
            torch.from_numpy(log_probs)[:, None],
            torch.tensor([ALPHABET.encode(text)]),
            torch.tensor([frames]),
            torch.tensor([len(text)]),
            reduction="sum",
        )
        if text in found:
            assert found[text].log_prob == pytest.approx(-loss.item(), rel=1e-4, abs=1e-4)
        else:
            assert not np.isfinite(loss.item())
    scores = [one.score for one in found.values()]
    assert scores == sorted(scores, reverse=True)
    silence = float(log_probs[:, 0].sum())
    for one in found.values():
        others = np.logaddexp.reduce([silence, *[other.score for other in found.values() if other is not one]])
        assert one.log_odds == pytest.approx(one.score - others, abs=1e-6)


@pytest.mark.parametrize(("spelled", "heard"), [("a b", []), ("b", []), ("aba", ["aa"]), ("aa", ["aa"])])
def test_a_phrase_is_heard_only_where_it_fits_about_as_well_as_anything(spelled: str, heard: list[str]) -> None:
    log_probs = np.full((12, ALPHABET.classes), 1e-5, dtype=np.float32)
    classes = [0, *[number for one in ALPHABET.encode(spelled) for number in (one, 0)], *[0] * 12][:12]
    log_probs[range(12), classes] = 1
    found = PhraseDecoder(ALPHABET, ("aa",)).decode(np.log(log_probs / log_probs.sum(axis=1, keepdims=True)))
    assert [one.text for one in found] == heard


def test_no_phrase_is_heard_where_silence_is_likelier() -> None:
    for blank, heard in ((0.6, []), (0.4, ["a"])):
        log_probs = np.log(np.array([[blank, 0.01, 0.98 - blank, 0.01]], dtype=np.float32))
        decoder = PhraseDecoder(ALPHABET, ("a", "b"))
        assert [one.text for one in decoder.decode(log_probs)] == heard
        assert [one.text for one in decoder.decode(log_probs, spoken=True)] == ["a"]


def test_a_phrase_of_which_one_word_is_another_is_not_heard(tmp_path: Path, phrases: Sequence[Utterance]) -> None:
    said = next(one for one in phrases if one.text == "please say yes")
    soundfile.write(tmp_path / "a.wav", read_utterance(said), SAMPLE_RATE)
    for lines, heard in (("please say no\ngood morning", ""), ("please say no\nplease say yes", "please say yes")):
        (tmp_path / "phrases.txt").write_text(lines)
        for letters in (True, False):
            recognizer = load_model(phrases=tmp_path / "phrases.txt", letters=letters)
            assert recognizer.transcribe(tmp_path / "a.wav").text == heard


def test_of_phrases_that_sound_alike_the_first_is_heard_and_the_other_takes_nothing_from_it() -> None:
    sounds = {"two": "a", "to": "a", "bee": "b"}
    log_probs = np.log(np.array([[0.01, 0.01, 0.97, 0.01]], dtype=np.float32))
    alone = PhraseDecoder(ALPHABET, ("two", "bee"), sounds=sounds).decode(log_probs, 3)
    assert PhraseDecoder(ALPHABET, ("two", "to", "bee"), sounds=sounds).decode(log_probs, 3) == alone
    assert [one.text for one in alone] == ["two", "bee"]


def test_phrases_longer_than_all_frames_are_not_heard() -> None:
    assert PhraseDecoder(ALPHABET, ("abba", "aa")).decode(draw_log_probs(0, 2)) == []


def test_phones_are_read_where_they_are_given_and_what_is_often_heard_has_to_be_surer() -> None:
    sounds = {"eh": "a", "bee": "b"}
    log_probs = np.log(np.array([[0.1, 0.05, 0.45, 0.4]], dtype=np.float32))
    plain = PhraseDecoder(ALPHABET, ("eh", "bee"), sounds=sounds)
    assert [one.text for one in plain.decode(log_probs, 2)] == ["eh", "bee"]
    weighed = PhraseDecoder(ALPHABET, ("eh", "bee"), sounds=sounds, priors=(0.4, 0.1, 0.45, 0.05))
    assert [one.text for one in weighed.decode(log_probs, 2)] == ["bee", "eh"]


def test_english_hears_one_of_the_phrases_and_says_how_sure_it_is(
    tmp_path: Path, hello_world: Signal, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "phrases.txt").write_text("Good morning\nHello,  world\n\nhello world\nhello\n")
    soundfile.write(tmp_path / "a.wav", hello_world, SAMPLE_RATE)
    command = ["transcribe", str(tmp_path / "a.wav"), "--phrases", str(tmp_path / "phrases.txt")]
    for letters in ([], ["--letters"]):
        assert run([*command, "-f", "json", *letters]) == 0
        heard = json.loads(capsys.readouterr().out)
        assert heard["text"] == "hello world"
        assert [word["confidence"] for word in heard["words"]] == pytest.approx([1.0, 1.0], abs=0.1)
    transcript = load_model(phrases=tmp_path / "phrases.txt").transcribe(tmp_path / "a.wav")
    assert transcript.text == "hello world"


def test_phrases_are_all_that_can_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["transcribe", str(tmp_path / "a.wav"), "--phrases", "digits"]
    for beside in (["--lm", "english"], ["--words", "digits"], ["--beam", "5"], ["--hotword", "one"]):
        assert run([*command, *beside]) == 2
        assert run(["score", str(tmp_path), "--model", "english", *command[2:], *beside[:2]]) == 2
    capsys.readouterr()
    with pytest.raises(ValueError, match="phrases are all that can be said"):
        load_model(phrases="digits", words="digits")
    with pytest.raises(TextError, match=r"none\.txt: no such file; what ships is named commands, digits"):
        load_model(phrases=tmp_path / "none.txt")


def test_what_was_written_with_the_same_words_is_not_taken_for_phrases() -> None:
    recognizer = Recognizer.load("english")
    by_words, by_phrases = (Reading(Path("english"), **{name: Path("digits")}) for name in ("words", "phrases"))  # type: ignore[arg-type]
    assert by_words.hash(recognizer) != by_phrases.hash(recognizer)


def test_each_line_that_ships_is_one_word() -> None:
    for path in ENGLISH_MODEL.parent.glob(f"*{WORDS}"):
        assert all(line.isalpha() for line in path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("letters", [[], ["--letters"]])
def test_neither_noise_nor_other_words_are_heard_as_a_phrase(
    tmp_path: Path, hello_world: Signal, letters: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
    paths = [tmp_path / "noise.wav", tmp_path / "words.wav"]
    for path, signal in zip(paths, (noise, hello_world), strict=True):
        soundfile.write(path, signal, SAMPLE_RATE)
    assert run(["transcribe", *map(str, paths), "--phrases", "digits", *letters]) == 0
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == ["noise", "words"]
