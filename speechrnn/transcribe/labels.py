"""Transcripts that a model doubts: what it hears is far more likely than what is written."""

from collections.abc import Sequence

import numpy as np
import torch

from speechrnn.audio import read_utterance
from speechrnn.console import show_progress
from speechrnn.ctc import decode_greedy
from speechrnn.errors import AudioError, TextError
from speechrnn.loss import compute_ctc_loss
from speechrnn.manifest import Utterance
from speechrnn.parallel import map_in_order
from speechrnn.prepare.doctor.cases import Suspicion
from speechrnn.text import normalize
from speechrnn.transcribe.recognizer import Recognizer

_LEAST_MARGIN = 1.0
"""Nats a letter; below, nothing is suspicious, however well the model knows the rest."""

_SPREADS = 6
"""How many median deviations above the median a margin must lie."""


def suspect_labels(recognizer: Recognizer, utterances: Sequence[Utterance]) -> dict[str, Suspicion]:
    """Returns the utterances whose own transcript is far less likely than what the model hears, by id.

    Both are scored by CTC over all paths. What is far is measured against the corpus: a weak model doubts everything a
    little. Recordings that cannot be read, and texts that the model cannot write, are passed over.
    """

    def weigh(utterance: Utterance) -> Suspicion | None:
        try:
            return weigh_transcript(recognizer, utterance)
        except (AudioError, TextError):
            return None

    weighed: dict[str, Suspicion] = {}
    with show_progress("Listening", len(utterances), "utterances") as advance:
        for utterance, suspicion in zip(utterances, map_in_order(weigh, utterances), strict=True):
            if suspicion:
                weighed[utterance.id] = suspicion
            advance(1)
    margins = np.array([suspicion.margin for suspicion in weighed.values()])
    if not len(margins):
        return {}
    middle = float(np.median(margins))
    limit = max(_LEAST_MARGIN, middle + _SPREADS * float(np.median(np.abs(margins - middle))))
    return {id: suspicion for id, suspicion in weighed.items() if suspicion.margin > limit}


def weigh_transcript(recognizer: Recognizer, utterance: Utterance) -> Suspicion:
    """Returns what the model hears in an utterance, and by how many nats a letter that is likelier than its transcript.

    Raises:
        AudioError: The recording cannot be read.
        TextError: The transcript has characters that the model cannot write.
    """
    alphabet = recognizer.info.alphabet
    labels = alphabet.encode(normalize(utterance.text, utterance.lang))
    log_probs = recognizer.listener.compute_log_probs(read_utterance(utterance))
    heard = list(decode_greedy(log_probs).tokens)
    written_loss, heard_loss = (
        compute_ctc_loss(
            torch.from_numpy(log_probs)[None],
            torch.tensor([len(log_probs)]),
            torch.tensor([tokens], dtype=torch.long),
            torch.tensor([len(tokens)]),
        ).item()
        for tokens in (labels, heard)
    )
    margin = (written_loss - heard_loss) / max(len(labels), len(heard), 1)  # infinite: CTC cannot emit the transcript
    return Suspicion(" ".join(alphabet.decode(heard).split()), margin)
