"""Training utterances once more, faster and slower, louder and softer.

References:
    Ko et al., Audio augmentation for speech recognition, Interspeech 2015.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from speechrnn.manifest import Utterance

_SOFTEST, _LOUDEST = 0.125, 2.0
"""The range from which Kaldi draws volumes, too."""


def perturb_utterances(utterances: Sequence[Utterance], speeds: Sequence[float], volume: bool) -> Iterator[Utterance]:
    """Yields each utterance at each speed, and at a volume that its id decides.

    As in Kaldi, one that is faster or slower is another utterance of another speaker: sp0.9-ID by sp0.9-SPEAKER.
    """
    for speed in speeds:
        for utterance in utterances:
            copy = _change_speed(utterance, speed) if speed != 1.0 else utterance
            yield replace(copy, volume=_draw_volume(copy.id)) if volume else copy


def _change_speed(utterance: Utterance, speed: float) -> Utterance:
    prefix = f"sp{speed:g}-"
    speaker = utterance.speaker and prefix + utterance.speaker
    return replace(utterance, id=prefix + utterance.id, speaker=speaker, speed=speed)


def _draw_volume(id: str) -> float:
    share = int.from_bytes(hashlib.sha256(f"volume {id}".encode()).digest()[:8]) / 2**64
    return round(_SOFTEST + share * (_LOUDEST - _SOFTEST), 3)
