"""A model as it was trained, listening through torch, to one length of the vocal tract or to several.

References:
    Jaitly and Hinton, Vocal tract length perturbation improves speech recognition, ICML workshop 2013: what is heard in
    several warps, averaged, has fewer errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from speechrnn.audio import Signal
from speechrnn.batches import Example, collate
from speechrnn.features import (
    Features,
    compute_mfcc,
    equalize,
    finish_features,
    make_dct,
    make_warp,
    to_channels,
    to_mfcc,
    to_network_input,
)
from speechrnn.modelfile import Model
from speechrnn.modelinfo import ModelInfo

_FARTHEST = 0.08
"""How much higher and lower the frequencies of the outermost warps are, as a share; chosen on English dev."""


@dataclass(frozen=True, slots=True, eq=False)
class TorchListener:
    """A network on the CPU.

    Attributes:
        model: The model.
        move: What is added to all MFCC, (coefficients,), of one speaker; (1,), zero, for nothing.
        warps: How many lengths of the vocal tract each voice is heard as, from 8 % lower to 8 % higher in equal steps;
            the mean of the log_probs counts. An odd number includes the voice as it is.
    """

    model: Model
    move: Features = field(default_factory=lambda: np.zeros(1, dtype=np.float32))
    warps: int = 1

    def __post_init__(self) -> None:
        make_dct(self.info.features)  # made once here, not by several threads at once

    @property
    def info(self) -> ModelInfo:
        """Alphabet, features, language, provenance."""
        return self.model.info

    def for_speaker(self, mean: Features) -> "TorchListener":
        """Returns the same for one whose MFCC have that mean, (coefficients,); it must have been taught by speaker."""
        assert self.model.cmvn is not None
        assert self.model.cmvn.centre is not None
        return replace(self, move=self.model.cmvn.centre - mean)

    def compute_log_probs(self, signal: Signal, phones: bool = False) -> NDArray[np.float32]:
        """Returns log_probs (frames, classes), natural log, of a signal (samples,) at 16 kHz, or those of its phones.

        Raises:
            AudioError: The signal is shorter than one window.
        """
        return self.read([self.compute_features(signal)], phones)[0]

    def compute_features(self, signal: Signal) -> Features:
        """Returns a signal's MFCC, moved where it is one speaker's; errors as `compute_log_probs`."""
        return compute_mfcc(signal, self.info.features) + self.move

    def compute_input(self, signal: Signal) -> Features:
        """Returns what the network sees of a signal, (frames, coefficients); errors as `compute_log_probs`."""
        info = self.info
        return to_network_input(self.compute_features(signal), info.recipe.input, info.features, self.model.cmvn)

    def read(self, utterances: Sequence[Features], phones: bool = False) -> list[NDArray[np.float32]]:
        """Returns the log_probs of utterances whose MFCC, (frames, coefficients), are moved already."""
        settings, mfcc = self.info.recipe.input, self.info.features
        level = [equalize(features, settings, mfcc) for features in utterances]
        varied = [one for features in level for one in self._vary(features)]
        batch = collate([Example("", finish_features(one, settings, mfcc, self.model.cmvn), ()) for one in varied])
        read = self.model.network.read_phones if phones else self.model.network
        with torch.inference_mode():
            log_probs, lengths = read(batch.features, batch.input_lengths)
            if self.warps > 1:
                log_probs = log_probs.unflatten(0, (-1, self.warps)).mean(dim=1).log_softmax(dim=-1)
        fewer = lengths[:: self.warps].tolist()
        return [rows[:length] for rows, length in zip(log_probs.numpy(), fewer, strict=True)]

    def _vary(self, features: Features) -> Sequence[Features]:
        """Returns MFCC as those of each warp; in training, too, what warps them comes after their loudness."""
        if self.warps == 1:
            return [features]
        mfcc = self.info.features
        channels = to_channels(features, mfcc)
        factors = np.linspace(1 - _FARTHEST, 1 + _FARTHEST, self.warps)
        return [to_mfcc(channels @ make_warp(mfcc, float(factor)), mfcc) for factor in factors]
