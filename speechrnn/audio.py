"""Recordings: what a file holds, its signal at 16 kHz, and long ones piece by piece.

A signal is float32 of shape (samples,), mono, in [-1, 1].
"""

import os
import re
import shutil
import stat
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from speechrnn.errors import AudioError
from speechrnn.manifest import Utterance
from speechrnn.outputs import explain_disk_errors

Signal = NDArray[np.float32]

SAMPLE_RATE = 16_000
"""Hz of every signal behind this module."""

AUDIO_SUFFIXES = frozenset({".flac", ".wav", ".opus", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".caf", ".sph", ".w64"})
"""File endings that are looked for in folders; any other file is still read when it is named."""

OTHER_AUDIO_SUFFIXES = frozenset({".m4a", ".aac", ".mp4", ".wma", ".amr", ".webm", ".3gp", ".ape"})
"""File endings of recordings that libsndfile cannot read."""

_PAST_THE_END = 0.1
"""Seconds that an utterance may reach past its recording: manifests round."""

_OFFSET, _OFFSET_SHARE, _CHANCE = 1e-4, 0.02, 4.0
"""A signal's mean beyond the first, that share of the root mean square, and so many times what it would be by chance if
the samples were noise, is taken off: a sound card's fault, which costs words."""

_OFFSET_SECONDS = 10.0
"""Of a signal that goes on, the mean is taken of so much, at least, as far as there is."""

CANCELLED_DB = 20.0
"""Channels whose mean is so much softer than the loudest of them cancel each other out."""

_EMPTY = 1e-12
"""Energy that is added where there may be none."""

_LOUDEST = 1e15
"""Larger samples are none: the energy of a window of them exceeds float32."""

_SPOOLED = "speechrnn-stdin-"
"""Begins the name of the folder in which a stream is kept while it is read."""

_STREAMED = 0x7FFFF000
"""A WAV that was written to a pipe declares at least so many bytes, and means: until the end (sox, arecord, ffmpeg)."""


_MOST_FRAMES = 2**48
"""What libsndfile reports of a FLAC without a length is beyond it."""

_SIZES = re.compile(r"(?:data|SSND|Data Size|riff)\s*:\s*(?P<declared>\d+) \(should be (?P<found>\d+)\)")
"""How libsndfile notes that a WAV, AIFF, AU, CAF or W64 file is shorter than its header says."""

_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000

_SPHERE_SAMPLES = re.compile(rb"sample_count -i (\d+)")

_NOT_FOUND = "File does not exist"
"""So libsndfile says, also of an MP3 in which it finds no sound."""

_OGG_CUT_SHORT = ("lacks an end-of-stream bit", "Junk after the last page")


def is_audio(path: Path) -> bool:
    """Returns whether a path's ending says that it is a recording; a broken link will be named when it is read."""
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.is_dir()


def looks_like_audio(path: Path) -> bool:
    """Returns whether a path's ending says that it is a recording, be it of a format that cannot be read."""
    return is_audio(path) or (path.suffix.lower() in OTHER_AUDIO_SUFFIXES and not path.is_dir())


def measure_duration(path: Path, offset: float = 0.0) -> float:
    """Returns how long a recording lasts from `offset` on, in seconds, as its header says.

    Raises:
        AudioError: The file is missing, empty, cut short or no audio, or ends before.
    """
    with _open(path) as file:
        return float(_seek(file, path, offset, None) / file.samplerate)


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
    samples, sample_rate = read_samples(path, offset, duration)
    return resample(to_mono(samples, path), sample_rate)


def read_samples(path: Path, offset: float = 0.0, duration: float | None = None) -> tuple[NDArray[np.float32], int]:
    """Returns a recording, or a part of it, as it is: (samples, channels) in [-1, 1], and its sample rate in Hz.

    Arguments and errors as `read_signal`, but samples may be no numbers.
    """
    with _open(path) as file:
        count = _seek(file, path, offset, duration)
        return _read(file, count, path), file.samplerate


def read_blocks(path: Path, seconds: float, offset: float = 0.0, duration: float | None = None) -> Iterator[Signal]:
    """Yields a recording, or a part of it, in blocks of about `seconds`, as mono at 16 kHz; together they are it.

    Other arguments, and errors, as `read_signal`.
    """
    with _open(path) as file:
        to_our_rate = Resampler(file.samplerate)
        left = _seek(file, path, offset, duration)
        mix = Mixer(path, file.samplerate)
        while left > 0:
            count = min(left, round(seconds * file.samplerate))
            left -= count
            yield to_our_rate(mix(_read(file, count, path)), last=left == 0)


@contextmanager
def spool(stream: BinaryIO) -> Iterator[Path]:
    """Yields a file with all the bytes that come from a stream; it is gone afterwards. `show_name` calls it stdin.

    Raises:
        OutputError: The disk is full.
    """
    with tempfile.TemporaryDirectory(prefix=_SPOOLED) as folder:
        path = Path(folder) / "stdin"
        with explain_disk_errors(path), path.open("wb") as file:
            shutil.copyfileobj(stream, file)
        yield path


def read_utterance(utterance: Utterance) -> Signal:
    """Returns an utterance's signal, (samples,) at 16 kHz.

    Raises:
        AudioError: Its recording cannot be read, or is shorter than it says.
    """
    return read_signal(Path(utterance.audio_filepath), utterance.offset, utterance.duration)


def show_name(path: Path) -> str:
    """Returns what a person calls a recording: its path, or "stdin" for what came from a stream."""
    return "stdin" if path.parent.name.startswith(_SPOOLED) else str(path)


def resample(signal: Signal, sample_rate: float) -> Signal:
    """Returns a signal of `sample_rate` Hz at 16 kHz (soxr, high quality: a band-limited sinc)."""
    if sample_rate == SAMPLE_RATE:
        return signal
    resampled: Signal = soxr.resample(signal, sample_rate, SAMPLE_RATE, quality="HQ")
    return resampled


def check_rate(sample_rate: float, name: str) -> None:
    """Raises AudioError where so many samples a second are no recording of speech."""
    if not _LOWEST_RATE <= sample_rate <= _HIGHEST_RATE:
        raise AudioError(f"{name}: a rate of {sample_rate} Hz; expected {_LOWEST_RATE} to {_HIGHEST_RATE}")


class Resampler:
    """From a rate in Hz to 16 kHz as `resample` does it, chunk by chunk."""

    def __init__(self, sample_rate: float) -> None:
        """Takes the rate of the chunks."""
        self._same = sample_rate == SAMPLE_RATE
        self._stream = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")

    def __call__(self, samples: Signal, last: bool = False) -> Signal:
        """Returns what is known after more samples, (samples,), all of it after the last."""
        resampled: Signal = samples if self._same else self._stream.resample_chunk(samples, last=last)
        return resampled


@contextmanager
def _open(path: Path) -> Iterator[soundfile.SoundFile]:
    _check_readable(path)
    try:
        name = os.fsencode(path) if os.name == "posix" else path  # names there are bytes, which may be no text
        with soundfile.SoundFile(name) as file:
            check_rate(file.samplerate, str(path))
            _check_complete(file, path)
            yield file
    except soundfile.LibsndfileError as error:
        what, to = ("-", "-f wav -") if show_name(path) == "stdin" else (path.name, f"{path.stem}-converted.wav")
        why = "no audio that it knows" if _NOT_FOUND in error.error_string else error.error_string.rstrip(".")
        raise AudioError(
            f"{path}: libsndfile cannot read it ({why}); convert it, for example with ffmpeg -i {what} {to}"
        ) from error


def _check_readable(path: Path) -> None:
    """Raises AudioError where the system does not let us read a file of samples: libsndfile would not say why."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{path}: is no file; give a recording")
        path.open("rb").close()
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror})") from error
    except ValueError as error:
        raise AudioError(f"{str(path)!r}: cannot be the name of a file ({error})") from error
    if status.st_size == 0:
        raise AudioError(f"{path}: the file is empty")
    if path.suffix.lower() == ".raw":
        raise AudioError(f"{path}: raw samples have no header that says their rate; convert them to WAV")


def _check_complete(file: soundfile.SoundFile, path: Path) -> None:
    """Raises AudioError where libsndfile's notes on the header say that the end is missing."""
    notes = file.extra_info
    sizes = [(int(match["declared"]), int(match["found"])) for match in _SIZES.finditer(notes)]
    missing = any(found < declared < _STREAMED for declared, found in sizes)
    if file.format == "NIST" and (count := _SPHERE_SAMPLES.search(path.read_bytes()[:4096])):
        missing = file.frames < int(count[1])
    if missing or any(sign in notes for sign in _OGG_CUT_SHORT):
        raise AudioError(f"{path}: cut short, its end is missing; copy or convert it again")
    if file.frames == 0:
        raise AudioError(f"{path}: holds no samples")
    if file.frames > _MOST_FRAMES:
        raise AudioError(f"{path}: its header does not say how long it is; convert it again")


def _seek(file: soundfile.SoundFile, path: Path, offset: float, duration: float | None) -> int:
    """Goes to `offset` seconds, and returns how many samples of each channel follow; raises AudioError outside."""
    start = round(offset * file.samplerate)
    count = file.frames - start if duration is None else round(duration * file.samplerate)
    excess = start + count - file.frames
    if start >= file.frames or excess > _PAST_THE_END * file.samplerate:
        part = f"{offset:.2f}" if duration is None else f"{offset:.2f}–{(start + count) / file.samplerate:.2f}"
        raise AudioError(
            f"{path}: {part} s lies outside the recording, which ends at {file.frames / file.samplerate:.2f} s; mend"
            " the manifest's offset or duration"
        )
    if start:  # some encodings cannot seek: GSM
        file.seek(start)
    return int(count - max(excess, 0))


def _read(file: soundfile.SoundFile, count: int, path: Path) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = file.read(count, dtype="float32", always_2d=True)
    if len(samples) < count:
        raise AudioError(f"{path}: cut short, {count - len(samples)} samples are missing; copy or convert it again")
    return samples


def to_mono(samples: NDArray[np.float32], path: Path) -> Signal:
    """Returns (samples, channels) as one signal, (samples,), as `Mixer` does; errors as there."""
    return Mixer(path)(samples)


class Mixer:
    """From channels to one signal, block by block: their mean, without a constant offset.

    Where they cancel each other out, the loudest is taken, of all that follows too.
    """

    def __init__(self, path: Path, sample_rate: float = SAMPLE_RATE) -> None:
        """Takes what messages name, and the rate in Hz."""
        self._path = path
        self._window = round(_OFFSET_SECONDS * sample_rate)
        self._channel: int | None = None
        self._blocks: deque[tuple[int, float, float]] = deque()  # samples, their sum and that of their squares

    def __call__(self, samples: NDArray[np.float32]) -> Signal:
        """Returns a block's signal, (samples,), of (samples, channels).

        Raises:
            AudioError: A sample is not a number, or too large for its energy to be one.
        """
        if not np.isfinite(samples).all():
            raise AudioError(f"{self._path}: holds samples that are not numbers (NaN or infinity); export it again")
        if (loudest := np.abs(samples).max(initial=0.0)) > _LOUDEST:
            raise AudioError(f"{self._path}: samples of up to {loudest:.0e} are too large; export it within [-1, 1]")
        mono: Signal = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
        if self._channel is None and measure_cancelled_db(samples) > CANCELLED_DB:
            self._channel = int(_measure_energies(samples).argmax())
        if self._channel is not None:
            mono = samples[:, self._channel]
        offset = self._find_offset(mono)
        return mono - offset if offset else mono

    def _find_offset(self, mono: Signal) -> np.float32:
        """Returns the mean of the last seconds, a constant that no sound has, where it is large enough to do harm."""
        if not len(mono):
            return np.float32(0)
        self._blocks.append((len(mono), float(mono.sum()), float(np.dot(mono, mono))))
        while sum(count for count, *_ in self._blocks) - self._blocks[0][0] >= self._window:
            self._blocks.popleft()
        count, total, squares = map(sum, zip(*self._blocks, strict=True))
        harmless = max(_OFFSET, max(_OFFSET_SHARE, _CHANCE / count**0.5) * (squares / count) ** 0.5)
        return np.float32(total / count if abs(total / count) > harmless else 0)


def measure_cancelled_db(samples: NDArray[np.float32]) -> float:
    """Returns how much softer the mean of channels is than the loudest of them; samples (samples, channels)."""
    if samples.shape[1] == 1 or not len(samples):
        return 0.0
    mean = np.square(samples.mean(axis=1, dtype=np.float64)).mean()
    return float(10 * np.log10((_measure_energies(samples).max() + _EMPTY) / (mean + _EMPTY)))


def _measure_energies(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the mean square of each channel, (channels,)."""
    energies: NDArray[np.float64] = np.square(samples, dtype=np.float64).mean(axis=0)
    return energies
