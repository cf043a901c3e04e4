"""Long recordings in pieces that a network takes in one go, cut where it is quietest."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from speechrnn.audio import SAMPLE_RATE, Signal, read_blocks

_LONGEST_SECONDS = 30.0
_SHORTEST_SECONDS = 15.0
_PAUSE_SECONDS = 0.2
_SOUND_SECONDS = 0.025

_SILENCE = 1e-3
"""Root mean square of a stretch of 25 ms; nothing that is said is softer."""


def cut_at_pauses(path: Path) -> Iterator[tuple[float, Signal]]:
    """Yields the pieces of a recording with their starts in seconds, as `cut_blocks` does.

    Raises:
        AudioError: As `read_blocks`.
    """
    return cut_blocks(read_blocks(path, _LONGEST_SECONDS))


def cut_blocks(blocks: Iterable[Signal]) -> Iterator[tuple[float, Signal]]:
    """Yields the pieces of a signal that comes in blocks, with their starts in seconds; together they are the whole.

    What is no longer than 30 s is one piece. Else each piece ends in the middle of the quietest fifth of a second
    between its 15th and its 30th, so no more than a block and 30 s of signal are held at a time.
    """
    start, held = 0, np.zeros(0, dtype=np.float32)
    longest = round(_LONGEST_SECONDS * SAMPLE_RATE)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > longest:
            cut = find_pause(held[:longest])
            yield start / SAMPLE_RATE, held[:cut]
            start += cut
            held = held[cut:]
    if len(held):
        yield start / SAMPLE_RATE, held


def find_pause(signal: Signal) -> int:
    """Returns the sample in the middle of the stretch with the least energy, behind the shortest piece allowed."""
    width, earliest = round(_PAUSE_SECONDS * SAMPLE_RATE), round(_SHORTEST_SECONDS * SAMPLE_RATE)
    energy = np.concatenate([[0.0], np.cumsum(np.square(signal[earliest:], dtype=np.float64))])
    return earliest + int(np.argmin(energy[width:] - energy[:-width])) + width // 2


def is_sound(signal: Signal) -> bool:
    """Returns whether anything in a signal is louder than -60 dB of full scale; a network babbles over silence."""
    width = round(_SOUND_SECONDS * SAMPLE_RATE)
    frames = signal[: len(signal) - len(signal) % width].reshape(-1, width) if len(signal) > width else signal[None]
    return bool(np.square(frames, dtype=np.float64).mean(axis=1).max() > _SILENCE**2)
