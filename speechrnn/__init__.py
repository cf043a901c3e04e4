"""SpeechRNN: MFCC features, a bidirectional LSTM, the CTC loss, and an honest word error rate."""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechrnn.transcribe.recognizer import Recognizer

__version__ = "0.1.0"

__all__ = ["__version__", "load_model"]


def load_model(path: str | PathLike[str]) -> "Recognizer":
    """Returns a recogniser with the model in a file, or the best one of a run's folder.

    Raises:
        ModelError: It cannot be read.
    """
    from speechrnn.transcribe.recognizer import Recognizer  # imports torch, which `import speechrnn` need not

    return Recognizer.load(path)
