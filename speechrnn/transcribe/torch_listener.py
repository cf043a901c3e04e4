"""A model as it was trained, listening through torch."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from speechrnn.audio import Signal
from speechrnn.features import Features, compute_mfcc, estimate_cmvn, make_dct, to_network_input
from speechrnn.modelfile import Model
from speechrnn.modelinfo import ModelInfo


class TorchListener:
    """A network on the CPU."""

    def __init__(self, model: Model, move: Features | None = None) -> None:
        """Takes the model, and what moves the mean of all MFCC of the one who speaks, (coefficients,), if known."""
        self.model = model
        self._move = np.float32(0) if move is None else move
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

    def for_speaker(self, signals: Iterable[Signal]) -> "TorchListener":
        """Returns the same for the one who speaks in signals, (samples,) at 16 kHz each, if there are any.

        The model must have been taught by speaker.

        Raises:
            AudioError: A signal is shorter than one window.
        """
        assert self.model.cmvn is not None
        assert self.model.cmvn.centre is not None
        spoken = [compute_mfcc(signal, self.info.features) for signal in signals]
        if not spoken:
            return self
        return TorchListener(self.model, self.model.cmvn.centre - estimate_cmvn(spoken).mean)

    def compute_input(self, signal: Signal) -> Features:
        """Returns what the network sees of a signal, (frames, coefficients); errors as `compute_log_probs`."""
        info = self.info
        moved = compute_mfcc(signal, info.features) + self._move
        return to_network_input(moved, info.recipe.input, info.features, self.model.cmvn)
