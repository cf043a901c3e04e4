from dataclasses import replace

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.config import AugmentConfig, FeatureConfig
from speechrnn.features import compute_mfcc, make_dct
from speechrnn.train.augment import (
    add_silence,
    augment_features,
    change_tempo,
    mask_channels,
    mask_times,
    mix_channels,
    narrow_band,
    settle,
)

MFCC = FeatureConfig(coefficients=40)
STRONG = AugmentConfig(
    tempo=0.3,
    vocal_tract=0.15,
    silence_ms=100.0,
    channel_mixing=0.1,
    reverberation_ms=300.0,
    frequency_masks=2,
    time_masks_per_second=2.0,
    time_mask_ms=100.0,
    frequency_mask_mels=8,
)


def channels_of(signal: Signal) -> np.ndarray:
    return compute_mfcc(signal, MFCC) @ make_dct(MFCC).T


def sine(hertz: float) -> Signal:
    return (np.sin(2 * np.pi * hertz * np.arange(SAMPLE_RATE) / SAMPLE_RATE) / 2).astype(np.float32)


def test_nothing_asked_for_changes_nothing(hello_world: Signal) -> None:
    features = compute_mfcc(hello_world, MFCC)
    assert augment_features(features, AugmentConfig(), MFCC, 1, np.random.default_rng(0)) is features


def test_the_way_to_channels_and_back_loses_nothing(hello_world: Signal) -> None:
    for mfcc in (MFCC, replace(MFCC, coefficients=13)):
        features = compute_mfcc(hello_world, mfcc)
        varied = augment_features(features, AugmentConfig(tempo=1e-9), mfcc, 1, np.random.default_rng(0))
        np.testing.assert_allclose(varied, features, atol=1e-3)


def test_tempo_keeps_the_ends_and_what_lies_between_in_order(hello_world: Signal) -> None:
    channels = channels_of(hello_world)
    for frames in (len(channels) // 2, len(channels), 2 * len(channels)):
        changed = change_tempo(channels, frames)
        assert len(changed) == frames
        np.testing.assert_allclose(changed[[0, -1]], channels[[0, -1]], atol=1e-3)
    np.testing.assert_allclose(change_tempo(channels, len(channels)), channels, atol=1e-3)
    ramp = np.arange(10, dtype=np.float32)[:, None]
    assert (np.diff(change_tempo(ramp, 17)[:, 0]) > 0).all()


@given(st.integers(1, 200), st.integers(0, 1000))
def test_masks_cover_no_more_than_half_of_the_time(frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels = rng.normal(size=(frames, 40)).astype(np.float32)
    strong = replace(STRONG, time_masks_per_second=10.0, time_mask_ms=500.0)
    masked = mask_times(channels, strong, 10.0, rng)
    assert (masked != channels).any(axis=1).sum() <= frames / 2


@given(st.integers(0, 1000))
def test_masked_bands_are_constant_and_no_wider_than_asked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels = rng.normal(size=(50, 40)).astype(np.float32)
    touched = (mask_channels(channels, STRONG, rng) != channels).any(axis=0)
    assert touched.sum() <= STRONG.frequency_masks * STRONG.frequency_mask_mels
    assert (np.ptp(mask_channels(channels, STRONG, rng), axis=0) == 0).sum() <= 16


@given(st.integers(0, 1000), st.integers(1, 120))
def test_ctc_keeps_the_frames_it_needs(seed: int, fewest: int) -> None:
    features = np.random.default_rng(0).normal(size=(max(fewest, 60), 40)).astype(np.float32)
    varied = augment_features(features, STRONG, MFCC, fewest, np.random.default_rng(seed))
    assert len(varied) >= fewest
    assert np.isfinite(varied).all()
    assert varied.dtype == np.float32


def test_chance_comes_from_the_generator_alone(hello_world: Signal) -> None:
    features = compute_mfcc(hello_world, MFCC)
    first, again, other = (
        augment_features(features, STRONG, MFCC, 1, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_a_mask_holds_the_mean_of_what_it_hides() -> None:
    channels = np.random.default_rng(0).normal(3, 1, size=(60, 40)).astype(np.float32)
    in_time = mask_times(channels, STRONG, 10.0, np.random.default_rng(1))
    hidden = (in_time != channels).any(axis=1)
    assert hidden.any()
    np.testing.assert_allclose(in_time[hidden], np.tile(channels.mean(axis=0), (hidden.sum(), 1)), rtol=1e-6)
    in_frequency = mask_channels(channels, STRONG, np.random.default_rng(1))
    hidden = (in_frequency != channels).any(axis=0)
    assert hidden.any()
    np.testing.assert_allclose(in_frequency[:, hidden], np.tile(channels.mean(axis=0)[hidden], (60, 1)), rtol=1e-6)


@given(st.integers(0, 1000))
def test_pauses_stand_beside_the_utterance_and_are_quiet(seed: int) -> None:
    channels = np.random.default_rng(seed).normal(size=(60, 40)).astype(np.float32)
    longer = add_silence(channels, 30.0, np.random.default_rng(seed))
    places = [start for start in range(len(longer) - 59) if (longer[start : start + 60] == channels).all()]
    assert len(places) == 1
    before, after = longer[: places[0]], longer[places[0] + 60 :]
    assert len(before) <= 30
    assert len(after) <= 30
    assert (np.concatenate([before, after]) <= np.quantile(channels, 0.05, axis=0)).all()


def test_a_line_sounds_as_samples_at_8_khz_do_once_means_are_taken_away(hello_world: Signal) -> None:
    line = soxr.resample(soxr.resample(hello_world, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE)
    expected = compute_mfcc(line, MFCC) @ make_dct(MFCC).T
    heard = narrow_band(channels_of(hello_world), MFCC, 3800.0)
    expected, heard = expected - expected.mean(axis=0), heard - heard.mean(axis=0)
    kept = np.ptp(heard, axis=0) > 0
    assert 26 < kept.sum() < 34
    spread = expected.std(axis=0)
    assert np.abs(heard - expected)[:, kept].mean() < 0.05 * spread[kept].mean()
    assert spread[-8:].max() < 0.1 * spread[kept].mean()


def test_mixing_moves_channels_with_their_neighbours_and_keeps_their_means() -> None:
    channels = np.random.default_rng(0).normal(2, 1, size=(500, 40)).astype(np.float32)
    mixed = mix_channels(channels, 0.1, np.random.default_rng(1))
    np.testing.assert_allclose(mixed.mean(axis=0), channels.mean(axis=0), atol=1e-4)
    taken = np.linalg.lstsq(channels - channels.mean(axis=0), mixed - mixed.mean(axis=0), rcond=None)[0] - np.eye(40)
    assert np.diagonal(taken).std() == pytest.approx(0.1, rel=0.3)
    assert np.diagonal(taken, 20).std() < 0.005


@pytest.mark.parametrize(
    "augment",
    [
        AugmentConfig(tempo=0.2),
        AugmentConfig(silence_ms=500.0),
        AugmentConfig(vocal_tract=0.2),
        AugmentConfig(microphone_db=6.0),
        AugmentConfig(reverberation_ms=500.0),
        AugmentConfig(channel_mixing=0.2),
        AugmentConfig(telephone_share=1.0),
    ],
    ids=str,
)
def test_each_variation_is_made_where_the_recipe_asks_for_it(hello_world: Signal, augment: AugmentConfig) -> None:
    features = compute_mfcc(hello_world, MFCC)
    varied = augment_features(features, augment, MFCC, 1, np.random.default_rng(0))
    if augment.tempo or augment.silence_ms:
        assert len(varied) != len(features)
    else:
        assert np.abs(varied - features).mean() > 0.05


@pytest.mark.parametrize(("done", "masked"), [(0.0, False), (0.39, False), (0.4, True), (0.9, True)])
def test_masks_begin_when_their_share_of_the_run_has_passed(done: float, masked: bool) -> None:
    later = replace(STRONG, masks_from=0.4)
    without = replace(STRONG, frequency_masks=0, time_masks_per_second=0.0)
    assert settle(later, done) == (later if masked else without)
