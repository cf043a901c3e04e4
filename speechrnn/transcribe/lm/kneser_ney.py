"""Interpolated modified Kneser–Ney smoothing, in numpy.

An n-gram is a number within its order: the number of its first n - 1 words, times the vocabulary's size, plus its last
word, ranked. Sorted, the n-grams of an order are then the level of a trie, children beside each other.

References:
    Chen and Goodman, An empirical study of smoothing techniques for language modeling, 1998.
    Heafield, Pouzyrevsky, Clark and Koehn, Scalable modified Kneser-Ney language model estimation, ACL 2013.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speechrnn.errors import TextError
from speechrnn.transcribe.lm.ngrams import BOS, EOS, SPECIAL, UNKNOWN, Level, NgramModel, assemble

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FALLBACK = (0.5, 1.0, 1.5)
"""Discounts where a text is too small to estimate them; KenLM's."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """The n-grams of one order, sorted.

    Attributes:
        parent: The n-gram without its last word, in the order below.
        suffix: The n-gram without its first word, in the order below.
        word: The last word.
        count: How often it is in the text.
        begins: Whether its first word is the sentence's beginning.
    """

    parent: Ints
    suffix: Ints
    word: Ints
    count: Ints
    begins: NDArray[np.bool_]


def build_ngrams(
    sentences: Iterable[Sequence[str]], order: int, prune: Sequence[int] = (), fewest: int = 1
) -> NgramModel:
    """Returns a model of some sentences.

    Args:
        sentences: Each a sequence of words.
        order: Longest n-gram, at least 1.
        prune: For each order from the first, n-grams that occur no more often are left out; the last goes for the
            orders beyond. Single words are never left out.
        fewest: Words that occur less often are unknown words.

    Raises:
        TextError: There is no word.
        ValueError: Pruning falls from one order to the next, so that an n-gram would outlive its beginning.
    """
    limits = [*prune, *[prune[-1] if prune else 0] * order][:order]
    if limits != sorted(limits):
        raise ValueError(f"pruning must not fall from one order to the next, got {', '.join(map(str, limits))}")
    words, tokens, sentence = _number_words(sentences, fewest)
    orders = _count_orders(tokens, sentence, len(words), order)
    levels = _smooth(orders, len(words))
    return assemble(words, _prune(orders, levels, limits))


def _number_words(sentences: Iterable[Sequence[str]], fewest: int) -> tuple[list[str], Ints, Ints]:
    """Returns the vocabulary, the text as numbers with its sentences' bounds, and each place's sentence."""
    known: dict[str, int] = {word: number for number, word in enumerate(SPECIAL)}
    text: list[int] = []
    lengths: list[int] = []
    for sentence in sentences:
        text.append(BOS)
        text.extend([known.setdefault(word, len(known)) for word in sentence])
        text.append(EOS)
        lengths.append(len(sentence) + 2)
    if len(known) == len(SPECIAL):
        raise TextError("no words to build a model of")
    tokens = np.asarray(text, dtype=np.int64)
    words = list(known)
    kept = np.bincount(tokens, minlength=len(words)) >= fewest
    kept[: len(SPECIAL)] = True
    names = [*SPECIAL, *sorted(words[number] for number in np.flatnonzero(kept)[len(SPECIAL) :])]
    place = {word: number for number, word in enumerate(names)}
    renumbered = np.asarray([place.get(word, UNKNOWN) for word in words], dtype=np.int64)
    return names, renumbered[tokens], np.repeat(np.arange(len(lengths)), lengths)


def _count_orders(tokens: Ints, sentence: Ints, vocabulary: int, order: int) -> list[_Counted]:
    first = _Counted(
        parent=np.zeros(vocabulary, dtype=np.int64),
        suffix=np.zeros(vocabulary, dtype=np.int64),
        word=np.arange(vocabulary),
        count=np.bincount(tokens, minlength=vocabulary),
        begins=np.arange(vocabulary) == BOS,
    )
    orders, places, starts = [first], tokens, np.arange(len(tokens))
    for length in range(2, order + 1):
        starts = starts[starts + length <= len(tokens)]
        starts = starts[sentence[starts] == sentence[starts + length - 1]]
        if not len(starts):
            break
        keys = places[starts] * vocabulary + tokens[starts + length - 1]
        unique, number, count = np.unique(keys, return_inverse=True, return_counts=True)
        suffix = np.empty(len(unique), dtype=np.int64)
        suffix[number] = places[starts + 1]
        parent = unique // vocabulary
        orders.append(_Counted(parent, suffix, unique % vocabulary, count, orders[-1].begins[parent]))
        places = np.full(len(tokens), -1)
        places[starts] = number
    return orders


def _smooth(orders: Sequence[_Counted], vocabulary: int) -> list[tuple[Floats, Floats]]:
    """Returns each order's probabilities, and the weight that each n-gram as a context leaves to the order below."""
    smoothed: list[tuple[Floats, Floats]] = []
    lower = np.full(1, 1 / (vocabulary - 1))  # uniform over all words but the beginning of a sentence
    for number, counted in enumerate(orders):
        adjusted = _adjust(counted, orders[number + 1] if number + 1 < len(orders) else None)
        if number == 0:
            adjusted[BOS] = 0
        discount = _discount(adjusted)
        contexts = len(orders[number - 1].word) if number else 1
        total = np.bincount(counted.parent, adjusted, contexts)
        left = np.bincount(counted.parent, discount, contexts)
        weight = np.divide(left, total, out=np.ones(contexts), where=total > 0)
        own = np.divide(adjusted - discount, total[counted.parent], out=np.zeros(len(adjusted)), where=adjusted > 0)
        probability = own + weight[counted.parent] * lower[counted.suffix]
        if number == 0:
            probability[BOS] = 1.0  # never asked for
        else:
            smoothed[-1] = (smoothed[-1][0], weight)
        smoothed.append((probability, np.ones(len(probability))))
        lower = probability
    return smoothed


def _adjust(counted: _Counted, higher: _Counted | None) -> Floats:
    """Returns in how many different words' wake each n-gram stands; its plain count where nothing can precede it."""
    if higher is None:
        return counted.count.astype(np.float64)
    continuations = np.bincount(higher.suffix, minlength=len(counted.word))
    return np.where(counted.begins, counted.count, continuations).astype(np.float64)


def _discount(adjusted: Floats) -> Floats:
    """Returns what is taken from each count: D(1), D(2), D(3 and more), by Chen and Goodman's equation 26."""
    ones, twos, threes, fours = (int((adjusted == count).sum()) for count in (1, 2, 3, 4))
    steps: tuple[float, ...] = _FALLBACK
    if min(ones, twos, threes, fours) > 0:
        share = ones / (ones + 2 * twos)
        estimated = (1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes)
        if all(0 <= step <= count for count, step in enumerate(estimated, 1)):
            steps = estimated
    taken: Floats = np.asarray([0.0, *steps])[np.minimum(adjusted, 3).astype(int)]
    return taken


def _prune(orders: Sequence[_Counted], smoothed: Sequence[tuple[Floats, Floats]], limits: Sequence[int]) -> list[Level]:
    """Returns the n-grams that are kept; what a context loses goes to the weight of the order below it."""
    levels: list[Level] = []
    places = np.arange(1)
    for number, counted in enumerate(orders):
        probability, weight = smoothed[number]
        kept = counted.count > limits[number] if number else np.ones(len(counted.word), dtype=bool)
        if number:
            levels[-1] = _reweigh(levels[-1], orders[number], smoothed, number, kept, places)
        if not kept.any():
            break
        renumbered = np.where(kept, np.cumsum(kept) - 1, -1)
        levels.append(
            Level(
                parent=places[counted.parent[kept]],
                suffix=places[counted.suffix[kept]],
                word=counted.word[kept],
                log_prob=np.log(probability[kept]),
                backoff=np.log(weight[kept]),
            )
        )
        places = renumbered
    return levels


def _reweigh(
    level: Level,
    counted: _Counted,
    smoothed: Sequence[tuple[Floats, Floats]],
    number: int,
    kept: NDArray[np.bool_],
    places: Ints,
) -> Level:
    """Returns a level whose contexts give what their kept continuations do not take, so that all sums stay one."""
    if kept.all():
        return level
    contexts = len(smoothed[number - 1][0])
    taken = np.bincount(counted.parent[kept], smoothed[number][0][kept], contexts)
    below = np.bincount(counted.parent[kept], smoothed[number - 1][0][counted.suffix[kept]], contexts)
    weight = np.divide(1 - taken, 1 - below, out=np.ones(contexts), where=(1 - below > 1e-9) & (taken > 0))
    backoff = np.log(np.maximum(weight, 1e-12))[places >= 0]
    return Level(level.parent, level.suffix, level.word, level.log_prob, backoff)
