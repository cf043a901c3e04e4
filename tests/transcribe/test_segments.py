"""Recordings are cut at their pauses, and nowhere else unless they must be."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.audio import SAMPLE_RATE, Signal, read_utterance
from speechrnn.manifest import Utterance
from speechrnn.transcribe.segments import Piece, cut_live, cut_recording, cut_signal, set_limit

SECOND = SAMPLE_RATE


def make_noise(seconds: float, level: float, seed: int = 0) -> Signal:
    rng = np.random.default_rng(seed)
    return rng.normal(0, level, round(seconds * SAMPLE_RATE)).astype(np.float32)


def join(signals: Sequence[Signal], pause: float, level: float = 5e-4) -> Signal:
    """Some signals with pauses before, between and after them."""
    pauses = [make_noise(pause, level, seed) for seed in range(len(signals) + 1)]
    return np.concatenate([pauses[0], *(part for pair in zip(signals, pauses[1:], strict=True) for part in pair)])


def spoken(pieces: Sequence[Piece]) -> list[Piece]:
    return [piece for piece in pieces if piece.spoken]


def test_what_is_said_between_long_pauses_is_a_piece_each(tmp_path: Path, phrases: Sequence[Utterance]) -> None:
    clips = [read_utterance(phrase) for phrase in phrases[:60]]
    whole = join(clips, pause=0.8)
    soundfile.write(tmp_path / "long.wav", whole, SAMPLE_RATE, subtype="FLOAT")
    pieces = list(cut_recording(tmp_path / "long.wav"))
    np.testing.assert_array_equal(np.concatenate([piece.signal for piece in pieces]), whole)
    starts = np.cumsum([0, *(len(piece.signal) for piece in pieces[:-1])]) / SAMPLE_RATE
    assert [piece.start for piece in pieces] == starts.tolist()
    edge = 0.8
    assert len(spoken(pieces)) == len(clips)
    for clip, piece in zip(clips, spoken(pieces), strict=True):
        assert edge - 0.25 < piece.start < edge + 0.25  # a clip is quiet at its edges itself
        edge += len(clip) / SAMPLE_RATE
        assert edge - 0.6 < piece.start + len(piece.signal) / SAMPLE_RATE < edge + 0.25
        edge += 0.8


def test_short_pauses_do_not_cut_and_what_has_no_long_one_is_one_piece(phrases: Sequence[Utterance]) -> None:
    for pause in (0.05, 0.3):
        whole = join([read_utterance(phrase) for phrase in phrases[:3]], pause)
        pieces = list(cut_signal([whole]))
        assert [len(piece.signal) for piece in pieces] == [len(whole)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40_000), max_size=20))
def test_parts_of_a_signal_that_goes_on_are_the_whole(hello_world: Signal, sizes: list[int]) -> None:
    whole = join([hello_world, hello_world], pause=1.0)
    parts = list(cut_live(np.split(whole, np.cumsum(sizes))))
    np.testing.assert_array_equal(np.concatenate([part.signal for part in parts]), whole)
    assert sum(part.ended for part in parts) == 2


@pytest.mark.parametrize("level", [0.0, 3e-4, 5e-3])
def test_nobody_speaks_in_silence_or_soft_noise(level: float) -> None:
    assert spoken(list(cut_signal([make_noise(40, level)]))) == []


def test_loud_noise_may_hide_speech_and_is_cut_where_it_must_be() -> None:
    pieces = spoken(list(cut_signal([make_noise(30, 0.1, seed) for seed in range(4)])))
    assert max(len(piece.signal) for piece in pieces) <= 30 * SECOND
    assert sum(len(piece.signal) for piece in pieces) > 119 * SECOND


def test_long_speech_is_cut_where_it_is_softest() -> None:
    syllables = 0.3 + np.abs(np.sin(8 * np.arange(40 * SECOND) / SECOND)).astype(np.float32)
    whole = make_noise(40, 0.1) * syllables
    whole[20 * SECOND : round(20.4 * SECOND)] *= 0.15
    first, second = spoken(list(cut_signal([whole])))
    assert 20 * SECOND < len(first.signal) < 20.4 * SECOND
    assert 20 < second.start < 20.4


def test_speech_is_found_in_noise(hello_world: Signal) -> None:
    voice = hello_world / np.sqrt(np.mean(hello_world**2)) * 0.1
    for decibels in (10, 20):
        noise = make_noise(10, 0.1 * 10 ** (-decibels / 20))
        noise[4 * SECOND : 4 * SECOND + len(voice)] += voice
        (piece,) = spoken(list(cut_signal([noise])))
        assert 3.5 < piece.start < 4.3
        assert len(piece.signal) < 3 * SECOND


def test_a_single_click_is_sound() -> None:
    signal = np.zeros(5 * SECOND, dtype=np.float32)
    signal[3 * SECOND] = 0.5
    (piece,) = spoken(list(cut_signal([signal])))
    assert piece.start < 3 < piece.start + len(piece.signal) / SAMPLE_RATE


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=40))
def test_noise_and_voice_are_quantiles(drawn: list[float]) -> None:
    noise, loudest = np.quantile(drawn, [0.1, 0.95])
    if loudest >= 3 * noise:
        assert set_limit(np.array(drawn, dtype=np.float32)) == pytest.approx(
            (max(1e-3, min(3 * noise, (noise * loudest) ** 0.5)), max(1e-3, loudest)), rel=1e-4
        )
