"""What all recordings of a speaker have in common, so that it can be taken off: voice, microphone, room."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from speechrnn.features import Features
from speechrnn.prepare.store import FeatureStore


class FrameSum(NamedTuple):
    """Frames of MFCC, summed up: their number, and their sum, (coefficients,)."""

    frames: int
    total: NDArray[np.float64]

    @classmethod
    def of(cls, pieces: Iterable["Features | FrameSum"]) -> Self:
        """Returns the sum of MFCC, (frames, coefficients) each, or of such sums."""
        frames, total = 0, np.zeros(1)
        for piece in pieces:
            one = piece if isinstance(piece, FrameSum) else cls(len(piece), piece.sum(axis=0, dtype=np.float64))
            frames, total = frames + one.frames, total + one.total
        return cls(frames, total)

    @property
    def mean(self) -> Features:
        """Their mean, (coefficients,); there must be a frame."""
        return np.asarray(self.total / self.frames, dtype=np.float32)


def sum_speakers(store: FeatureStore) -> dict[str, FrameSum]:
    """Returns the sum of all MFCC that a store has of each speaker; that of the nameless under ""."""
    spoken = defaultdict(list)
    for index, utterance in enumerate(store.utterances):
        spoken[utterance.speaker].append(index)
    return {speaker: FrameSum.of(store[index] for index in indices) for speaker, indices in spoken.items()}


def move_speakers(store: FeatureStore, centre: Features | None = None) -> tuple[FeatureStore, Features]:
    """Returns a store in which the mean of all MFCC of each speaker is the corpus's, and what that is.

    Kaldi's statistics by speaker (`compute-cmvn-stats --spk2utt`) take the same off. Texts are not used, and who has no
    name is left as he is.

    Args:
        store: MFCC, (frames, coefficients) an utterance.
        centre: The corpus's mean, (coefficients,); None for this store's.
    """
    sums = sum_speakers(store)
    centre = FrameSum.of(sums.values()).mean if centre is None else centre
    return store.move({speaker: centre - heard.mean for speaker, heard in sums.items() if speaker}), centre
