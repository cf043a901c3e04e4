"""Recordings: what a file holds, its signal at 16 kHz, and long ones piece by piece.

A signal is float32 of shape (samples,), mono, in [-1, 1].
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from speechrnn.errors import AudioError

Signal = NDArray[np.float32]

SAMPLE_RATE = 16_000
"""Hz of every signal behind this module."""

AUDIO_SUFFIXES = frozenset({".flac", ".wav", ".opus", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".caf", ".w64"})
"""File endings that are looked for in folders; any other file is still read when it is named."""

_PAST_THE_END = 0.1
"""Seconds that an utterance may reach past its recording: manifests round."""

_STREAMED = 0xFFFFFF00
"""A WAV that was written to a pipe declares at least so many bytes, and means: until the end."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says: sample rate in Hz, channels, duration in seconds, encoding."""

    sample_rate: int
    channels: int
    duration: float
    encoding: str


def probe_audio(path: Path) -> AudioInfo:
    """Returns what the header says, without decoding.

    Raises:
        AudioError: The file is missing, empty, cut short or no audio.
    """
    with _open(path) as file:
        return AudioInfo(file.samplerate, file.channels, file.frames / file.samplerate, f"{file.format} {file.subtype}")


def read_signal(path: Path, offset: float = 0.0, duration: float | None = None) -> Signal:
    """Returns a recording, or a part of it, as mono at 16 kHz, shape (samples,).

    Args:
        path: Any file that libsndfile reads.
        offset: Start in seconds.
        duration: Length in seconds; None for all that follows.

    Raises:
        AudioError: The file is missing, empty, cut short or no audio; the part lies outside of it; a sample is
            not a number.
    """
    with _open(path) as file:
        start = round(offset * file.samplerate)
        count = file.frames - start if duration is None else round(duration * file.samplerate)
        excess = start + count - file.frames
        if start >= file.frames or excess > _PAST_THE_END * file.samplerate:
            raise AudioError(
                f"{path}: {offset:.2f}–{(start + count) / file.samplerate:.2f} s lies outside the recording, which"
                f" ends at {file.frames / file.samplerate:.2f} s; mend the manifest's offset or duration"
            )
        file.seek(start)
        samples = _read(file, count - max(excess, 0), path)
        return resample(_to_mono(samples, path), file.samplerate)


def read_blocks(path: Path, seconds: float) -> Iterator[Signal]:
    """Yields a recording in blocks of about `seconds`, as mono at 16 kHz; together they are the whole.

    Raises:
        AudioError: As `read_signal`.
    """
    with _open(path) as file:
        stream = soxr.ResampleStream(file.samplerate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        left = file.frames
        while left > 0:
            count = min(left, round(seconds * file.samplerate))
            left -= count
            block = _to_mono(_read(file, count, path), path)
            if file.samplerate != SAMPLE_RATE:
                block = stream.resample_chunk(block, last=left == 0)
            yield block


def resample(signal: Signal, sample_rate: int) -> Signal:
    """Returns a signal of `sample_rate` Hz at 16 kHz (soxr, high quality: a band-limited sinc)."""
    if sample_rate == SAMPLE_RATE:
        return signal
    resampled: Signal = soxr.resample(signal, sample_rate, SAMPLE_RATE, quality="HQ")
    return resampled


@contextmanager
def _open(path: Path) -> Iterator[soundfile.SoundFile]:
    try:
        if path.stat().st_size == 0:
            raise AudioError(f"{path}: the file is empty")
        if path.suffix.lower() == ".raw":
            raise AudioError(f"{path}: raw samples have no header that says their rate; convert them to WAV")
        with soundfile.SoundFile(path) as file:
            _check_complete(file, path)
            yield file
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror})") from error
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path}: libsndfile cannot read it ({error.error_string.rstrip('.')}); convert it to WAV or FLAC"
        ) from error


def _check_complete(file: soundfile.SoundFile, path: Path) -> None:
    """Raises AudioError where libsndfile's notes on the header say that the end is missing."""
    notes = file.extra_info
    declared = re.search(r"data : (\d+) \(should be \d+\)", notes)
    if (declared and int(declared[1]) < _STREAMED) or "lacks an end-of-stream bit" in notes:
        raise AudioError(f"{path}: cut short, its end is missing; copy or convert it again")
    if file.frames == 0:
        raise AudioError(f"{path}: holds no samples")


def _read(file: soundfile.SoundFile, count: int, path: Path) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = file.read(count, dtype="float32", always_2d=True)
    if len(samples) < count:
        raise AudioError(f"{path}: cut short, {count - len(samples)} samples are missing; copy or convert it again")
    return samples


def _to_mono(samples: NDArray[np.float32], path: Path) -> Signal:
    """Returns (samples, channels) averaged over channels."""
    mono: Signal = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds samples that are not numbers (NaN or infinity); export it again")
    return mono
