"""Words begin and end with their sound, wherever within it CTC is sure of their letters."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.audio import SAMPLE_RATE
from speechrnn.transcribe.edges import find_sound, fit_words
from speechrnn.words import Word


def words_at(*times: tuple[float, float]) -> list[Word]:
    return [Word(f"w{number}", start, end, 1.0) for number, (start, end) in enumerate(times)]


def sound_at(seconds: float, *times: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    sound = np.zeros(round(seconds * 100), dtype=np.bool_)
    for start, end in times:
        sound[round(start * 100) : round(end * 100)] = True
    return sound


def edges_of(words: Sequence[Word]) -> list[tuple[float, float]]:
    return [(word.start, word.end) for word in words]


def test_sound_is_where_a_tone_is_and_a_closure_belongs_to_it() -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 5e-4, 2 * SAMPLE_RATE).astype(np.float32)
    for start, end in ((0.5, 0.8), (0.86, 1.1), (1.4, 1.6)):
        signal[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] += 0.1
    np.testing.assert_array_equal(find_sound(signal), sound_at(2, (0.5, 1.1), (1.4, 1.6)))
    assert find_sound(signal[:100]).shape == (0,)


@given(st.data(), st.integers(0, 12), st.integers(0, 30))
def test_every_word_has_its_time_where_there_is_time_enough(data: st.DataObject, count: int, steps: int) -> None:
    edges = sorted(data.draw(st.lists(st.integers(0, steps), min_size=2 * count, max_size=2 * count)))
    sound = np.array(data.draw(st.lists(st.booleans(), min_size=steps, max_size=steps)), dtype=np.bool_)
    heard = words_at(*((first / 100, last / 100) for first, last in zip(edges[::2], edges[1::2], strict=True)))
    fitted = fit_words(heard, sound)
    times = [time for pair in edges_of(fitted) for time in pair]
    assert times == sorted(times)
    if 0 < count <= steps:
        assert times[-1] <= steps / 100
        shortest = 0.04 if 4 * count <= steps else 0.01
        assert all(word.end - word.start > shortest - 0.001 for word in fitted)


def test_edges_go_to_the_sounds_edges() -> None:
    sound = sound_at(3, (0.5, 1.0), (1.3, 2.0))
    heard = words_at((0.6, 0.75), (1.44, 1.8))
    assert edges_of(fit_words(heard, sound)) == [(0.5, 1.0), (1.3, 2.0)]
    late = words_at((10.48, 10.9), (11.35, 12.02))  # letters that reach into a pause
    assert edges_of(fit_words(late, sound, start=10.0)) == [(10.5, 11.0), (11.3, 12.0)]


def test_words_that_run_into_each_other_meet_between_their_letters() -> None:
    assert edges_of(fit_words(words_at((0.6, 0.9), (1.1, 1.4)), sound_at(2, (0.5, 1.5)))) == [(0.5, 1.0), (1.0, 1.5)]


def test_in_endless_sound_a_word_keeps_its_letters_edges() -> None:
    assert edges_of(fit_words(words_at((4.0, 4.5)), sound_at(9, (0, 9)))) == [(4.0, 4.5)]
    assert edges_of(fit_words(words_at((4.0, 4.5)), sound_at(9))) == [(4.0, 4.5)]
    assert fit_words([], sound_at(9)) == []


@given(
    st.lists(st.floats(0, 3), min_size=2, max_size=10),
    st.lists(st.booleans(), min_size=1, max_size=30),
    st.sampled_from([0.0, 7.25]),
)
def test_words_stay_in_order_and_inside(times: list[float], tenths: list[bool], start: float) -> None:
    bounds = sorted(start + round(time, 2) for time in times)
    words = words_at(*zip(bounds[::2], bounds[1::2], strict=False))
    fitted = fit_words(words, np.repeat(tenths, 10), start)
    edges = [time for pair in edges_of(fitted) for time in pair]
    assert [word.text for word in fitted] == [word.text for word in words]
    assert edges == sorted(edges)
    assert start <= edges[0]
    assert edges[-1] <= start + len(tenths) / 10 + 1e-9


@pytest.mark.parametrize("shift", [-0.15, 0.0, 0.1])
def test_an_early_or_late_network_gives_the_same_edges(shift: float) -> None:
    sound = sound_at(3, (0.5, 1.2), (1.5, 2.1))
    heard = words_at((0.75 + shift, 1.0 + shift), (1.7 + shift, 1.9 + shift))
    assert edges_of(fit_words(heard, sound)) == [(0.5, 1.2), (1.5, 2.1)]
