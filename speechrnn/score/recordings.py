"""The recordings behind a score, where its files name them."""

from pathlib import Path

from speechrnn.audio import Signal, read_signal
from speechrnn.errors import AudioError
from speechrnn.score.scoring import ScoredUtterance


def read_recording(utterance: ScoredUtterance) -> Signal | None:
    """Returns what was recorded, (samples,) at 16 kHz, by the reference or else by the hypothesis.

    None where neither names a recording, or it cannot be read any more.
    """
    entry = utterance.reference if utterance.reference.audio_filepath else utterance.hypothesis
    if not entry.audio_filepath:
        return None
    try:
        return read_signal(Path(entry.audio_filepath), entry.offset, entry.duration)
    except AudioError:
        return None
