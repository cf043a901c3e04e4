"""One of a few phrases: which of those that may be said log_probs mean, where nothing else is ever said.

References:
    Graves, Fernández, Gomez and Schmidhuber, Connectionist temporal classification, ICML 2006, section 4.1: the
    probability of a labelling is that of all its paths, summed up frame by frame.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from speechrnn.config import BeamConfig
from speechrnn.forward_backward import sum_paths
from speechrnn.text import BLANK, Alphabet
from speechrnn.transcribe.beam import Alternative, LogProbs, weigh_priors


class PhraseDecoder:
    """Weighs every phrase against every other; holds nothing that changes, so that several threads may share it."""

    temperature = 0.0
    """Confidences come from the log-odds."""

    def __init__(
        self,
        alphabet: Alphabet,
        phrases: Sequence[str],
        *,
        sounds: Mapping[str, str] | None = None,
        priors: Sequence[float] = (),
    ) -> None:
        """Takes what may be said.

        Args:
            alphabet: The model's, of letters or phones.
            phrases: One or more.
            sounds: The phones of each word of theirs, where the alphabet is one of phones.
            priors: The mean probability of each class, if part of its logarithm is to be taken off.

        Raises:
            TextError: The model cannot spell one of the phrases.
        """
        self.alphabet = alphabet
        self.reads_phones = sounds is not None
        self._phrases = list(phrases)
        spelled = [" ".join(sounds[word] for word in one.split()) if sounds else one for one in phrases]
        self._tokens = [tuple(alphabet.encode(one)) for one in spelled]
        self._offset = weigh_priors(priors, BeamConfig().prior_weight)

    def decode(self, log_probs: LogProbs, count: int = 1) -> list[Alternative]:
        """Returns the most probable phrases, best first, at most `count`; none where all are too long for the frames.

        Whatever there is to hear, a phrase is returned; its log-odds count silence, so that of noise none is probable.

        Args:
            log_probs: (frames, classes), natural log.
            count: How many are wanted.
        """
        weighed = np.ascontiguousarray(log_probs - self._offset, np.float32)
        totals = np.array([_sum_paths(weighed, tokens) for tokens in self._tokens])
        everything = np.append(totals, weighed[:, BLANK].sum())
        best = [place for place in np.argsort(-totals, kind="stable")[:count].tolist() if np.isfinite(totals[place])]
        return [
            Alternative(
                self._tokens[place],
                self._phrases[place],
                log_prob=float(totals[place]),
                score=float(totals[place]),
                log_odds=float(totals[place] - np.logaddexp.reduce(np.delete(everything, place))),
            )
            for place in best
        ]


def _sum_paths(log_probs: LogProbs, tokens: Sequence[int]) -> float:
    """Returns the natural log of the probability of all paths that collapse to the tokens."""
    loss = np.empty(1, dtype=np.float32)
    lengths, targets = np.array([len(log_probs)]), np.array([tokens])
    sum_paths(log_probs[None], lengths, targets, np.array([len(tokens)]), loss, np.zeros((1, 0, 0), dtype=np.float32))
    return -float(loss[0])
