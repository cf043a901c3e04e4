"""What all recordings of a speaker have in common, so that it can be taken off: voice, microphone, room."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from speechrnn.config import FeatureConfig
from speechrnn.features import Features, estimate_cmvn
from speechrnn.prepare.store import FeatureStore

_SPOKEN_DB = 30


def move_speakers(store: FeatureStore, centre: Features | None, mfcc: FeatureConfig) -> dict[str, Features]:
    """Returns by speaker what moves the mean of all that a store has of that speaker's speech to the corpus's.

    Kaldi's statistics by speaker (`compute-cmvn-stats --spk2utt`) take the same off, of all frames. Texts are not used,
    and who has no name is not in it.

    Args:
        store: MFCC, (frames, coefficients) an utterance.
        centre: The mean of the corpus's speech, (coefficients,); None where nobody is to be moved.
        mfcc: How the features were computed.
    """
    if centre is None:
        return {}
    spoken = defaultdict(list)
    for index, utterance in enumerate(store.utterances):
        if utterance.speaker:
            spoken[utterance.speaker].append(index)
    return {
        speaker: np.asarray(centre - find_centre((store[index] for index in indices), mfcc))
        for speaker, indices in spoken.items()
    }


def find_centre(recordings: Iterable[Features], mfcc: FeatureConfig) -> Features:
    """Returns the mean, (coefficients,), of the frames of MFCC recordings in which somebody may speak.

    They are those whose mel energies are on average within 30 dB of the loudest frame's: how long somebody waits before
    he speaks, and what is heard meanwhile, says nothing of the voice.

    Raises:
        ValueError: There is no frame.
    """
    # the first coefficient is the sum of the log mel energies, divided by the root of their number
    depth = _SPOKEN_DB * np.log(10) / 10 * np.sqrt(mfcc.mels)
    return estimate_cmvn(one[one[:, 0] >= one[:, 0].max() - depth] for one in recordings).mean
