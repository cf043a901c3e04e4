"""What a doctor measures of one utterance: levels, bandwidth, pauses, a fingerprint of its samples."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, Signal, measure_cancelled_db, read_samples, resample, to_mono
from speechrnn.errors import AudioError
from speechrnn.manifest import Utterance
from speechrnn.parallel import map_in_order

_FRAME_MS = 32
_EMPTY = 1e-10
"""Added to powers before their logarithm: -100 dB."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was measured of a recording; levels in dB below full scale.

    Attributes:
        seconds: Its length.
        sample_rate: As it was stored, Hz.
        digest: Of its samples; equal for copies, whatever they are called.
        loudest_db: Level of its loudest tenth.
        softest_db: Level of its softest tenth.
        speech_seconds: Time within 30 dB of the loudest tenth.
        flat_share: Share of samples that lie at the very top or bottom of the waveform.
        offset: Mean of the samples.
        channel_gap_db: Between the loudest and the softest channel.
        cancelled_db: How much softer the channels' mean is than the loudest of them.
        upper_band_db: Power between 4.3 and 7.6 kHz against that below 3.7 kHz.
    """

    seconds: float
    sample_rate: int
    digest: str
    loudest_db: float
    softest_db: float
    speech_seconds: float
    flat_share: float
    offset: float
    channel_gap_db: float
    cancelled_db: float
    upper_band_db: float


def examine_corpus(utterances: Iterable[Utterance], workers: int = 0) -> Iterator[Examination | AudioError]:
    """Yields the examination of each utterance, or why it cannot be read, in order."""
    return map_in_order(_examine_or_explain, utterances, workers)


def examine_utterance(utterance: Utterance) -> Examination:
    """Returns what can be measured of an utterance.

    Raises:
        AudioError: It cannot be read, or holds samples that are not numbers.
    """
    path = Path(utterance.audio_filepath)
    samples, sample_rate = read_samples(path, utterance.offset, utterance.duration)
    if not len(samples):
        raise AudioError(f"{path}: no sound between {utterance.offset} s and its end there")
    signal = resample(to_mono(samples, path), sample_rate)
    mono = samples.mean(axis=1)
    frames = _cut_frames(signal)
    levels = _to_db(np.square(frames, dtype=np.float64).mean(axis=1))
    loudest = float(np.quantile(levels, 0.9))
    powers = np.square(samples, dtype=np.float64).mean(axis=0)
    return Examination(
        seconds=len(mono) / sample_rate,
        sample_rate=sample_rate,
        digest=hashlib.sha256(np.round(samples * 32767).astype("<i2").tobytes()).hexdigest()[:24],
        loudest_db=loudest,
        softest_db=float(np.quantile(levels, 0.1)),
        speech_seconds=float((levels > loudest - 30).sum() * _FRAME_MS / 1000),
        flat_share=_measure_flat_share(mono),
        offset=float(mono.mean(dtype=np.float64)),
        channel_gap_db=float(np.ptp(_to_db(powers))),
        cancelled_db=measure_cancelled_db(samples),
        upper_band_db=_measure_upper_band(frames[levels >= np.median(levels)]),
    )


def _examine_or_explain(utterance: Utterance) -> Examination | AudioError:
    try:
        return examine_utterance(utterance)
    except AudioError as error:
        return error


def _cut_frames(signal: Signal) -> NDArray[np.float32]:
    """Returns frames side by side, (frames, samples); a rest that fills none is left out, unless it is all there is."""
    size = SAMPLE_RATE * _FRAME_MS // 1000
    if len(signal) < size:
        return np.pad(signal, (0, size - len(signal)))[None]
    return signal[: len(signal) // size * size].reshape(-1, size)


def _measure_flat_share(signal: Signal) -> float:
    """Returns the share of samples within a hundredth of the greatest or the least, whichever has more."""
    top, bottom = float(signal.max()), float(signal.min())
    margin = 0.005 * (top - bottom)
    return float(max((signal >= top - margin).mean(), (signal <= bottom + margin).mean()))


def _measure_upper_band(frames: NDArray[np.float32]) -> float:
    spectrum = np.square(np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]).astype(np.float32)))).mean(axis=0)
    hertz = np.fft.rfftfreq(frames.shape[1], 1 / SAMPLE_RATE)
    upper = spectrum[(hertz > 4300) & (hertz < 7600)].mean()
    lower = spectrum[(hertz > 300) & (hertz < 3700)].mean()
    return float(10 * np.log10((upper + 1e-20) / (lower + 1e-20)))


def _to_db(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.asarray(power) + _EMPTY))
