"""Training utterances varied on their features: pauses, speed, voice, room, noise, line, microphone, masks.

MFCC are a rotation of log mel energies, so an utterance is turned back into mel channels, varied there, and turned
again; Kaldi's idct-layer does the same. No audio is read a second time.

References:
    Park et al., SpecAugment: a simple data augmentation method for automatic speech recognition, Interspeech 2019.
    Jaitly and Hinton, Vocal tract length perturbation improves speech recognition, ICML workshop 2013.
    Ko et al., Audio augmentation for speech recognition, Interspeech 2015.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from speechrnn.config import AugmentConfig, FeatureConfig
from speechrnn.features import Features, find_centres, make_warp, to_channels, to_hz, to_mfcc
from speechrnn.train.surroundings import add_noise, add_reverberation, draw_response

_QUIET = 0.02
"""Share of an utterance's frames that are quieter than a pause that is put beside it."""

_NEAR = 4
"""Mel channels after which mixing has fallen to a third."""

_TELEPHONE_HZ = (3400.0, 4000.0)
"""Between what a line lets through and what 8,000 samples a second can hold."""


def settle(augment: AugmentConfig, done: float) -> AugmentConfig:
    """Returns what varies in an epoch before which the share `done` of all epochs has passed."""
    if done >= augment.masks_from:
        return augment
    return replace(augment, frequency_masks=0, time_masks_per_second=0.0, masks_from=0.0)


def augment_features(
    features: Features,
    augment: AugmentConfig,
    mfcc: FeatureConfig,
    fewest: int,
    rng: np.random.Generator,
    noises: Sequence[Features] = (),
) -> Features:
    """Returns a variation of an utterance's MFCC, (frames, coefficients); frames may change in number.

    Args:
        features: As `compute_mfcc` gives them, not normalised.
        augment: What varies, and how much.
        mfcc: How the features were computed.
        fewest: Frames that must remain, so that CTC can still emit the labels.
        rng: The source of all chance.
        noises: Log mel energies of background noise, (frames, mels) each.
    """
    if augment == AugmentConfig():
        return features
    channels = to_channels(features, mfcc)
    if augment.silence_ms:
        channels = add_silence(channels, augment.silence_ms / mfcc.hop_ms, rng)
    if augment.vocal_tract:
        channels = channels @ make_warp(mfcc, 1 + rng.uniform(-augment.vocal_tract, augment.vocal_tract))
    if augment.tempo:
        speed = 1 + rng.uniform(-augment.tempo, augment.tempo)
        channels = change_tempo(channels, max(round(len(channels) / speed), fewest))
    if augment.reverberation_ms:
        channels = add_reverberation(channels, augment.reverberation_ms / mfcc.hop_ms, rng)
    if noises:
        channels = add_noise(channels, noises, augment, rng)
    if augment.telephone_share and rng.random() < augment.telephone_share:
        channels = narrow_band(channels, mfcc, rng.uniform(*_TELEPHONE_HZ))
    if augment.microphone_db:
        channels = channels + draw_response(mfcc.mels, augment.microphone_db, rng)
    if augment.channel_mixing:
        channels = mix_channels(channels, augment.channel_mixing, rng)
    channels = mask_channels(channels, augment, rng)
    channels = mask_times(channels, augment, mfcc.hop_ms, rng)
    return to_mfcc(channels, mfcc)


def change_tempo(channels: Features, frames: int) -> Features:
    """Returns an utterance drawn out or pressed into so many frames, by linear interpolation."""
    places = np.linspace(0, len(channels) - 1, frames, dtype=np.float32)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(channels) - 1)
    share = (places - before)[:, None]
    stretched: Features = channels[before] * (1 - share) + channels[after] * share
    return stretched


def add_silence(channels: Features, longest: float, rng: np.random.Generator) -> Features:
    """Returns an utterance with a pause of up to so many frames on either side, as quiet as its quietest frames."""
    quiet = np.quantile(channels, _QUIET, axis=0, keepdims=True).astype(np.float32)
    before, after = (quiet.repeat(round(rng.uniform(0, longest)), axis=0) for _ in range(2))
    return np.concatenate([before, channels, after])


def narrow_band(channels: Features, mfcc: FeatureConfig, high_hz: float) -> Features:
    """Returns an utterance of which nothing is left in the channels above a frequency: they stay at their mean.

    What they stay at, normalisation takes away.
    """
    heard = to_hz(find_centres(mfcc)[0]) <= high_hz
    return np.asarray(np.where(heard, channels, channels.mean(axis=0)), dtype=np.float32)


def mix_channels(channels: Features, size: float, rng: np.random.Generator) -> Features:
    """Returns an utterance in which each channel moves a little with the channels around it; means stay.

    The shares are drawn around zero with deviation `size`, which falls with the distance between two channels.
    """
    places, mean = np.arange(channels.shape[1]), channels.mean(axis=0)
    nearness = np.exp(-np.abs(places[:, None] - places) / _NEAR)
    shares = (rng.normal(0, size, nearness.shape) * nearness).astype(np.float32)
    mixed: Features = channels + (channels - mean) @ shares
    return mixed


def mask_channels(channels: Features, augment: AugmentConfig, rng: np.random.Generator) -> Features:
    """Returns an utterance in which bands of channels hold nothing but their mean."""
    masked, mels = channels.copy(), channels.shape[1]
    for _ in range(augment.frequency_masks):
        width = rng.integers(0, min(augment.frequency_mask_mels, mels) + 1)
        low = rng.integers(0, mels - width + 1)
        masked[:, low : low + width] = channels[:, low : low + width].mean(axis=0)
    return masked


def mask_times(channels: Features, augment: AugmentConfig, hop_ms: float, rng: np.random.Generator) -> Features:
    """Returns an utterance in which stretches of time hold nothing but the utterance's mean.

    Their number grows with the utterance; together they cover no more than half of it.
    """
    masked, frames = channels.copy(), len(channels)
    expected = augment.time_masks_per_second * frames * hop_ms / 1000
    count = int(expected + rng.random())
    longest = min(round(augment.time_mask_ms / hop_ms), frames // (2 * max(count, 1)))
    for _ in range(count):
        length = rng.integers(0, longest + 1)
        start = rng.integers(0, frames - length + 1)
        masked[start : start + length] = channels.mean(axis=0)
    return masked
