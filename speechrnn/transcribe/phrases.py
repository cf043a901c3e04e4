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
from speechrnn.transcribe.align import align
from speechrnn.transcribe.beam import Alternative, LogProbs, weigh_priors
from speechrnn.words import find_words

_MISFIT, _MISFIT_BY_TOKEN = 9.0, 3.0
"""Nats by which a word may be less probable than what the network hears there freely; so many, and more by each token.

Of the words of read sentences and of wake words, of one sound or of ten, one in a hundred lies below; of strangers'
digits none in a thousand.
"""


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
            phrases: One or more. Of those that are spelled alike by phones the first is heard.
            sounds: The phones of each word of theirs, where the alphabet is one of phones.
            priors: The mean probability of each class, if part of its logarithm is to be taken off.

        Raises:
            TextError: The model cannot spell one of the phrases.
        """
        self.alphabet = alphabet
        self.reads_phones = sounds is not None
        spelled = [one if sounds is None else " ".join(sounds[word] for word in one.split()) for one in phrases]
        by_tokens: dict[tuple[int, ...], str] = {}
        for phrase, spelling in zip(phrases, spelled, strict=True):
            by_tokens.setdefault(tuple(alphabet.encode(spelling)), phrase)
        self._tokens, self._phrases = list(by_tokens), list(by_tokens.values())
        self._offset = weigh_priors(priors, BeamConfig().prior_weight)

    def decode(self, log_probs: LogProbs, count: int = 1, *, spoken: bool = False) -> list[Alternative]:
        """Returns the most probable phrases, best first, at most `count`.

        There is none where silence is more probable than the best, or one of its words fits far worse than what the
        network hears there freely, or all are too long for the frames. Log-odds are those against all other phrases,
        and silence.

        Args:
            log_probs: (frames, classes), natural log.
            count: How many are wanted.
            spoken: Whether something is said for sure, so that a phrase need not be likelier than silence.
        """
        weighed = np.ascontiguousarray(log_probs - self._offset, np.float32)
        totals = np.array([_sum_paths(weighed, tokens) for tokens in self._tokens])
        everything = np.append(totals, weighed[:, BLANK].sum())
        best = [place for place in np.argsort(-totals, kind="stable")[:count].tolist() if np.isfinite(totals[place])]
        if not best or (not spoken and totals[best[0]] < everything[-1]):
            return []
        if not self._fits(weighed, self._tokens[best[0]]):
            return []
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

    def _fits(self, log_probs: LogProbs, tokens: Sequence[int]) -> bool:
        """Returns whether each word, where it lies, is about as probable as whatever the network hears there."""
        spans = align(log_probs, tokens).spans
        path = np.full(len(log_probs), BLANK)
        for token, (first, last) in zip(tokens, spans, strict=True):
            path[first:last] = token
        misfit = log_probs[np.arange(len(path)), path] - log_probs.max(axis=1)
        words = find_words(self.alphabet.decode(tokens))
        starts = [0, *[spans[first][0] for first, _ in words[1:]]]
        allowed = [_MISFIT + _MISFIT_BY_TOKEN * (last - first) for first, last in words]
        return bool(np.all(np.add.reduceat(misfit, starts) >= -np.array(allowed)))


def _sum_paths(log_probs: LogProbs, tokens: Sequence[int]) -> float:
    """Returns the natural log of the probability of all paths that collapse to the tokens."""
    loss = np.empty(1, dtype=np.float32)
    lengths, targets = np.array([len(log_probs)]), np.array([tokens])
    sum_paths(log_probs[None], lengths, targets, np.array([len(tokens)]), loss, np.zeros((1, 0, 0), dtype=np.float32))
    return -float(loss[0])
