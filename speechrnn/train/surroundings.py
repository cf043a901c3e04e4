"""Where speech is heard: a room around it, noise behind it; both are added up in mel energies, not in samples.

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
from speechrnn.features import Features, compute_mfcc, make_dct

_ECHO_DB = (0.0, 15.0)
"""How much weaker than the voice what a room adds is, in decibels, from and to."""

_SILENCE = 1e-2
"""Noise that varies less than so many nats over time and frequency is digital silence."""

_SIXTY_DECIBELS = 1e-6


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
    dct, noises = make_dct(mfcc), []
    with show_progress("noise", len(paths), "recordings") as advance:
        for path in paths:
            try:
                noises.append(compute_mfcc(read_signal(path), mfcc) @ dct.T)
            except AudioError as error:
                raise TrainingError(f"augment.noise: {error}; mend it or take it out") from error
            advance(1)
    return noises


def add_noise(
    channels: Features, noises: Sequence[Features], augment: AugmentConfig, rng: np.random.Generator
) -> Features:
    """Returns an utterance, (frames, mels), before a piece of noise at a drawn signal-to-noise ratio, or as it is.

    A recording of noise is drawn by its length, and goes around where it ends too early.
    """
    if rng.random() >= augment.noise_share:
        return channels
    lengths = np.array([len(noise) for noise in noises])
    noise = noises[rng.choice(len(noises), p=lengths / lengths.sum())]
    piece = noise[(rng.integers(len(noise)) + np.arange(len(channels))) % len(noise)]
    if np.ptp(piece) < _SILENCE:
        return channels
    ratio = rng.uniform(augment.low_snr_db, augment.high_snr_db) * np.log(10) / 10
    gain = np.float32(_measure(channels) - _measure(piece) - ratio)
    heard: Features = np.logaddexp(channels, piece + gain)
    return heard


def add_reverberation(channels: Features, longest: float, rng: np.random.Generator) -> Features:
    """Returns an utterance, (frames, mels), in a room whose sound falls by 60 dB within up to so many frames."""
    fall = max(rng.uniform(0, longest), 1.0)
    kept = _SIXTY_DECIBELS ** (1 / fall)
    echo = 10 ** (-rng.uniform(*_ECHO_DB) / 10) * (1 - kept)
    # Σ_k echo · kept^(k-1) · energy[t-k] over all k from 1, as a recursion
    energy = lfilter([1.0, echo - kept], [1.0, -kept], np.exp(channels.astype(np.float64)), axis=0)
    heard: Features = np.log(energy).astype(np.float32)
    return heard


def _measure(channels: Features) -> float:
    """Returns the log of the mean energy of a frame."""
    return float(np.log(np.exp(channels).sum(axis=1).mean()))
