"""What all recordings of a speaker have in common, so that it can be taken off: voice, microphone, room."""

from collections import defaultdict

import numpy as np

from speechrnn.features import Features, estimate_cmvn
from speechrnn.prepare.store import FeatureStore


def move_speakers(store: FeatureStore, centre: Features | None) -> dict[str, Features]:
    """Returns by speaker what moves the mean of all MFCC that a store has of that speaker to the corpus's.

    Kaldi's statistics by speaker (`compute-cmvn-stats --spk2utt`) take the same off. Texts are not used, and who has no
    name is not in it.

    Args:
        store: MFCC, (frames, coefficients) an utterance.
        centre: The corpus's mean, (coefficients,); None where nobody is to be moved.
    """
    if centre is None:
        return {}
    spoken = defaultdict(list)
    for index, utterance in enumerate(store.utterances):
        if utterance.speaker:
            spoken[utterance.speaker].append(index)
    return {
        speaker: np.asarray(centre - estimate_cmvn(store[index] for index in indices).mean)
        for speaker, indices in spoken.items()
    }
