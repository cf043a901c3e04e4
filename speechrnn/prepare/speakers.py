"""What all recordings of a speaker have in common, so that it can be taken off: voice, microphone, room."""

from collections import defaultdict
from dataclasses import replace

from speechrnn.config import FeatureConfig, InputConfig
from speechrnn.features import Cmvn, estimate_cmvn, prepare_features
from speechrnn.prepare.store import FeatureStore


def estimate_speakers(
    store: FeatureStore, settings: InputConfig, mfcc: FeatureConfig, cmvn: Cmvn | None
) -> dict[str, Cmvn]:
    """Returns by speaker the corpus's statistics with that speaker's mean; of nobody unless `input.cmvn` is "speaker".

    Kaldi's statistics by speaker (`compute-cmvn-stats --spk2utt`) are like it. Who has no name is not in it.

    Args:
        store: All that is known of the speakers; their texts are not used.
        settings: What the network sees of the features.
        mfcc: How the features were computed.
        cmvn: The training corpus's statistics.
    """
    if settings.cmvn != "speaker" or cmvn is None:
        return {}
    spoken = defaultdict(list)
    for index, utterance in enumerate(store.utterances):
        if utterance.speaker:
            spoken[utterance.speaker].append(index)
    return {
        speaker: replace(
            cmvn, mean=estimate_cmvn(prepare_features(store[index], settings, mfcc) for index in indices).mean
        )
        for speaker, indices in spoken.items()
    }
