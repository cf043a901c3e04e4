"""The beam decoder: from log_probs to the best texts, with a language model, a vocabulary, favoured words."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from threading import Timer

import numpy as np
from numpy.typing import NDArray

from speechrnn.config import BeamConfig
from speechrnn.console import note
from speechrnn.text import Alphabet, require_symbols
from speechrnn.transcribe.lexicon import Lexicon, build_lexicon
from speechrnn.transcribe.lm.ngrams import NgramModel, Trie
from speechrnn.transcribe.search import Knowledge, Prefixes, Weights, search

LogProbs = NDArray[np.float32]

_EMPTY = Trie(
    word=np.zeros(2, dtype=np.int32),
    first_child=np.asarray([1, 2, 2], dtype=np.int32),
    suffix=np.zeros(2, dtype=np.int32),
    log_prob=np.zeros(2, dtype=np.float32),
    backoff=np.zeros(2, dtype=np.float32),
    innermost=1,
)


_PATIENCE_SECONDS = 2.0

_SLACK = 6.0
"""Nats that a finished word may gain over what its letters alone promised."""


_CLOSED_BONUS = 3.0
"""Nats for each word of a closed vocabulary without a language model: a word that is misheard by a letter would lose to
silence. Chosen on digits (recipes/english)."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the texts that log_probs may mean.

    Attributes:
        tokens: Its classes, without blanks.
        log_prob: Natural log of the probability of all its paths, as far as the beam held them.
        score: The same with what language model and vocabulary add.
    """

    tokens: tuple[int, ...]
    log_prob: float
    score: float


class BeamDecoder:
    """Searches with one configuration; holds nothing that changes, so that several threads may share it."""

    def __init__(
        self,
        alphabet: Alphabet,
        config: BeamConfig | None = None,
        *,
        lm: NgramModel | None = None,
        words: Sequence[str] = (),
        hotwords: Mapping[str, float] | None = None,
    ) -> None:
        """Takes what the search knows.

        Args:
            alphabet: The model's; one symbol is the space.
            config: The weights.
            lm: A language model.
            words: If there are any, no other word is ever written.
            hotwords: Words or phrases, and how many nats each is favoured by.

        Raises:
            TextError: The model cannot spell one of the words.
        """
        self.alphabet = alphabet
        if words or hotwords:
            require_symbols("".join([*words, *(hotwords or {})]), alphabet.symbols)
        vocabulary, numbers = _gather_words(lm, words)
        unigrams = lm.trie.log_prob[1 + numbers] if lm else np.zeros(len(vocabulary))
        self._known = Knowledge(
            lm.trie if lm else _EMPTY,
            build_lexicon(vocabulary, unigrams, alphabet),
            numbers,
            _favour(hotwords or {}, alphabet),
        )
        self._weights = Weights(
            beam=0,
            cut=0.0,
            slack=_SLACK + max((hotwords or {}).values(), default=0.0) if lm or hotwords or words else 0.0,
            lm=0.0,
            word=_CLOSED_BONUS if words else 0.0,
            unknown=0.0,
            closed=bool(words),
            space=alphabet.symbols.index(" ") + 1 if " " in alphabet.symbols else -1,
            start=lm.start if lm else 0,
        )
        self._knows_language = lm is not None
        self._weigh(config or BeamConfig())

    def _weigh(self, config: BeamConfig) -> None:
        self._weights = self._weights._replace(beam=config.beam_width, cut=config.beam_cut)
        if self._knows_language:
            self._weights = self._weights._replace(
                lm=config.lm_weight, word=config.word_bonus, unknown=config.unknown_penalty
            )

    def reweighed(self, config: BeamConfig) -> "BeamDecoder":
        """Returns a decoder that knows the same and weighs it otherwise."""
        other = copy(self)
        other._weigh(config)
        return other

    def warm_up(self) -> None:
        """Compiles the search where no earlier process has, and says so where that takes long."""
        timer = Timer(_PATIENCE_SECONDS, note, ["compiling the search; that happens once"])
        timer.start()
        try:
            self.decode(np.zeros((1, self.alphabet.classes), dtype=np.float32))
        finally:
            timer.cancel()

    def decode(self, log_probs: LogProbs, count: int = 1) -> list[Alternative]:
        """Returns the best texts, best first, at most `count` of them.

        Args:
            log_probs: (frames, classes), natural log.
            count: How many are wanted.
        """
        tree, beam = search(np.ascontiguousarray(log_probs, np.float32), self._weights, self._known)
        best = beam[:count][np.isfinite(beam[:count]["score"])]
        totals = np.logaddexp(best["blank"], best["label"])
        return [
            Alternative(_spell_out(tree, node), total, score)
            for node, total, score in zip(best["node"].tolist(), totals.tolist(), best["score"].tolist(), strict=True)
        ]

    def read(self, log_probs: LogProbs) -> str:
        """Returns the best text, its words single-spaced; empty where the vocabulary allows none."""
        readings = self.decode(log_probs)
        return " ".join(self.alphabet.decode(readings[0].tokens).split()) if readings else ""


def _gather_words(lm: NgramModel | None, words: Sequence[str]) -> tuple[list[str], NDArray[np.int32]]:
    """Returns the vocabulary, and each word's number in the language model."""
    if not words:
        vocabulary = list(lm.words) if lm else []
        numbers = range(len(vocabulary))
        return vocabulary, np.asarray(numbers, dtype=np.int32)
    listed = sorted(set(words))
    return listed, np.asarray([lm.numbers.get(word, 0) if lm else 0 for word in listed], dtype=np.int32)


def _favour(hotwords: Mapping[str, float], alphabet: Alphabet) -> Lexicon:
    """Returns the favoured words; of its boost, each letter that is written earns a share."""
    lexicon = build_lexicon(list(hotwords), list(hotwords.values()), alphabet)
    earned = np.zeros(len(lexicon.token), dtype=np.float32)
    for word, boost in hotwords.items():
        node = 0
        for depth, token in enumerate(alphabet.encode(word), 1):
            node = next(
                child
                for child in range(lexicon.first_child[node], lexicon.first_child[node + 1])
                if lexicon.token[child] == token
            )
            earned[node] = max(earned[node], boost * depth / len(word))
    return lexicon._replace(best=earned)


def _spell_out(tree: Prefixes, node: int) -> tuple[int, ...]:
    tokens: list[int] = []
    while node:
        tokens.append(int(tree[node]["token"]))
        node = int(tree[node]["parent"])
    return tuple(reversed(tokens))
