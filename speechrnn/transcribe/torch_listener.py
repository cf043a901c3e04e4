"""A model as it was trained, listening through torch."""

import numpy as np
import torch
from numpy.typing import NDArray

from speechrnn.audio import Signal
from speechrnn.features import Features, compute_mfcc, make_dct, to_network_input
from speechrnn.modelfile import Model
from speechrnn.modelinfo import ModelInfo


class TorchListener:
    """A network on the CPU."""

    def __init__(self, model: Model, move: Features | None = None) -> None:
        """Takes the model, and what is added to all MFCC, (coefficients,), of one speaker; None for nothing."""
        self.model = model
        self.move = np.float32(0) if move is None else move
        make_dct(model.info.features)  # made once here, not by several threads at once

    @property
    def info(self) -> ModelInfo:
        """Alphabet, features, language, provenance."""
        return self.model.info

    def compute_log_probs(self, signal: Signal, phones: bool = False) -> NDArray[np.float32]:
        """Returns log_probs (frames, classes), natural log, of a signal (samples,) at 16 kHz, or those of its phones.

        Raises:
            AudioError: The signal is shorter than one window.
        """
        features = self.compute_input(signal)
        read = self.model.network.read_phones if phones else self.model.network
        with torch.inference_mode():
            log_probs, _ = read(torch.from_numpy(features)[None], torch.tensor([len(features)]))
        rows: NDArray[np.float32] = log_probs[0].numpy()
        return rows

    def for_speaker(self, mean: Features) -> "TorchListener":
        """Returns the same for one whose MFCC have that mean, (coefficients,); it must have been taught by speaker."""
        assert self.model.cmvn is not None
        assert self.model.cmvn.centre is not None
        return TorchListener(self.model, self.model.cmvn.centre - mean)

    def compute_input(self, signal: Signal) -> Features:
        """Returns what the network sees of a signal, (frames, coefficients); errors as `compute_log_probs`."""
        info = self.info
        moved = compute_mfcc(signal, info.features) + self.move
        return to_network_input(moved, info.recipe.input, info.features, self.model.cmvn)
