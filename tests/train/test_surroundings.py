"""Noise and rooms in mel energies, against noise and rooms in samples."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import fftconvolve

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.config import AugmentConfig, FeatureConfig
from speechrnn.errors import RecipeError, TrainingError
from speechrnn.features import Features, compute_mfcc, make_dct
from speechrnn.settings import build_settings
from speechrnn.train import surroundings
from speechrnn.train.augment import augment_features
from speechrnn.train.run import train_model
from speechrnn.train.surroundings import add_noise, add_reverberation, draw_response, make_noise, read_noise
from tests.train.conftest import TINY, tiny

MFCC = FeatureConfig(coefficients=40)


def channels_of(signal: Signal) -> Features:
    channels: Features = compute_mfcc(signal, MFCC) @ make_dct(MFCC).T
    return channels


@pytest.fixture
def hiss() -> Signal:
    return (np.random.default_rng(0).normal(size=3 * SAMPLE_RATE) / 20).astype(np.float32)


@pytest.mark.parametrize("ratio", [0.0, 10.0])
def test_noise_is_heard_at_the_ratio_that_was_drawn(hello_world: Signal, hiss: Signal, ratio: float) -> None:
    always = AugmentConfig(noise_share=1.0, low_snr_db=ratio, high_snr_db=ratio)
    channels = channels_of(hello_world)
    heard = add_noise(channels, [channels_of(hiss)], always, np.random.default_rng(0))
    power = np.mean(hello_world**2) / np.mean(hiss**2) / 10 ** (ratio / 10)
    loud = hello_world + hiss[: len(hello_world)] * np.float32(np.sqrt(power))
    # the mel filters weigh high frequencies more than samples do: compare what was added, by its energies
    added = np.exp(heard.astype(np.float64)) - np.exp(channels.astype(np.float64))
    assert np.exp(channels).sum() / added.sum() == pytest.approx(10 ** (ratio / 10), rel=1e-3)
    truth = channels_of(loud)
    offset = np.median(heard - truth)
    assert np.median(np.abs(heard - truth - offset)) < 0.5  # two decibels, over speech and pauses


def test_a_room_in_energies_is_a_room_in_samples(hello_world: Signal, monkeypatch: pytest.MonkeyPatch) -> None:
    """An impulse and a tail of noise that dies away, convolved with the samples, against the recursion."""
    seconds, echo_db = 0.4, 3.0
    monkeypatch.setattr(surroundings, "_ECHO_DB", (echo_db, echo_db))
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tail = np.random.default_rng(0).normal(size=SAMPLE_RATE) * 10 ** (-3 * time / seconds)
    tail *= np.sqrt(10 ** (-echo_db / 10) / np.sum(tail**2))
    tail[0] += 1
    truth = channels_of(fftconvolve(hello_world, tail)[: len(hello_world)].astype(np.float32))
    channels = channels_of(hello_world)

    class Longest(np.random.Generator):
        def uniform(self, low: float = 0.0, high: float = 1.0, size: object = None) -> float:  # type: ignore[override]
            return high

    heard = add_reverberation(channels, 100 * seconds, Longest(np.random.PCG64(0)))
    before, after = np.abs(channels - truth), np.abs(heard - truth)
    assert np.median(after) < 0.6  # a noise's energy in one band and frame scatters by about as much
    assert np.median(after) < 0.5 * np.median(before)
    assert abs(np.median(heard - truth)) < 0.2


def test_a_room_only_adds_and_never_before_the_sound() -> None:
    silence = np.full((30, 40), -10.0, np.float32)
    silence[10] = 0.0
    heard = add_reverberation(silence, 50.0, np.random.default_rng(0))
    np.testing.assert_allclose(heard[10], 0.0, atol=1e-3)
    assert (heard[11:] > silence[11:] + 1e-4).any()
    assert (np.diff(heard[11:], axis=0) <= 1e-6).all()
    np.testing.assert_allclose(heard[:10], silence[:10], atol=0.7)  # silence has its own echo, up to its own energy


def test_rooms_are_drawn_and_their_time_is_in_milliseconds(hello_world: Signal) -> None:
    """500 ms are fifty frames, at most: 60 dB below at the latest, and as a rule earlier."""
    impulse = np.full((80, 40), -30.0, np.float32)
    impulse[5] = 0.0
    falls = []
    for seed in range(200):
        heard = add_reverberation(impulse, 50.0, np.random.default_rng(seed))
        tail = (heard[6:] - heard[6]).mean(axis=1)
        falls.append(int((tail > np.log(1e-6)).sum()))
    assert max(falls) <= 51
    assert 10 < np.median(falls) < 40
    features = compute_mfcc(hello_world, MFCC)
    augment = AugmentConfig(reverberation_ms=500.0)
    varied = augment_features(features, augment, MFCC, 1, np.random.default_rng(3))
    dct = make_dct(MFCC)
    expected = add_reverberation(features @ dct.T, 50.0, np.random.default_rng(3))
    np.testing.assert_allclose(varied @ dct.T, expected, atol=1e-2)


def test_ratios_are_drawn_from_their_whole_range_and_pieces_from_the_whole_noise() -> None:
    channels = np.zeros((5, 40), np.float32)
    noise = np.random.default_rng(0).normal(size=(1000, 40)).astype(np.float32)
    always = AugmentConfig(noise_share=1.0, low_snr_db=5.0, high_snr_db=25.0)
    added = [
        np.exp(add_noise(channels, [noise], always, np.random.default_rng(seed)).astype(np.float64)) - 1
        for seed in range(500)
    ]
    ratios = np.array([-10 * np.log10(one.mean()) for one in added])
    assert 4.9 < ratios.min() < 6
    assert 24 < ratios.max() < 25.1
    assert 14 < ratios.mean() < 16
    pieces = {round(float(one[0, 0] / one.mean()), 3) for one in added}
    assert len(pieces) > 100


def test_digital_silence_is_no_noise(hello_world: Signal) -> None:
    channels, silence = channels_of(hello_world), channels_of(np.zeros(3 * SAMPLE_RATE, np.float32))
    always = AugmentConfig(noise_share=1.0)
    assert add_noise(channels, [silence], always, np.random.default_rng(0)) is channels


def test_noise_comes_to_its_share_of_utterances_and_goes_around_where_it_is_short(hello_world: Signal) -> None:
    channels = channels_of(hello_world)
    noises = [np.random.default_rng(1).normal(size=(7, 40)).astype(np.float32)]
    half = AugmentConfig(noise_share=0.5)
    heard = [add_noise(channels, noises, half, np.random.default_rng(seed)) for seed in range(400)]
    assert 160 < sum(one is channels for one in heard) < 240
    assert all(one.shape == channels.shape and np.isfinite(one).all() for one in heard)


def test_longer_recordings_of_noise_are_drawn_more_often() -> None:
    channels = np.zeros((5, 40), np.float32)
    noises = [np.full((frames, 40), level, np.float32) for frames, level in ((900, 1.0), (100, 1.0))]
    noises[1][:, 0] = 9.0  # to know it again
    always = AugmentConfig(noise_share=1.0)
    short = sum(np.ptp(add_noise(channels, noises, always, np.random.default_rng(seed))) > 1e-3 for seed in range(1000))
    assert 60 < short < 140


def test_noise_is_read_from_a_folder_and_put_behind_training_utterances(
    tmp_path: Path, data: Path, hiss: Signal, hello_world: Signal
) -> None:
    folder = tmp_path / "noise"
    (folder / "deep").mkdir(parents=True)
    (folder / "licence.txt").write_text("free")
    soundfile.write(folder / "deep" / "hiss.wav", hiss, SAMPLE_RATE)
    noises = read_noise(str(folder), MFCC)
    assert len(noises) == 1
    np.testing.assert_allclose(noises[0], channels_of(hiss), atol=0.05)
    features = compute_mfcc(hello_world, MFCC)
    augment = AugmentConfig(noise=str(folder), noise_share=1.0)
    varied = augment_features(features, augment, MFCC, 1, np.random.default_rng(0), noises)
    assert np.abs(varied - features).mean() > 0.05
    recipe = replace(tiny(epochs=1), augment=replace(TINY.augment, noise=str(folder), noise_share=1.0))
    train_model(data, replace(recipe, augment=replace(recipe.augment, noise="")), tmp_path / "clean")
    train_model(data, recipe, tmp_path / "noisy")
    logs = [(tmp_path / name / "log.jsonl").read_text() for name in ("clean", "noisy")]
    assert logs[0].split('"loss"')[1][:12] != logs[1].split('"loss"')[1][:12]


def test_a_run_goes_through_batches_in_which_nobody_speaks(tmp_path: Path, data: Path) -> None:
    recipe = tiny(epochs=1)
    train_model(data, replace(recipe, augment=AugmentConfig(noise_alone=0.999)), tmp_path / "run")
    record = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert record["loss"] > 0
    assert record["words"]["hits"] == 0


def test_a_folder_without_noise_and_noise_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(TrainingError, match=r"augment.noise: .* holds no recordings"):
            read_noise(str(folder), MFCC)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(TrainingError, match=r"augment.noise: .*broken.wav"):
        read_noise(str(tmp_path), MFCC)


def test_ratios_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"low_snr_db \(20.0\) must not be above high_snr_db \(10.0\)"):
        build_settings(AugmentConfig, {"low_snr_db": 20.0, "high_snr_db": 10.0}, (), "recipe.toml")


def test_a_microphones_decibels_are_decibels_of_the_signal(hello_world: Signal) -> None:
    louder = channels_of(hello_world * np.float32(10 ** (6 / 20))) - channels_of(hello_world)
    loud = channels_of(hello_world) > -5  # far above the floor that is added before the logarithm
    assert np.median(louder[loud]) == pytest.approx(6 * np.log(10) / 10, rel=0.01)
    drawn = np.stack([draw_response(40, 6.0, np.random.default_rng(seed)) for seed in range(2000)])
    in_decibels = drawn * 10 / np.log(10)
    assert 11.5 < in_decibels.max() <= 12.0
    assert -12.0 <= in_decibels.min() < -11.5
    assert abs(in_decibels.mean()) < 0.2


def test_a_microphones_response_is_smooth_over_frequency() -> None:
    response = draw_response(40, 6.0, np.random.default_rng(0))
    assert np.abs(np.diff(response)).max() <= 2 * 6.0 * np.log(10) / 10 * 5 / 39 + 1e-6


def test_noise_alone_is_a_recording_by_half_and_drawn_otherwise() -> None:
    """A recording that rises from frame to frame tells itself from what is drawn."""
    rising = np.linspace(0, 9, 50, dtype=np.float32)[:, None].repeat(40, axis=1)
    dct, recorded = make_dct(MFCC), []
    for seed in range(200):
        channels = make_noise(50, [rising], MFCC, np.random.default_rng(seed)) @ dct.T
        assert channels.shape == (50, 40)
        steps = np.diff(channels, axis=0)
        recorded.append(np.sum(np.abs(steps - 9 / 49) < 1e-3) > 0.9 * steps.size)
    assert 80 < sum(recorded) < 120


def test_drawn_noise_is_that_of_samples_but_for_colour_and_gusts(hiss: Signal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_COLOUR_DB", 0.0)
    monkeypatch.setattr(surroundings, "_GUST_DB", 0.0)
    drawn = make_noise(400, [], MFCC, np.random.default_rng(1)) @ make_dct(MFCC).T
    truth = channels_of(hiss) + np.log(0.1**2 * 20**2)  # as loud as what is drawn
    assert np.abs(drawn.mean(axis=0) - truth.mean(axis=0)).max() < 0.25
    assert np.abs(drawn.std(axis=0) - truth.std(axis=0)).max() < 0.25
    monkeypatch.setattr(surroundings, "_GUST_DB", 20.0)
    gusty = [make_noise(400, [], MFCC, np.random.default_rng(seed)) @ make_dct(MFCC).T for seed in range(30)]
    loudness = max((channels.mean(axis=1) for channels in gusty), key=np.std)
    assert np.std(loudness) > 10 * min(np.std(channels.mean(axis=1)) for channels in gusty)  # some hardly have any
    assert np.std(loudness) < 2 * 20 * np.log(10) / 10
    turns = np.count_nonzero(np.diff(np.sign(loudness - loudness.mean())))
    assert 3 < turns < 30  # in four seconds, drawn anew every 0.3 s


def test_noise_alone_is_of_many_colours() -> None:
    means = [make_noise(100, [], MFCC, np.random.default_rng(seed)) @ make_dct(MFCC).T for seed in range(40)]
    tilts = [one.mean(axis=0)[-1] - one.mean(axis=0)[0] for one in means]
    assert np.std(tilts) > 15 / 3 * np.log(10) / 10
