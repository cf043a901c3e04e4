"""Long recordings in pieces that a network takes in one go, cut where it is quietest."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from speechrnn.audio import SAMPLE_RATE, Signal, read_blocks

_LONGEST_SECONDS = 30.0
_SHORTEST_SECONDS = 15.0
_PAUSE_SECONDS = 0.2


def cut_at_pauses(path: Path) -> Iterator[tuple[float, Signal]]:
    """Yields the pieces of a recording with their starts in seconds; together they are the whole.

    A recording of up to 30 s is one piece. In a longer one each piece ends in the middle of the quietest fifth of a
    second between its 15th and its 30th, so no more than 30 s of signal are held at a time.

    Raises:
        AudioError: As `read_blocks`.
    """
    start, held = 0, np.zeros(0, dtype=np.float32)
    longest = round(_LONGEST_SECONDS * SAMPLE_RATE)
    for block in read_blocks(path, _LONGEST_SECONDS):
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
