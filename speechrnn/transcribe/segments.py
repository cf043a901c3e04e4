"""Recordings in pieces that a network takes in one go: what is said between two pauses.

A step of 20 ms is quiet or loud by comparison with the half minute that it lies in, as far as that has come.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, Signal, read_blocks

_STEP = SAMPLE_RATE // 50

_PAUSE_SECONDS = 0.7
"""Quiet that ends a piece; the longer a piece is, the shorter, and the less quiet."""

_LONG_SECONDS = 10.0
"""From when on a pause may be shorter."""

LONGEST_SECONDS = 30.0
"""When a piece ends without a pause."""

_MARGIN = 5
"""Steps of a pause that stay with what is said before it, and with what is said behind it."""

_PAUSE = round(_PAUSE_SECONDS * SAMPLE_RATE / _STEP)

_BLOCK_SECONDS = 30.0

_REMEMBERED = round(_BLOCK_SECONDS * SAMPLE_RATE / _STEP)

_SILENCE, _SILENCE_SHARE, _DEAD = 1e-3, 0.02, 3e-4
"""Root mean square of a step; nothing that is said is softer, unless all is: then less than a share of the loudest is
silence, and always what is softer than the last."""

_ABOVE_NOISE = 3.0
"""What is so many times louder than the softest tenth is loud."""

_VOICE = 0.02
"""How loud a voice is, where nothing stands out from the noise."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some samples of a signal.

    Attributes:
        signal: (samples,) at 16 kHz.
        spoken: Whether somebody may speak in it; a pause otherwise.
        ended: Whether a pause or the signal's end follows what was spoken.
        loudest: Root mean square of the loudest steps of the half minute in which it lies, as far as that has come.
    """

    signal: Signal
    spoken: bool
    ended: bool
    loudest: float


@dataclass(frozen=True, slots=True)
class Piece:
    """What lies between two pauses, or a pause: its start in seconds, and the last of its `Part`s, with all samples."""

    start: float
    signal: Signal
    spoken: bool
    loudest: float


def cut_recording(path: Path, offset: float = 0.0, duration: float | None = None) -> Iterator[Piece]:
    """Yields the pieces of a recording, or of a part of it, as `cut_signal` does; they start at `offset` or later.

    Args:
        path: Any file that libsndfile reads.
        offset: Start of the part in seconds.
        duration: Its length in seconds; None for all that follows.

    Raises:
        AudioError: As `read_signal`.
    """
    for piece in cut_signal(read_blocks(path, _BLOCK_SECONDS, offset, duration)):
        yield replace(piece, start=offset + piece.start)


def cut_signal(blocks: Iterable[Signal]) -> Iterator[Piece]:
    """Yields the pieces of a signal that comes in blocks; together they are the whole.

    A signal without a long pause is one piece. No piece is longer than 30 s, so that no more than that and a block
    are held at a time.
    """
    samples, held = 0, list[Signal]()
    for part in cut_live(blocks):
        held.append(part.signal)
        if part.ended or not part.spoken:
            signal = np.concatenate(held)
            yield Piece(samples / SAMPLE_RATE, signal, part.spoken, part.loudest)
            samples += len(signal)
            held.clear()


def cut_live(chunks: Iterable[Signal]) -> Iterator[Part]:
    """Yields the parts of a signal as soon as it is known what they are; together they are the whole."""
    cutter = _Cutter()
    for chunk in chunks:
        yield from cutter.push(chunk)
    yield from cutter.finish()


class _Cutter:
    """Where a signal is cut that comes in chunks; places are in steps from the first sample that is held."""

    def __init__(self) -> None:
        self._held = np.zeros(0, dtype=np.float32)
        self._levels = np.zeros(0, dtype=np.float32)  # of the last half minute
        self._judged = 0  # steps that are held and known to be quiet or loud
        self._first = True
        self._length = 0  # steps of what is being said; 0 in a pause
        self._quiet = 0  # steps since the last loud one
        self._loudest = 0.0

    def push(self, chunk: Signal) -> Iterator[Part]:
        """Yields what is decided after more samples."""
        self._held = np.concatenate([self._held, chunk])
        steps = self._held[self._judged * _STEP : len(self._held) // _STEP * _STEP].reshape(-1, _STEP)
        levels = np.sqrt(np.square(steps).mean(axis=1))
        self._levels = np.concatenate([self._levels, levels])[-max(_REMEMBERED, len(levels)) :]
        limit, loudest = set_limit(self._levels) if len(self._levels) else (0.0, 0.0)
        self._loudest = loudest
        for level in levels.tolist():
            self._judged += 1
            yield from self._speak(level, limit, loudest) if self._length else self._wait(level > limit)
        if self._length:
            yield from self._take(self._judged - max(0, self._quiet - _MARGIN), spoken=True)
        else:
            yield from self._take(self._judged - _PAUSE, spoken=False)

    def _wait(self, loud: bool) -> Iterator[Part]:
        """Yields a pause that ends with this step."""
        if not loud:
            return
        before = self._judged - 1
        kept = before if self._first and before < _PAUSE else min(before, _MARGIN)
        yield from self._take(before - kept, spoken=False)
        self._length, self._quiet, self._first = kept + 1, 0, False

    def _speak(self, level: float, limit: float, loudest: float) -> Iterator[Part]:
        """Yields what has been said if it ends with this step."""
        self._length += 1
        seconds = self._length * _STEP / SAMPLE_RATE
        patience = min(1.0, (LONGEST_SECONDS - seconds) / (LONGEST_SECONDS - _LONG_SECONDS))
        self._quiet = 0 if level > limit**patience * loudest ** (1 - patience) else self._quiet + 1
        if self._quiet >= patience * _PAUSE:
            yield from self._take(self._judged - max(0, self._quiet - _MARGIN), spoken=True, ended=True)
            self._length = 0

    def finish(self) -> Iterator[Part]:
        """Yields what is left."""
        rest, spoken = self._held, self._length > 0
        if len(rest) or spoken:
            yield Part(rest, spoken, ended=spoken, loudest=self._loudest)

    def _take(self, steps: int, spoken: bool, ended: bool = False) -> Iterator[Part]:
        """Yields the first of the steps that are held, if there are any, and lets go of them."""
        if steps > 0 or ended:
            yield Part(self._held[: steps * _STEP], spoken, ended, self._loudest)
            self._held = self._held[steps * _STEP :]
            self._judged -= steps


def measure_loudest(signal: Signal) -> float:
    """Returns the root mean square of the loudest steps of a signal, (samples,) at 16 kHz; 0 of less than a step."""
    steps = signal[: len(signal) // _STEP * _STEP].reshape(-1, _STEP)
    return set_limit(np.sqrt(np.square(steps).mean(axis=1)))[1] if len(steps) else 0.0


def set_limit(levels: NDArray[np.float32]) -> tuple[float, float]:
    """Returns above which level a step is loud, and the level of the loudest."""
    places = np.array([0.1, 0.95]) * (len(levels) - 1)  # np.quantile would load a part of numpy that nothing else needs
    noise, loudest = np.interp(places, np.arange(len(levels)), np.sort(levels)).tolist()
    if loudest < _ABOVE_NOISE * noise:
        loudest = max(loudest, _VOICE)
    silence = max(_DEAD, min(_SILENCE, _SILENCE_SHARE * loudest))
    limit = max(silence, min(_ABOVE_NOISE * noise, (noise * loudest) ** 0.5))
    return limit, max(limit, loudest)
