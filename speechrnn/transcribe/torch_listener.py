"""A model as it was trained, listening through torch."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from speechrnn.audio import Signal
from speechrnn.features import Features, compute_mfcc, estimate_cmvn, make_dct, prepare_features, to_network_input
from speechrnn.modelfile import Model
from speechrnn.modelinfo import ModelInfo


class TorchListener:
    """A network on the CPU."""

    def __init__(self, model: Model) -> None:
        """Takes the model."""
        self.model = model
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
        """Returns the same network for one speaker, whose mean is taken from signals, (samples,) at 16 kHz each.

        Without a signal, the mean stays the corpus's. Not for a model that normalises by utterance.

        Raises:
            AudioError: A signal is shorter than one window.
        """
        info, cmvn = self.info, self.model.cmvn
        assert cmvn is not None
        features = [
            prepare_features(compute_mfcc(each, info.features), info.recipe.input, info.features) for each in signals
        ]
        mean = estimate_cmvn(features).mean if features else cmvn.mean
        return TorchListener(replace(self.model, cmvn=replace(cmvn, mean=mean)))

    def compute_input(self, signal: Signal) -> Features:
        """Returns what the network sees of a signal, (frames, coefficients); errors as `compute_log_probs`."""
        info = self.info
        return to_network_input(compute_mfcc(signal, info.features), info.recipe.input, info.features, self.model.cmvn)
