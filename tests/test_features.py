from dataclasses import replace

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.config import FeatureConfig, InputConfig
from speechrnn.errors import AudioError, RecipeError
from speechrnn.features import (
    append_deltas,
    compute_mfcc,
    equalize,
    estimate_cmvn,
    limit_range,
    make_dct,
    make_warp,
    normalize_features,
    to_network_input,
)

CONFIG = FeatureConfig()


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        FeatureConfig(mels=26, coefficients=13),
        FeatureConfig(window_ms=32.0, hop_ms=16.0, low_hz=0.0, high_hz=8000.0),
    ],
)
def test_mfcc_equal_librosa(hello_world: Signal, config: FeatureConfig) -> None:
    window = round(config.window_ms * 16)
    mel = librosa.feature.melspectrogram(
        y=np.asarray(hello_world),
        sr=SAMPLE_RATE,
        n_fft=window,
        hop_length=round(config.hop_ms * 16),
        center=False,
        n_mels=config.mels,
        fmin=config.low_hz,
        fmax=config.high_hz,
        htk=True,
        norm=None,
    )
    expected = librosa.feature.mfcc(S=np.log(mel + 1e-6), n_mfcc=config.coefficients).T
    np.testing.assert_allclose(compute_mfcc(hello_world, config), expected, atol=2e-3)


@pytest.mark.parametrize(("samples", "frames"), [(400, 1), (559, 1), (560, 2), (SAMPLE_RATE, 98)])
def test_a_frame_is_a_whole_window(samples: int, frames: int) -> None:
    assert compute_mfcc(np.zeros(samples, dtype=np.float32), CONFIG).shape == (frames, 20)


def test_less_than_a_window_is_refused() -> None:
    with pytest.raises(AudioError, match=r"24.9 ms of sound, shorter than one window of 25.0 ms"):
        compute_mfcc(np.zeros(399, dtype=np.float32), CONFIG)


def test_samples_beyond_all_measure_are_refused() -> None:
    with pytest.raises(AudioError, match="too large"):
        compute_mfcc(np.full(800, 1e25, dtype=np.float32), CONFIG)


def test_more_filters_than_the_window_resolves_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"features.mels: 120 filters"):
        compute_mfcc(np.zeros(800, dtype=np.float32), replace(CONFIG, mels=120))


def test_silence_gives_the_floor_and_no_infinity() -> None:
    features = compute_mfcc(np.zeros(1600, dtype=np.float32), CONFIG)
    np.testing.assert_allclose(features[:, 0], np.log(1e-6) * np.sqrt(40), rtol=1e-5)
    np.testing.assert_allclose(features[:, 1:], 0, atol=1e-4)
    np.testing.assert_array_equal(normalize_features(features, None)[:, 0], 0)


def test_a_frame_depends_on_its_own_window_alone(hello_world: Signal) -> None:
    whole = compute_mfcc(hello_world, CONFIG)
    part = compute_mfcc(hello_world[160 * 30 : 160 * 60], CONFIG)
    np.testing.assert_allclose(part, whole[30 : 30 + len(part)], atol=1e-3)


def test_deltas_equal_the_htk_books_regression() -> None:
    features = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    edged = np.pad(features, ((2, 2), (0, 0)), mode="edge")
    expected = [
        sum(n * (edged[t + 2 + n] - edged[t + 2 - n]) for n in (1, 2)) / (2 * (1 + 4)) for t in range(len(features))
    ]
    result = append_deltas(features, 1)
    np.testing.assert_array_equal(result[:, :3], features)
    np.testing.assert_allclose(result[:, 3:], expected, atol=1e-6)
    twice = append_deltas(result[:, 3:], 1)[:, 3:]
    np.testing.assert_array_equal(append_deltas(features, 2), np.concatenate([result, twice], axis=1))


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(0, 2**32))
def test_statistics_of_pieces_are_those_of_the_whole(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    pieces = [rng.normal(3, 2, size=(length, 4)).astype(np.float32) for length in lengths]
    whole = np.concatenate(pieces).astype(np.float64)
    cmvn = estimate_cmvn(pieces)
    np.testing.assert_allclose(cmvn.mean, whole.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(cmvn.deviation, np.maximum(whole.std(axis=0), 1e-5**0.5), atol=1e-5)


def test_normalized_features_have_zero_mean_and_unit_variance(hello_world: Signal) -> None:
    features = to_network_input(compute_mfcc(hello_world, CONFIG), InputConfig(deltas=1), CONFIG, None)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=1e-3)


def test_what_is_far_below_the_loudest_is_no_longer_heard(hello_world: Signal) -> None:
    mfcc = replace(CONFIG, coefficients=CONFIG.mels)
    quiet = hello_world * np.float32(0.1)
    hiss = np.random.default_rng(0).normal(0, 10 ** (-60 / 20), len(quiet)).astype(np.float32) * np.abs(quiet).max()
    plain, noisy = (compute_mfcc(signal, mfcc) for signal in (quiet, quiet + hiss))
    limited, limited_noisy = (limit_range(features, 25.0, mfcc) for features in (plain, noisy))
    assert np.abs(plain - noisy).max() > 10 * np.abs(limited - limited_noisy).mean()
    channels = limited @ make_dct(mfcc).T
    top = np.sort(channels.ravel())[-1 - channels.size // 100]
    assert channels.min() == pytest.approx(top - 2.5 * np.log(10), abs=1e-3)
    kept = channels > channels.min() + 1e-2
    np.testing.assert_allclose(channels[kept], (plain @ make_dct(mfcc).T)[kept], atol=1e-3)


def test_loudness_does_not_change_what_lies_within_the_range(hello_world: Signal) -> None:
    settings = InputConfig(range_db=30.0)
    loud, soft = (
        to_network_input(compute_mfcc(hello_world * np.float32(gain), CONFIG), settings, CONFIG, None)
        for gain in (1.0, 0.3)
    )
    assert np.abs(loud - soft).mean() < 0.01


@pytest.mark.parametrize("coefficients", [20, 40])
def test_a_soft_recording_can_be_as_loud_as_any_other(hello_world: Signal, coefficients: int) -> None:
    config = FeatureConfig(coefficients=coefficients)
    loud, soft = (compute_mfcc(hello_world * np.float32(gain), config) for gain in (1.0, 0.1))
    settings = InputConfig(cmvn="corpus", range_db=30.0, equal_loudness=True)
    cmvn = estimate_cmvn([loud])
    same, heard = (to_network_input(features, settings, config, cmvn) for features in (loud, soft))
    assert np.abs(same - heard).mean() < 0.01
    unequal = replace(settings, equal_loudness=False)
    assert (
        np.abs(to_network_input(loud, unequal, config, cmvn) - to_network_input(soft, unequal, config, cmvn)).max() > 1
    )
    channels = equalize(loud, settings, config) @ make_dct(config).T
    assert (channels > 0).mean() == pytest.approx(0.01, abs=0.002)
    assert equalize(loud, unequal, config) is loud


def test_statistics_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        estimate_cmvn([])


def test_the_dct_turns_without_stretching() -> None:
    dct = make_dct(FeatureConfig(mels=40, coefficients=13))
    np.testing.assert_allclose(dct.T @ dct, np.eye(13), atol=1e-6)


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
def test_a_warped_tone_looks_like_the_higher_tone(factor: float) -> None:
    config = FeatureConfig(coefficients=40)

    def hear(hertz: float) -> np.ndarray:
        tone = (np.sin(2 * np.pi * hertz * np.arange(SAMPLE_RATE) / SAMPLE_RATE) / 2).astype(np.float32)
        return compute_mfcc(tone, config) @ make_dct(config).T

    warped, higher = hear(1000) @ make_warp(config, factor), hear(1000 * factor)
    assert np.abs(warped.mean(axis=0).argmax() - higher.mean(axis=0).argmax()) <= 1
