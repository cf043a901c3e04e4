from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.config import BeamConfig
from speechrnn.ctc import collapse, decode_greedy
from speechrnn.errors import TextError
from speechrnn.text import Alphabet
from speechrnn.transcribe.align import align
from speechrnn.transcribe.beam import BeamDecoder
from speechrnn.transcribe.lm.kneser_ney import build_ngrams
from speechrnn.transcribe.lm.ngrams import EOS, UNKNOWN, NgramModel
from speechrnn.transcribe.search import _find_highest

find_highest = compiled(_find_highest)

ALPHABET = Alphabet((" ", "a", "b"))
EXACT = BeamConfig(beam_width=100_000, beam_cut=1e9, lm_weight=0.8, word_bonus=0.5, unknown_penalty=-2.0)
WORDS = [["a", "b"], ["ab", "a"], ["b", "b", "ab"], ["ba"]]


def draw_log_probs(seed: int, frames: int, classes: int = 4, spread: float = 1.5) -> NDArray[np.float32]:
    scores = np.random.default_rng(seed).normal(0, spread, size=(frames, classes))
    return (scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)).astype(np.float32)


def sum_all_paths(log_probs: NDArray[np.float32]) -> dict[tuple[int, ...], float]:
    """The log-probability of every labelling, path by path."""
    sums: dict[tuple[int, ...], float] = {}
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        score = sum(float(log_probs[frame, token]) for frame, token in enumerate(path))
        labels = tuple(collapse(path))
        sums[labels] = float(np.logaddexp(sums.get(labels, -np.inf), score))
    return sums


@cache
def language() -> NgramModel:
    return build_ngrams(WORDS, 2)


def weigh_text(text: str, config: BeamConfig, lm: NgramModel) -> float:
    """What a language model makes of a whole text, without a search."""
    numbers = [lm.numbers.get(word, UNKNOWN) for word in text.split()]
    context, cost = lm.start, 0.0
    for number in numbers:
        score, context = lm.score(context, number)
        cost += config.lm_weight * score + config.word_bonus + (config.unknown_penalty if number == UNKNOWN else 0)
    return cost + config.lm_weight * lm.score(context, EOS)[0]


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_an_unlimited_beam_finds_every_labelling_with_its_probability(seed: int, frames: int) -> None:
    log_probs = draw_log_probs(seed, frames)
    readings = BeamDecoder(ALPHABET, EXACT).decode(log_probs, 10**6)
    expected = sum_all_paths(log_probs)
    assert {reading.tokens for reading in readings} == set(expected)
    for reading in readings:
        assert reading.log_prob == pytest.approx(expected[reading.tokens], abs=1e-4)
    assert np.logaddexp.reduce([reading.log_prob for reading in readings]) == pytest.approx(0, abs=1e-4)
    assert [reading.score for reading in readings] == sorted((reading.score for reading in readings), reverse=True)


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_with_a_language_model_the_best_of_all_texts_is_found(seed: int, frames: int) -> None:
    log_probs = draw_log_probs(seed, frames)
    readings = BeamDecoder(ALPHABET, EXACT, lm=language()).decode(log_probs, 10**6)
    expected = {
        tokens: score + weigh_text(ALPHABET.decode(tokens), EXACT, language())
        for tokens, score in sum_all_paths(log_probs).items()
    }
    for reading in readings:
        assert reading.score == pytest.approx(expected[reading.tokens], abs=1e-4)
    assert readings[0].score == pytest.approx(max(expected.values()), abs=1e-4)


def test_a_narrow_beam_is_close_to_the_exact_result() -> None:
    narrow = BeamConfig(beam_width=20, lm_weight=0.8, word_bonus=0.5, unknown_penalty=-2.0)
    for seed in range(20):
        log_probs = draw_log_probs(seed, 6, spread=2.5)
        exact = BeamDecoder(ALPHABET, EXACT, lm=language()).decode(log_probs)[0]
        found = BeamDecoder(ALPHABET, narrow, lm=language()).decode(log_probs)[0]
        assert found.score == pytest.approx(exact.score, abs=0.05)


def test_a_beam_keeps_what_is_best_also_among_equals() -> None:
    """At the first frame "a" and "b" are equal and come before what is better: the space, in the last class."""
    alphabet = Alphabet(("a", "b", " "))
    log_probs = np.log(np.asarray([[0.2, 0.2, 0.2, 0.4], [0.97, 0.01, 0.01, 0.01]], dtype=np.float32))
    reading = BeamDecoder(alphabet, BeamConfig(beam_width=2)).decode(log_probs)[0]
    assert reading.tokens == (3,)


def test_reweighing_is_building_anew() -> None:
    decoder = BeamDecoder(ALPHABET, BeamConfig(), lm=language(), hotwords={"ab": 2.0})
    again = BeamDecoder(ALPHABET, EXACT, lm=language(), hotwords={"ab": 2.0})
    plain = BeamDecoder(ALPHABET, BeamConfig(), hotwords={"ab": 2.0})
    louder = BeamConfig(lm_weight=5.0, word_bonus=9.0)
    for seed in range(10):
        log_probs = draw_log_probs(seed, 6)
        assert decoder.reweighed(EXACT).decode(log_probs, 5) == again.decode(log_probs, 5)
        assert plain.reweighed(louder).decode(log_probs) == plain.decode(log_probs)  # there is no model to weigh


def test_where_the_network_is_sure_beam_and_greedy_agree() -> None:
    for seed in range(20):
        log_probs = draw_log_probs(seed, 30, spread=30.0)
        greedy = decode_greedy(log_probs)
        assert BeamDecoder(ALPHABET).decode(log_probs)[0].tokens == greedy.tokens


def test_a_long_recording_outgrows_the_first_tree() -> None:
    log_probs = draw_log_probs(0, 2000, spread=1.0)
    reading = BeamDecoder(ALPHABET, BeamConfig(beam_width=10)).decode(log_probs)[0]
    assert len(reading.tokens) > 300
    assert np.isfinite(reading.log_prob)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_a_closed_vocabulary_writes_no_other_word(seed: int) -> None:
    decoder = BeamDecoder(ALPHABET, EXACT, words=["ab", "ba"])
    log_probs = draw_log_probs(seed, 5)
    allowed = {
        tokens: score
        for tokens, score in sum_all_paths(log_probs).items()
        if all(word in ("ab", "ba") for word in ALPHABET.decode(tokens).split(" ")) or not tokens
    }
    readings = decoder.decode(log_probs, 10**6)
    trailing = {tokens for tokens in sum_all_paths(log_probs) if ALPHABET.decode(tokens) in ("ab ", "ba ")}
    assert {reading.tokens for reading in readings} - trailing == set(allowed)
    for reading in readings:
        if reading.tokens in allowed:
            assert reading.log_prob == pytest.approx(allowed[reading.tokens], abs=1e-4)


@pytest.mark.parametrize(("heard", "written"), [(0.2, "ab"), (0.05, "")])
def test_a_word_of_a_closed_vocabulary_wins_over_silence_that_is_a_little_likelier(heard: float, written: str) -> None:
    frame = [1 - 2 * heard, 0.0, heard, heard]  # blank, space, a, b
    log_probs = np.log(np.asarray([frame, frame], dtype=np.float32) + 1e-30)
    assert BeamDecoder(ALPHABET, words=["ab"]).read(log_probs) == written
    assert BeamDecoder(ALPHABET).read(log_probs) == ""


def test_a_favoured_word_wins_where_it_is_nearly_as_likely() -> None:
    log_probs = np.log(np.asarray([[0.1, 0.1, 0.7, 0.1], [0.6, 0.1, 0.1, 0.2], [0.1, 0.1, 0.3, 0.5]], dtype=np.float32))
    assert BeamDecoder(ALPHABET).read(log_probs) == "ab"
    assert BeamDecoder(ALPHABET, hotwords={"aa": 3.0}).read(log_probs) == "aa"
    assert BeamDecoder(ALPHABET, hotwords={"aa": 0.1}).read(log_probs) == "ab"


def test_a_favoured_word_need_not_be_known_to_the_language_model() -> None:
    lm = build_ngrams([["a"], ["b"]], 1)
    log_probs = np.log(np.asarray([[0.1, 0.1, 0.5, 0.3], [0.4, 0.1, 0.1, 0.4]], dtype=np.float32))
    weights = BeamConfig(unknown_penalty=-10.0)
    assert BeamDecoder(ALPHABET, weights, lm=lm).read(log_probs) in {"a", "b"}
    assert BeamDecoder(ALPHABET, weights, lm=lm, hotwords={"ab": 8.0}).read(log_probs) == "ab"
    strict, lm = BeamConfig(unknown_penalty=-30.0), build_ngrams([["b"]], 1)
    assert BeamDecoder(ALPHABET, strict, lm=lm).read(log_probs[:1]) == "b"
    assert BeamDecoder(ALPHABET, strict, lm=lm, hotwords={"a": 8.0}).read(log_probs[:1]) == "a"  # also on the way


def test_a_favoured_phrase_of_several_words_is_favoured_as_a_whole() -> None:
    uniform = np.log(np.full((5, 4), 0.25, dtype=np.float32))
    decoder = BeamDecoder(ALPHABET, BeamConfig(beam_width=500), hotwords={"a ba": 20.0})
    assert decoder.read(uniform) == "a ba"


def test_words_that_cannot_be_spelled_are_refused() -> None:
    with pytest.raises(TextError, match="'c'"):
        BeamDecoder(ALPHABET, words=["abc"])
    with pytest.raises(TextError, match="'c'"):
        BeamDecoder(ALPHABET, hotwords={"c": 1.0})


PHONES = Alphabet((" ", "x", "y"))
SOUNDS = {"a": "x", "ab": "xy", "b": "y", "ba": "x"}
"""Of the language model's words, "a" and "ba" sound alike."""


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=20, deadline=None)
def test_by_phones_the_best_of_all_texts_that_sound_so_is_found(seed: int, frames: int) -> None:
    log_probs = draw_log_probs(seed, frames)
    readings = BeamDecoder(PHONES, EXACT, lm=language(), sounds=SOUNDS).decode(log_probs, 10**6)
    alike: dict[str, list[str]] = {}
    for word, phones in SOUNDS.items():
        alike.setdefault(phones, []).append(word)
    expected: dict[tuple[tuple[int, ...], str], float] = {}
    for tokens, score in sum_all_paths(log_probs).items():
        spoken = PHONES.decode(tokens)
        sounds = spoken.removesuffix(" ").split(" ") if spoken else []
        for words in product(*(alike.get(one, []) for one in sounds)):
            text = " ".join(words)
            expected[tokens, text] = score + weigh_text(text, EXACT, language())
    best = max(expected.values())
    assert readings[0].score == pytest.approx(best, abs=1e-4)
    for reading in readings:  # behind a last word without a space, only the best of those that sound alike is told
        assert reading.score == pytest.approx(expected[reading.tokens, reading.text], abs=1e-4)


def test_a_favoured_word_wins_over_another_that_sounds_alike() -> None:
    lm = build_ngrams([["a"], ["a"], ["b"]], 1)
    log_probs = np.log(np.asarray([[0.1, 0.1, 0.7, 0.1]] * 2, dtype=np.float32))
    sounds = {"a": "x", "b": "y", "new": "x", "ab": "xy"}
    assert BeamDecoder(PHONES, lm=lm, sounds=sounds).read(log_probs) == "a"
    assert BeamDecoder(PHONES, lm=lm, sounds=sounds, hotwords={"new": 12.0}).read(log_probs) == "new"
    assert BeamDecoder(PHONES, lm=lm, sounds=sounds, hotwords={"a": 12.0}).read(log_probs) == "a"


def test_a_rare_phone_is_given_what_the_network_does_not_dare() -> None:
    log_probs = np.log(np.asarray([[0.1, 0.1, 0.35, 0.45]], dtype=np.float32))
    words, sounds, priors = ["one", "two"], {"one": "x", "two": "y"}, [0.5, 0.1, 0.1, 0.3]
    for weight, text in ((0.0, "two"), (0.5, "one")):
        config = BeamConfig(prior_weight=weight)
        assert BeamDecoder(PHONES, config, words=words, sounds=sounds, priors=priors).read(log_probs) == text
    assert BeamDecoder(PHONES, words=words, sounds=sounds).read(log_probs) == "two"


def test_what_breaks_off_within_a_word_keeps_the_words_before() -> None:
    """Of a closed vocabulary and so narrow a beam, nothing is left at the end that is a word."""
    sure = [[0.01, 0.01, 0.97, 0.01], [0.01, 0.97, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01]]
    log_probs = np.log(np.asarray(sure, dtype=np.float32))
    narrow = BeamConfig(beam_width=1)
    decoder = BeamDecoder(PHONES, narrow, words=["one", "two"], sounds={"one": "x", "two": "xy"})
    assert decoder.read(log_probs) == "one one"
    decoder = BeamDecoder(PHONES, narrow, words=["one", "two"], sounds={"one": "x", "two": "yx"})
    assert decoder.read(log_probs) == "one one"
    late = np.concatenate([log_probs[:2], np.log(np.asarray([[0.01, 0.01, 0.01, 0.97]], dtype=np.float32))])
    assert decoder.decode(late)[0].text == "one"
    assert decoder.decode(late)[0].tokens == (2, 1)
    assert decoder.decode(late[2:]) == []


def test_by_phones_a_closed_vocabulary_needs_no_language_model() -> None:
    log_probs = np.log(np.asarray([[0.1, 0.1, 0.7, 0.1], [0.1, 0.7, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]], dtype=np.float32))
    decoder = BeamDecoder(PHONES, words=["one", "two"], sounds={"one": "x", "two": "y"})
    assert decoder.read(log_probs) == "one two"
    assert decoder.decode(log_probs)[0].tokens == (2, 1, 3)


@given(st.integers(0, 10**6), st.integers(1, 5), st.lists(st.integers(1, 3), max_size=4))
@settings(max_examples=60, deadline=None)
def test_alignment_is_the_best_path_of_all_that_mean_the_text(seed: int, frames: int, tokens: list[int]) -> None:
    log_probs = draw_log_probs(seed, frames)
    paths = [path for path in product(range(4), repeat=frames) if collapse(path) == tokens]
    if not paths:
        with pytest.raises(ValueError, match="frames cannot emit"):
            align(log_probs, tokens)
        return
    scores = [sum(float(log_probs[frame, token]) for frame, token in enumerate(path)) for path in paths]
    aligned = align(log_probs, tokens)
    assert aligned.log_prob == pytest.approx(max(scores), abs=1e-4)
    assert aligned.tokens == tuple(tokens)
    ends = [0, *(end for _, end in aligned.spans)]
    assert all(start >= before for (start, _), before in zip(aligned.spans, ends, strict=False))
    path = [0] * frames
    for token, (start, end) in zip(tokens, aligned.spans, strict=True):
        assert start < end
        path[start:end] = [token] * (end - start)
    assert collapse(path) == tokens
    assert sum(float(log_probs[frame, token]) for frame, token in enumerate(path)) == pytest.approx(
        max(scores), abs=1e-4
    )


@settings(deadline=None)
@given(
    values=st.lists(st.sampled_from([-np.inf, -2.5, -1.0, 0.0, 1.0, 7.0]) | st.floats(-9, 9), min_size=1),
    data=st.data(),
)
def test_the_lowest_of_the_highest_is_found(values: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(values)))
    assert find_highest(np.array(values), count) == sorted(values, reverse=True)[count - 1]
