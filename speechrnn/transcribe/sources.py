"""Sound that is still being made: a microphone, or what another program writes to stdin."""

import queue
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, Mixer, Resampler, Signal, check_rate
from speechrnn.errors import AudioError

_CHUNK_SECONDS = 0.1

_PATIENCE_SECONDS = 5.0
"""After so long without a sample, a microphone is gone."""

_MICROPHONE = "the microphone"

_EMPTY = "stdin: holds no sound"


_MP3 = (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")

_CONTAINERS = (
    b"fLaC",
    b"OggS",
    b"ID3",
    b"FORM",
    b"caff",
    b".snd",
    b"NIST",
    b"RIFX",
    b"RF64",
    b"riff",
    b"\xff\xfb",
    b"\xff\xf3",
    b"\xff\xf2",
)
"""First bytes of recordings that are neither WAV nor raw samples, and would be heard as noise."""


def read_live(stream: BinaryIO) -> Iterator[Signal]:
    """Yields the samples of a WAV file, or raw ones, mono at 16 kHz, 16 bits each, little-endian, as they come.

    Raises:
        AudioError: It is another kind of file, or its samples have not 16 bits.
    """
    head = stream.read(4)
    if len(head) < 2:
        raise AudioError(_EMPTY)
    if any(head.startswith(first) for first in _CONTAINERS):
        raise AudioError("stdin: --live reads WAV or raw 16-bit samples at 16 kHz; leave it out for other files")
    if head != b"RIFF":
        yield from _read_raw(head, stream)
        return
    try:
        rest = _Rest(head, stream)
        with wave.open(cast(IO[bytes], rest)) as file:
            yield from _read_wave(file, rest)
    except (wave.Error, EOFError) as error:
        reason = str(error) or "cut short"
        raise AudioError(f"stdin: no WAV file that can be read as it comes ({reason}); leave out --live") from error


class _Rest:
    """A stream whose first bytes have been read already, as `wave` reads one."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int) -> bytes:
        """Returns so many bytes, or those that are left."""
        head, self._head = self._head[:size], self._head[size:]
        return head + self._stream.read(size - len(head))


def _read_raw(head: bytes, stream: BinaryIO) -> Iterator[Signal]:
    size, mix = round(_CHUNK_SECONDS * SAMPLE_RATE) * 2, Mixer(Path("stdin"))
    while block := head + stream.read(size - len(head)):
        yield mix(_to_samples(block, channels=1))
        head = b""


def _read_wave(file: wave.Wave_read, rest: _Rest) -> Iterator[Signal]:
    """Yields the samples behind a header; where it gives their number as 0, it was not known, and all are read."""
    if file.getsampwidth() != 2:
        raise AudioError(f"stdin: samples of {8 * file.getsampwidth()} bits; --live reads 16 bits, so leave it out")
    check_rate(file.getframerate(), "stdin")
    to_our_rate, mix = Resampler(file.getframerate()), Mixer(Path("stdin"), file.getframerate())
    channels, frames = file.getnchannels(), round(_CHUNK_SECONDS * file.getframerate())
    empty = True
    while block := file.readframes(frames) if file.getnframes() else rest.read(2 * channels * frames):
        empty = False
        yield to_our_rate(mix(_to_samples(block, channels)))
    if empty:
        raise AudioError(_EMPTY)
    yield to_our_rate(np.zeros(0, dtype=np.float32), last=True)


def _to_samples(block: bytes, channels: int) -> NDArray[np.float32]:
    """Returns (samples, channels) in [-1, 1] of 16 bits each; the rest of one that is cut off is left out."""
    whole = len(block) // (2 * channels) * 2 * channels
    samples = np.frombuffer(block[:whole], dtype="<i2").astype(np.float32) / np.float32(2**15)
    return samples.reshape(-1, channels)


def listen_to_microphone() -> Iterator[Signal]:
    """Yields what the system's usual microphone hears, without an end.

    Raises:
        AudioError: There is none, it stops, or what is needed to hear it is not installed.
    """
    heard: queue.Queue[Signal] = queue.Queue()
    with open_microphone(heard.put) as rate:
        to_our_rate, mix = Resampler(rate), Mixer(Path(_MICROPHONE), rate)
        try:
            while True:
                yield to_our_rate(mix(heard.get(timeout=_PATIENCE_SECONDS)[:, None]))
        except queue.Empty as error:
            raise AudioError(f"{_MICROPHONE}: nothing came for {_PATIENCE_SECONDS:g} s; connect it again") from error


@contextmanager
def open_microphone(keep: Callable[[Signal], None]) -> Iterator[float]:
    """Gives the rate in Hz of the system's usual microphone, what it hears meanwhile to `keep`, piece by piece.

    Raises:
        AudioError: There is none, or what is needed to hear it is not installed.
    """
    sounddevice = _import_sounddevice()

    def take(samples: Signal, frames: int, time: Any, status: Any) -> None:
        keep(samples[:, 0].copy())

    try:
        rate = float(sounddevice.query_devices(kind="input")["default_samplerate"])
        blocksize = round(_CHUNK_SECONDS * rate)
        with sounddevice.InputStream(rate, blocksize, channels=1, dtype="float32", callback=take):
            yield rate
    except sounddevice.PortAudioError as error:
        raise AudioError(
            f"{_MICROPHONE}: none can be opened ({error.args[0]}); connect one, or pipe sound into transcribe --live"
        ) from error


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise AudioError(f"{_MICROPHONE}: needs the package sounddevice; pip install 'speechrnn[mic]'") from error
    except OSError as error:
        raise AudioError(f"{_MICROPHONE}: needs PortAudio ({error}); on Debian, apt install libportaudio2") from error
    return sounddevice
