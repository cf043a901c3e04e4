"""MFCC, their differences over time, and mean and variance normalisation.

Features are float32 of shape (frames, coefficients). Frame t covers the samples from t × hop to t × hop + window;
a signal shorter than one window has no frame.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.config import FeatureConfig, InputConfig
from speechrnn.errors import AudioError, RecipeError
from speechrnn.torchaudio_python import functional, transforms

Features = NDArray[np.float32]

VARIANCE_FLOOR = 1e-5
"""Keeps a coefficient that never changes (digital silence, say) from being divided by zero."""


@dataclass(frozen=True, slots=True)
class Cmvn:
    """Cepstral mean and standard deviation, each of shape (coefficients,).

    Attributes:
        mean: What is taken off.
        deviation: What is divided by then.
        centre: The corpus's mean of MFCC as they are computed, to which each speaker's is moved before; None where
            nobody's is.
    """

    mean: Features
    deviation: Features
    centre: Features | None = None


def compute_mfcc(signal: Signal, config: FeatureConfig) -> Features:
    """Returns mel-frequency cepstral coefficients, shape (frames, coefficients).

    Power spectrum of a Hann window, triangular filters evenly spaced on the mel scale, natural log of
    (energy + 1e-6), orthonormal DCT-II.

    Args:
        signal: Shape (samples,), 16 kHz.
        config: Window, hop, filters.

    Raises:
        AudioError: The signal is shorter than one window, or its energy exceeds float32.
        RecipeError: There are more filters than the window resolves.

    References:
        Davis and Mermelstein, Comparison of parametric representations for monosyllabic word recognition, 1980.
    """
    if len(signal) < config.window_samples:
        raise AudioError(
            f"{1000 * len(signal) / SAMPLE_RATE:.1f} ms of sound, shorter than one window of {config.window_ms} ms"
        )
    with torch.inference_mode():
        coefficients: Tensor = _transform(config)(torch.from_numpy(signal))
    features: Features = coefficients.T.contiguous().numpy()
    if not np.isfinite(features).all():
        raise AudioError(f"samples of up to {np.abs(signal).max():.0e} are too large; export it within [-1, 1]")
    return features


def make_dct(config: FeatureConfig) -> Features:
    """Returns the orthonormal DCT-II that turns log mel energies into MFCC, (mels, coefficients)."""
    dct: Features = _transform(config).dct_mat.numpy()
    return dct


def to_channels(features: Features, config: FeatureConfig) -> Features:
    """Returns the log mel energies, (frames, mels), that MFCC keep, (frames, coefficients)."""
    channels: Features = features @ make_dct(config).T
    return channels


def to_mfcc(channels: Features, config: FeatureConfig) -> Features:
    """Returns the MFCC, (frames, coefficients), of log mel energies, (frames, mels)."""
    return np.asarray(channels @ make_dct(config), dtype=np.float32)


def make_filters(config: FeatureConfig) -> Features:
    """Returns the mel filters, (bins, mels)."""
    filters: Features = _transform(config).MelSpectrogram.mel_scale.fb.numpy()
    return filters


@cache
def find_centres(config: FeatureConfig) -> tuple[NDArray[np.float64], float]:
    """Returns the filters' centres on the mel scale, (mels,), and the distance between two."""
    edges = np.linspace(to_mel(config.low_hz), to_mel(config.high_hz), config.mels + 2)
    return edges[1:-1], float(edges[1] - edges[0])


def to_mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Returns frequencies on the mel scale; O'Shaughnessy, Speech communication, 1987."""
    return np.asarray(2595 * np.log10(1 + np.asarray(hz) / 700))


def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns what `to_mel` was made of."""
    return np.asarray(700 * (10 ** (mel / 2595) - 1))


def make_warp(config: FeatureConfig, factor: float) -> Features:
    """Returns a matrix (mels, mels) that turns mel channels into those of a voice `factor` times as high."""
    centres, step = find_centres(config)
    sources = (to_mel(to_hz(centres) / factor) - centres[0]) / step
    sources = np.clip(sources, 0, config.mels - 1)
    warp: Features = np.maximum(0, 1 - np.abs(np.arange(config.mels)[:, None] - sources)).astype(np.float32)
    return warp


def compute_mel_energies(signal: Signal, config: FeatureConfig) -> Features:
    """Returns the energies whose logarithms' cosine transform `compute_mfcc` gives, (frames, mels); errors likewise."""
    compute_mfcc(signal, config)
    with torch.inference_mode():
        energies: Features = _transform(config).MelSpectrogram(torch.from_numpy(signal)).T.numpy()
    return energies


def make_fourier(config: FeatureConfig) -> Features:
    """Returns the windowed cosines and sines whose products with a frame are its spectrum, (2 × bins, window)."""
    window = _transform(config).MelSpectrogram.spectrogram.window.numpy().astype(np.float64)
    angles = 2 * np.pi * np.outer(np.arange(len(window) // 2 + 1), np.arange(len(window))) / len(window)
    return np.asarray(np.concatenate([np.cos(angles), -np.sin(angles)]) * window, dtype=np.float32)


def append_deltas(features: Features, order: int) -> Features:
    """Returns features with their first `order` differences over time beside them.

    (frames, coefficients) becomes (frames, coefficients × (order + 1)). The regression is over two
    frames on each side; the first and the last frame repeat beyond the edges.

    References:
        Young et al., The HTK Book, equation 5.16.
    """
    parts = [torch.from_numpy(features).T]
    for _ in range(order):
        parts.append(functional.compute_deltas(parts[-1]))
    return torch.cat(parts).T.contiguous().numpy()


def estimate_cmvn(corpus: Iterable[Features]) -> Cmvn:
    """Returns mean and deviation over all frames of a corpus, summed in float64.

    Raises:
        ValueError: There is no frame.
    """
    frames, total, squares = 0, np.zeros(1), np.zeros(1)
    for features in corpus:
        frames += len(features)
        total = total + features.sum(axis=0, dtype=np.float64)
        squares = squares + np.square(features, dtype=np.float64).sum(axis=0)
    if not frames:
        raise ValueError("statistics need at least one frame")
    mean = total / frames
    variance = np.maximum(squares / frames - mean**2, VARIANCE_FLOOR)
    return Cmvn(mean.astype(np.float32), np.sqrt(variance).astype(np.float32))


def normalize_features(features: Features, cmvn: Cmvn | None) -> Features:
    """Returns features of zero mean and unit variance: by the corpus's statistics, or by their own where None."""
    statistics = cmvn or estimate_cmvn([features])
    return (features - statistics.mean) / statistics.deviation


def limit_range(features: Features, decibels: float, mfcc: FeatureConfig) -> Features:
    """Returns MFCC whose mel energies lie no further than so many decibels below the loudest."""
    channels = to_channels(features, mfcc)
    floor = _find_loudest(channels) - np.float32(decibels * np.log(10) / 10)
    return to_mfcc(np.maximum(channels, floor), mfcc)


def equalize(features: Features, settings: InputConfig, mfcc: FeatureConfig) -> Features:
    """Returns MFCC whose loudest mel energy is 1 where loudness shall be equal, or else as they are."""
    if not settings.equal_loudness:
        return features
    channels = to_channels(features, mfcc)
    return to_mfcc(channels - _find_loudest(channels), mfcc)


def _find_loudest(channels: Features) -> np.float32:
    """Returns what one log mel energy in a hundred exceeds, so that a click does not decide."""
    rest = channels.size // 100
    loudest: np.float32 = np.partition(channels.ravel(), channels.size - 1 - rest)[-1 - rest]
    return loudest


def shape_features(features: Features, settings: InputConfig, mfcc: FeatureConfig) -> Features:
    """Returns MFCC, which `equalize` has seen, within their range and with their differences, not yet normalised."""
    if settings.range_db:
        features = limit_range(features, settings.range_db, mfcc)
    return append_deltas(features, settings.deltas)


def to_network_input(features: Features, settings: InputConfig, mfcc: FeatureConfig, cmvn: Cmvn | None) -> Features:
    """Returns MFCC as the network reads them.

    Args:
        features: As `compute_mfcc` gives them, (frames, coefficients).
        settings: The loudness, the range, the differences.
        mfcc: How the features were computed.
        cmvn: The training corpus's statistics, or None for the utterance's own.
    """
    return finish_features(equalize(features, settings, mfcc), settings, mfcc, cmvn)


def finish_features(features: Features, settings: InputConfig, mfcc: FeatureConfig, cmvn: Cmvn | None) -> Features:
    """Returns MFCC that `equalize` has seen, varied or not, as the network reads them."""
    return normalize_features(shape_features(features, settings, mfcc), cmvn)


@cache
def _transform(config: FeatureConfig) -> transforms.MFCC:
    window = config.window_samples
    mel = {
        "n_fft": window,
        "hop_length": config.hop_samples,
        "n_mels": config.mels,
        "f_min": config.low_hz,
        "f_max": config.high_hz,
        "center": False,
    }
    with warnings.catch_warnings(action="ignore"):  # of empty filters, which are refused below
        transform = transforms.MFCC(SAMPLE_RATE, config.coefficients, log_mels=True, melkwargs=mel)
    if (transform.MelSpectrogram.mel_scale.fb.amax(dim=0) == 0).any():
        raise RecipeError(
            f"features.mels: {config.mels} filters are more than a window of {config.window_ms} ms resolves; take fewer"
            " filters or a longer window"
        )
    return transform
