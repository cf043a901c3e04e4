"""SpeechRNN: MFCC features, a bidirectional LSTM, the CTC loss, and an honest word error rate."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechrnn.transcribe.recognizer import Recognizer

__version__ = "0.1.0"

__all__ = ["__version__", "load_model"]


def load_model(
    path: str | PathLike[str] | None = None,
    *,
    lm: str | PathLike[str] | None = None,
    words: str | PathLike[str] | None = None,
    hotwords: Sequence[str] = (),
    beam: int | None = None,
) -> "Recognizer":
    """Returns a recogniser, which reads as `speechrnn transcribe` does with the options of these names.

    Args:
        path: A model file, a run's folder, or the name of a model that ships; None for English as it ships, with its
            language model.
        lm: A language model, or the name of one that ships.
        words: A file with the only words there are, or the name of one that ships.
        hotwords: Favoured words or phrases, each with or without ":" and its boost in nats.
        beam: Prefixes of the beam search; 1 for greedy decoding.

    Raises:
        ModelError: A model cannot be read.
        TextError: The words or hotwords cannot be used.
    """
    from speechrnn.transcribe.reading import Reading  # imports what `import speechrnn` need not

    model, lm, words = (None if one is None else Path(one) for one in (path, lm, words))
    return Reading.choose(model, beam=beam, lm=lm, words=words, hotwords=tuple(hotwords)).open()
