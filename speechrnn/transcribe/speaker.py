"""Recordings that are all one person's, read with that person's own mean."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from speechrnn.config import FeatureConfig
from speechrnn.console import show_progress
from speechrnn.errors import AudioError, ModelError
from speechrnn.features import compute_mfcc
from speechrnn.parallel import map_in_order
from speechrnn.prepare.speakers import FrameSum
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import cut_recording


def know_speaker(recognizer: Recognizer, recordings: Sequence[Path]) -> Recognizer:
    """Returns a recogniser for the one who speaks in all these recordings.

    The mean is taken of all pieces of them in which somebody may speak; of none, it stays the corpus's.

    Raises:
        ModelError: The model was not taught with speakers' own means.
    """
    listener = recognizer.listener
    if listener.info.recipe.input.cmvn != "speaker":
        raise ModelError(
            f'{recognizer.name}: was not taught by speaker (input.cmvn = "speaker"); leave out --one-speaker'
        )

    with show_progress("Listening", len(recordings), "recordings") as advance:

        def hear_all() -> Iterator[FrameSum]:
            for heard in map_in_order(partial(_hear, features=listener.info.features), recordings):
                yield heard
                advance(1)

        spoken = FrameSum.of(hear_all())
    if not spoken.frames:
        return recognizer
    return Recognizer(listener.for_speaker(spoken.mean), recognizer.name, recognizer.decoder)


def _hear(path: Path, features: FeatureConfig) -> FrameSum:
    """Returns the sum of what will be read of a recording; of nothing where it cannot be, which is said in its turn."""
    pieces = (piece.signal for piece in cut_recording(path) if piece.spoken)
    try:
        return FrameSum.of(compute_mfcc(one, features) for one in pieces if len(one) >= features.window_samples)
    except AudioError:
        return FrameSum.of([])
