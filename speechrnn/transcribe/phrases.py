"""One of a few phrases: which of those that may be said log_probs mean, where nothing else is ever said.

References:
    Graves, Fernández, Gomez and Schmidhuber, Connectionist temporal classification, ICML 2006, section 4.1: the
    probability of a labelling is that of all its paths, summed up frame by frame.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.config import BeamConfig
from speechrnn.text import BLANK, Alphabet
from speechrnn.transcribe.beam import Alternative, LogProbs, weigh_priors

_INFINITY = np.inf


class PhraseDecoder:
    """Weighs every phrase against every other; holds nothing that changes, so that several threads may share it."""

    temperature = 0.0
    """The model's own divides confidences."""

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
        self._states = np.full((len(phrases), 2 * max(map(len, self._tokens)) + 1), BLANK)
        for states, tokens in zip(self._states, self._tokens, strict=True):
            states[1 : 2 * len(tokens) : 2] = tokens
        self._counts = np.array([2 * len(tokens) + 1 for tokens in self._tokens])
        self._offset = weigh_priors(priors, BeamConfig().prior_weight)

    def decode(self, log_probs: LogProbs, count: int = 1) -> list[Alternative]:
        """Returns the most probable phrases, best first, at most `count`; none where all are too long for the frames.

        How probable each is leaves room for nothing being said at all, so that of noise none is.

        Args:
            log_probs: (frames, classes), natural log.
            count: How many are wanted.
        """
        weighed = np.ascontiguousarray(log_probs - self._offset, np.float32)
        totals = _sum_paths(weighed, self._states, self._counts)
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


@compiled
def _sum_paths(
    log_probs: NDArray[np.float32], phrases: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns the logarithm of the probability of all paths that collapse to each phrase, (phrases,).

    Args:
        log_probs: (frames, classes), natural log.
        phrases: The tokens of each with a blank around each token, (phrases, states); what follows does not count.
        counts: How many states each has.
    """
    totals = np.empty(len(phrases))
    for phrase in range(len(phrases)):
        states, last = phrases[phrase], counts[phrase] - 1
        path = np.full(last + 1, -_INFINITY)
        path[0] = 0.0
        for frame in range(len(log_probs)):
            for state in range(last, -1, -1):
                before = path[state - 1] if state > 0 else -_INFINITY
                leaps = state > 1 and states[state] != BLANK and states[state] != states[state - 2]
                leapt = path[state - 2] if leaps else -_INFINITY
                most = max(path[state], before, leapt)
                if most > -_INFINITY:
                    most += np.log(np.exp(path[state] - most) + np.exp(before - most) + np.exp(leapt - most))
                path[state] = most + log_probs[frame, states[state]]
        totals[phrase] = np.logaddexp(path[last], path[last - 1])
    return totals
