"""What listens: a model in any of its forms, from a signal to log_probs."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import Signal
from speechrnn.errors import ModelError
from speechrnn.limits import MOST_WARPS
from speechrnn.modelinfo import ModelInfo, find_model
from speechrnn.shipped import EXPORTED


class Listener(Protocol):
    """A model that is ready to be used; several threads may use it at once."""

    @property
    def info(self) -> ModelInfo:
        """Alphabet, features, language, provenance."""

    def for_speaker(self, mean: NDArray[np.float32]) -> "Listener":
        """Returns the same for one whose MFCC have that mean, (coefficients,); it must have been taught by speaker."""

    def compute_log_probs(self, signal: Signal, phones: bool = False) -> NDArray[np.float32]:
        """Returns log_probs (frames, classes), natural log, of a signal (samples,) at 16 kHz, or those of its phones.

        Raises:
            AudioError: The signal is shorter than one window.
        """


def open_listener(path: Path, warps: int = 1) -> Listener:
    """Returns the model in a file, or the best one of a run's folder.

    Args:
        path: The file or the folder.
        warps: Lengths of the vocal tract as which it hears, to take the mean.

    Raises:
        ModelError: It cannot be read, or is exported, and shall hear as more than one.
        ValueError: `warps` is no whole number in range.
    """
    if not (isinstance(warps, int) and 1 <= warps <= MOST_WARPS):
        raise ValueError(f"warps ({warps}) must be a whole number from 1 to {MOST_WARPS}")
    file = find_model(path)
    if file.suffix == EXPORTED:
        if warps > 1:
            raise ModelError(f"{path}: is exported, and hears voices as they are; for warps, take the run's folder")
        from speechrnn.transcribe.onnx_listener import OnnxListener

        return OnnxListener.load(file)
    from speechrnn.modelfile import load_model
    from speechrnn.transcribe.torch_listener import TorchListener  # imports torch, which an exported model needs not

    return TorchListener(load_model(file), warps=warps)
