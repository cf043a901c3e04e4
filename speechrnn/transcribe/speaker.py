"""Recordings that are all one person's, read with that person's own mean."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from speechrnn.audio import Signal
from speechrnn.console import show_progress
from speechrnn.errors import AudioError, ModelError
from speechrnn.modelinfo import ModelInfo
from speechrnn.parallel import map_in_order
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import cut_recording
from speechrnn.transcribe.torch_listener import TorchListener


def know_speaker(recognizer: Recognizer, recordings: Sequence[Path]) -> Recognizer:
    """Returns a recogniser for the one who speaks in all these recordings, of which those that can be read are heard.

    Raises:
        ModelError: The model was not taught with speakers' own means, or is exported.
    """
    listener = recognizer.listener
    if listener.info.recipe.input.cmvn != "speaker":
        raise ModelError(
            f'{recognizer.name}: was not taught by speaker (input.cmvn = "speaker"); leave out --one-speaker'
        )
    if not isinstance(listener, TorchListener):
        raise ModelError(f"{recognizer.name}: is exported with its corpus's mean; for --one-speaker name the run")

    def hear(path: Path) -> list[Signal]:
        return _read_spoken(path, listener.info)

    with show_progress("Listening", len(recordings), "recordings") as advance:

        def hear_all() -> Iterator[Signal]:
            for signals in map_in_order(hear, recordings):
                yield from signals
                advance(1)

        known = listener.for_speaker(hear_all())
    return Recognizer(known, recognizer.name, recognizer.decoder)


def _read_spoken(path: Path, info: ModelInfo) -> list[Signal]:
    """Returns the pieces of a recording that will be read; none where it cannot be, which will be said in its turn."""
    try:
        pieces = list(cut_recording(path))
    except AudioError:
        return []
    return [piece.signal for piece in pieces if piece.spoken and len(piece.signal) >= info.features.window_samples]
