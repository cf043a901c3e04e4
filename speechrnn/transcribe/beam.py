"""The beam decoder: from log_probs to the best texts, with a language model, a vocabulary, favoured words."""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechrnn.config import BeamConfig
from speechrnn.text import Alphabet, require_symbols
from speechrnn.transcribe.lexicon import Lexicon, build_lexicon
from speechrnn.transcribe.lm.ngrams import UNKNOWN, NgramModel, Spelling, Trie
from speechrnn.transcribe.search import Candidates, search
from speechrnn.transcribe.weighing import Knowledge, Prefixes, Weights

LogProbs = NDArray[np.float32]

_EMPTY = Trie(
    word=np.zeros(2, dtype=np.int32),
    first_child=np.asarray([1, 2, 2], dtype=np.int32),
    suffix=np.zeros(2, dtype=np.int32),
    log_prob=np.zeros(2, dtype=np.float32),
    backoff=np.zeros(2, dtype=np.float32),
    innermost=1,
)


_SLACK = 6.0
"""Nats that a finished word may gain over what its letters alone promised."""


_LEAST_PRIOR = 1e-4

_CLOSED_BONUS = {"letters": 3.0, "phones": 1.0}
"""Nats for each word of a closed vocabulary without a language model: a word that is misheard by a letter would lose to
silence. Chosen on digits (recipes/english)."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the texts that log_probs may mean.

    Attributes:
        tokens: Its classes, without blanks.
        text: What they say.
        log_prob: Natural log of the probability of all its paths, as far as a beam held them; priors taken off.
        score: The same with what language model and vocabulary add.
        log_odds: Natural log of how much more probable it is than all else that can be said, and silence, together;
            None where that is not known.
    """

    tokens: tuple[int, ...]
    text: str
    log_prob: float
    score: float
    log_odds: float | None = None


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
        sounds: Mapping[str, str] | None = None,
        priors: Sequence[float] = (),
    ) -> None:
        """Takes what the search knows.

        Args:
            alphabet: The model's, of letters or phones; one symbol is the space.
            config: The weights.
            lm: A language model.
            words: If there are any, no other word is ever written.
            hotwords: Words or phrases, and how many nats each is favoured by.
            sounds: The phones of each word, where the alphabet is one of phones; words without are never written.
            priors: The mean probability of each class, if part of its logarithm is to be taken off.

        Raises:
            TextError: The model cannot spell one of the words.
        """
        self.alphabet = alphabet
        self.reads_phones = sounds is not None
        hotwords = hotwords or {}
        if (words or hotwords) and not self.reads_phones:
            require_symbols("".join([*words, *hotwords]), alphabet.symbols)
        others = hotwords if self.reads_phones and not words else {}
        self._vocabulary, numbers = _gather_words(lm, words, others)
        unigrams = lm.trie.log_prob[1 + numbers] if lm else np.zeros(len(self._vocabulary))
        spelled = [sounds.get(word, "") for word in self._vocabulary] if sounds is not None else self._vocabulary
        self._known = Knowledge(
            lm.trie if lm else _EMPTY,
            build_lexicon(spelled, unigrams, alphabet),
            numbers,
            _favour(_respell(hotwords, sounds), alphabet),
            _mark(self._vocabulary, hotwords),
        )
        self._weights = Weights(
            beam=0,
            cut=0.0,
            slack=_SLACK + max(hotwords.values(), default=0.0) if lm or hotwords or words else 0.0,
            lm=0.0,
            word=_CLOSED_BONUS[self.spelling] if words else 0.0,
            unknown=0.0,
            closed=bool(words) or self.reads_phones,
            space=alphabet.symbols.index(" ") + 1 if " " in alphabet.symbols else -1,
            start=lm.start if lm else 0,
        )
        self._knows_language = lm is not None
        self._priors = priors
        self._weigh(config or BeamConfig())

    @property
    def spelling(self) -> Spelling:
        """What it reads words by."""
        return "phones" if self.reads_phones else "letters"

    def _weigh(self, config: BeamConfig) -> None:
        self.temperature = config.temperature
        self._offset = weigh_priors(self._priors, config.prior_weight)
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

    def decode(self, log_probs: LogProbs, count: int = 1) -> list[Alternative]:
        """Returns the best texts, best first, at most `count` of them.

        Args:
            log_probs: (frames, classes), natural log.
            count: How many are wanted.
        """
        tree, beam = search(np.ascontiguousarray(log_probs - self._offset, np.float32), self._weights, self._known)
        beam = beam[np.argsort(-beam["score"], kind="stable")]
        best = beam[:count][np.isfinite(beam[:count]["score"])]
        if not len(best):
            return self._break_off(tree, beam)
        totals = np.logaddexp(best["blank"], best["label"])
        return [
            self._tell(tree, node, total, score)
            for node, total, score in zip(best["node"].tolist(), totals.tolist(), best["score"].tolist(), strict=True)
        ]

    def _break_off(self, tree: Prefixes, beam: Candidates) -> list[Alternative]:
        """Returns the best prefix of those that all end within a word, without that; none where it is the only one."""
        totals = np.logaddexp(beam["blank"], beam["label"])
        scores = totals + tree["settled"][beam["node"]]
        best = int(scores.argmax())
        node = int(beam[best]["node"])
        while node and tree[node]["token"] != self._weights.space:
            node = int(tree[node]["parent"])
        return [self._tell(tree, node, float(totals[best]), float(scores[best]))] if node else []

    def read(self, log_probs: LogProbs) -> str:
        """Returns the best text, its words single-spaced; empty where the vocabulary allows none."""
        readings = self.decode(log_probs)
        return " ".join(readings[0].text.split()) if readings else ""

    def _tell(self, tree: Prefixes, node: int, log_prob: float, score: float) -> Alternative:
        """Returns the text of a prefix: its letters, or the words that its phones were taken for."""
        last, path = node, []
        while node:
            path.append(node)
            node = int(tree[node]["parent"])
        path.reverse()
        tokens = tuple(tree["token"][path].tolist())
        if not self.reads_phones:
            return Alternative(tokens, self.alphabet.decode(tokens), log_prob, score)
        ends = [node for node in path if tree[node]["token"] == self._weights.space or node == last]
        words = [self._vocabulary[tree[node]["word"]] for node in ends if tree[node]["word"] >= 0]
        return Alternative(tokens, " ".join(words), log_prob, score)


def weigh_priors(priors: Sequence[float], weight: float) -> LogProbs:
    """Returns what is taken off log_probs, (classes,): part of the logarithm of mean probabilities; (1,) of none."""
    return np.float32(weight) * np.log(np.maximum(priors or (1.0,), _LEAST_PRIOR)).astype(np.float32)


def _gather_words(
    lm: NgramModel | None, words: Sequence[str], others: Iterable[str]
) -> tuple[list[str], NDArray[np.int32]]:
    """Returns the vocabulary, with the words of other phrases, and each word's number in the language model."""
    listed = sorted(set(words)) if words else list(lm.words) if lm else []
    known = set(listed)
    listed += sorted({word for phrase in others for word in phrase.split()} - known)
    if lm and not words:  # they are in its order
        numbers = [*range(len(lm.words)), *[UNKNOWN] * (len(listed) - len(lm.words))]
    else:
        numbers = [lm.numbers.get(word, UNKNOWN) if lm else UNKNOWN for word in listed]
    return listed, np.asarray(numbers, dtype=np.int32)


def _respell(hotwords: Mapping[str, float], sounds: Mapping[str, str] | None) -> Mapping[str, float]:
    """Returns the boosts of phrases by how the search spells them, one for all that sounds alike."""
    if sounds is None:
        return hotwords
    boosts: dict[str, float] = {}
    for phrase, boost in hotwords.items():
        spoken = " ".join(sounds[word] for word in phrase.split())
        boosts[spoken] = max(boost, boosts.get(spoken, 0.0))
    return boosts


def _mark(vocabulary: Sequence[str], phrases: Iterable[str]) -> NDArray[np.bool_]:
    """Returns for each word whether one of the phrases has it."""
    wanted = {word for phrase in phrases for word in phrase.split()}
    return np.asarray([word in wanted for word in vocabulary], dtype=np.bool_)


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
