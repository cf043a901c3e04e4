"""Where speech is heard: a room around it and noise behind it, added up in mel energies; a microphone; noise alone.

References:
    Polack, La transmission de l'énergie sonore dans les salles, 1988: what a room adds dies away exponentially.
    Ko et al., A study on data augmentation of reverberant speech for robust speech recognition, ICASSP 2017.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from speechrnn.audio import is_audio, read_signal
from speechrnn.config import AugmentConfig, FeatureConfig
from speechrnn.console import show_progress
from speechrnn.errors import AudioError, TrainingError
from speechrnn.features import Features, compute_mfcc, to_channels, to_mfcc

_ECHO_DB = (0.0, 15.0)
"""How much weaker than the voice what a room adds is, in decibels, from and to."""

_SILENCE = 1e-2
"""Noise that varies less than so many nats over time and frequency is digital silence."""

_SIXTY_DECIBELS = 1e-6

_RESPONSE_BANDS = 6
"""Frequencies at which a microphone's response is drawn; it is straight between them."""

_NATS_A_DECIBEL = np.log(10) / 10

_COLOUR_DB = 15.0
"""How much stronger or weaker noise alone becomes in some frequencies."""

_GUST_DB = 6.0
"""Standard deviation of a drawn noise's loudness over time, at most; it is drawn anew every `_GUST_MS`."""

_GUST_MS = 300.0


def read_noise(folder: str, mfcc: FeatureConfig) -> list[Features]:
    """Returns the log mel energies of each recording in a folder, (frames, mels); nothing for no folder.

    Raises:
        TrainingError: There are none, or one cannot be read.
    """
    if not folder:
        return []
    paths = sorted(path for path in Path(folder).rglob("*") if is_audio(path))
    if not paths:
        raise TrainingError(f"augment.noise: {folder} holds no recordings; name a folder of background noise")
    noises = []
    with show_progress("noise", len(paths), "recordings") as advance:
        for path in paths:
            try:
                noises.append(to_channels(compute_mfcc(read_signal(path), mfcc), mfcc))
            except AudioError as error:
                raise TrainingError(f"augment.noise: {error}; mend it or take it out") from error
            advance(1)
    return noises


def add_noise(
    channels: Features, noises: Sequence[Features], augment: AugmentConfig, rng: np.random.Generator
) -> Features:
    """Returns an utterance, (frames, mels), before a piece of noise at a drawn signal-to-noise ratio, or as it is."""
    if rng.random() >= augment.noise_share:
        return channels
    piece = _take_piece(noises, len(channels), rng)
    if np.ptp(piece) < _SILENCE:
        return channels
    ratio = rng.uniform(augment.low_snr_db, augment.high_snr_db) * _NATS_A_DECIBEL
    gain = np.float32(_measure(channels) - _measure(piece) - ratio)
    heard: Features = np.logaddexp(channels, piece + gain)
    return heard


def make_noise(frames: int, noises: Sequence[Features], mfcc: FeatureConfig, rng: np.random.Generator) -> Features:
    """Returns the MFCC of noise in which nobody speaks, (frames, coefficients).

    By half it is a piece of a recording; otherwise, and where there is no recording, white noise with gusts. Both are
    given a colour.
    """
    if noises and rng.random() < 0.5:
        channels = _take_piece(noises, frames, rng)
    else:
        samples = (frames - 1) * mfcc.hop_samples + mfcc.window_samples
        channels = to_channels(compute_mfcc(0.1 * rng.standard_normal(samples, dtype=np.float32), mfcc), mfcc)
        knots = rng.normal(0, rng.uniform(0, _GUST_DB) * _NATS_A_DECIBEL, 2 + round(frames * mfcc.hop_ms / _GUST_MS))
        channels += np.interp(np.linspace(0, len(knots) - 1, frames), np.arange(len(knots)), knots)[:, None]
    return to_mfcc(channels + draw_response(mfcc.mels, _COLOUR_DB, rng), mfcc)


def draw_response(mels: int, decibels: float, rng: np.random.Generator) -> Features:
    """Returns what another microphone at another distance adds to log mel energies, (mels,).

    A gain of up to so many decibels either way, and as much again that varies smoothly over frequency.
    """
    bands = rng.uniform(-decibels, decibels, _RESPONSE_BANDS) + rng.uniform(-decibels, decibels)
    places = np.linspace(0, _RESPONSE_BANDS - 1, mels)
    return np.asarray(np.interp(places, np.arange(_RESPONSE_BANDS), bands) * _NATS_A_DECIBEL, dtype=np.float32)


def add_reverberation(channels: Features, longest: float, rng: np.random.Generator) -> Features:
    """Returns an utterance, (frames, mels), in a room whose sound falls by 60 dB within up to so many frames."""
    fall = max(rng.uniform(0, longest), 1.0)
    kept = _SIXTY_DECIBELS ** (1 / fall)
    echo = 10 ** (-rng.uniform(*_ECHO_DB) / 10) * (1 - kept)
    # Σ_k echo · kept^(k-1) · energy[t-k] over all k from 1, as a recursion
    energy = lfilter([1.0, echo - kept], [1.0, -kept], np.exp(channels.astype(np.float64)), axis=0)
    heard: Features = np.log(energy).astype(np.float32)
    return heard


def _take_piece(noises: Sequence[Features], frames: int, rng: np.random.Generator) -> Features:
    """Returns so many frames of a recording, which is drawn by its length, and goes around where it ends too early."""
    lengths = np.array([len(noise) for noise in noises])
    noise = noises[rng.choice(len(noises), p=lengths / lengths.sum())]
    piece: Features = noise[(rng.integers(len(noise)) + np.arange(frames)) % len(noise)]
    return piece


def _measure(channels: Features) -> float:
    """Returns the log of the mean energy of a frame."""
    return float(np.log(np.exp(channels).sum(axis=1).mean()))
