"""What a search makes of words: what finished ones have earned or cost, and what the next may be expected to.

Where words are spelled by their phones, several may be spelled alike; a prefix then has twins, one a word.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled_within, wide
from speechrnn.transcribe.lexicon import NOWHERE, Lexicon, spell
from speechrnn.transcribe.lm.ngrams import EOS, UNKNOWN, Trie, look_up

NONE = -1

PREFIX = np.dtype(
    [
        ("parent", np.int32),  # without the last letter
        ("token", np.int32),  # the last letter; negative where the vocabulary forbids it
        ("child", np.int32),  # the latest one with one letter more, or -1
        ("sibling", np.int32),  # the next older child of the same parent, or -1
        ("twin", np.int32),  # the same with another word that sounds alike as its last, or -1
        ("word", np.int32),  # the vocabulary's entry of the word that ends here, or would if all ended here, or -1
        ("spelled", np.int32),  # the vocabulary's node of the unfinished word
        ("wanted", np.int32),  # the favoured words' node
        ("context", np.int32),  # the language model's context of the finished words
        ("slot", np.int32),  # the place among the candidates of this frame, or -1
        ("settled", np.float64),  # what finished words have earned or cost
        ("outlook", np.float64),  # what the unfinished word is expected to
    ]
)
"""A node of the tree of prefixes; node 0 is the empty one. One array of records: numba counts references by array."""

Prefixes = NDArray[Any]


class Weights(NamedTuple):
    """What a search weighs.

    Attributes:
        beam: Prefixes that are kept at each frame.
        cut: Prefixes that are so much less probable than the best, in nats, are dropped.
        slack: How much a prefix may gain by what is known of its next letter, in nats, as far as anybody waits for it.
        lm: Factor of the language model's log-probability; 0 for none.
        word: Added for each word.
        unknown: Added for each word that is not in the vocabulary.
        closed: Whether there are no words beyond the vocabulary.
        space: The class of the space; -1 where the alphabet has none.
        start: The language model's context at the beginning.
    """

    beam: int
    cut: float
    slack: float
    lm: float
    word: float
    unknown: float
    closed: bool
    space: int
    start: int


class Knowledge(NamedTuple):
    """What a search knows of words.

    Attributes:
        lm: The language model.
        words: The vocabulary; an entry is a number in `numbers`.
        numbers: (entries,) each entry's number in the language model.
        favoured: Favoured words and phrases; `best` is what has been earned of a boost at each node.
        wanted: (entries,) whether each is one of those words, which others may sound like.
    """

    lm: Trie
    words: Lexicon
    numbers: NDArray[np.int32]
    favoured: Lexicon
    wanted: NDArray[np.bool_]


@compiled_within
def attach(tree: Prefixes, node: int, new: int, token: int) -> None:
    """Fills in where a prefix of one letter more than another stands in the tree."""
    tree[new].parent, tree[new].token, tree[new].slot = node, token, NONE
    tree[new].child, tree[new].sibling = NONE, tree[node].child
    tree[new].twin, tree[new].word = NONE, NONE


@compiled_within
def spell_on(weights: Weights, known: Knowledge, tree: Prefixes, node: int, new: int) -> bool:
    """Fills in a prefix whose unfinished word is one letter longer; returns whether the vocabulary allows it."""
    token = wide(tree[new].token)
    spelled = spell(known.words, wide(tree[node].spelled), token)
    if weights.closed and spelled == NOWHERE:
        return False
    wanted = spell(known.favoured, wide(tree[node].wanted), token)
    tree[new].spelled, tree[new].wanted = spelled, wanted
    tree[new].context, tree[new].settled = tree[node].context, tree[node].settled
    earned = known.favoured.best[wanted] if wanted != NOWHERE else 0.0
    if spelled != NOWHERE:
        expected = weights.lm * known.words.best[spelled]
    else:
        expected = weights.lm * known.lm.log_prob[1 + UNKNOWN]
        if wanted == NOWHERE:  # a favoured word need not be known
            expected += weights.unknown
    tree[new].outlook = earned + expected
    return True


@compiled_within
def end_word(weights: Weights, known: Knowledge, tree: Prefixes, node: int, new: int) -> int:
    """Fills in a prefix whose last word is finished, and twins for words that sound alike; returns the next place."""
    if not _is_within_word(tree, weights, node):  # a space after a space, or at the beginning
        tree[new].spelled, tree[new].wanted, tree[new].context = 0, 0, tree[node].context
        tree[new].settled, tree[new].outlook = tree[node].settled, 0.0
        if weights.closed:
            tree[new].token = -weights.space
        return new + 1
    entry = _find_entry(known, tree, node)
    if weights.closed and entry == NONE:
        tree[new].token = -weights.space
        return new + 1
    _settle_word(weights, known, tree, node, new, entry)
    while entry != NONE and known.words.next_alike[entry] != NONE:
        entry = wide(known.words.next_alike[entry])
        attach(tree, node, new + 1, weights.space)
        _settle_word(weights, known, tree, node, new + 1, entry)
        tree[new].twin = new + 1
        new += 1
    return new + 1


@compiled_within
def _settle_word(weights: Weights, known: Knowledge, tree: Prefixes, node: int, new: int, entry: int) -> None:
    cost, context = _weigh_word(weights, known, tree, node, entry)
    further = spell(known.favoured, _follow_wanted(known, tree, node, entry), weights.space)
    tree[new].word, tree[new].spelled, tree[new].context = entry, 0, context
    tree[new].settled = tree[node].settled + cost
    tree[new].wanted = further if further != NOWHERE else 0
    tree[new].outlook = known.favoured.best[further] if further != NOWHERE else 0.0


@compiled_within
def _find_entry(known: Knowledge, tree: Prefixes, node: int) -> int:
    """Returns the first entry of the vocabulary that a prefix ends with, or -1."""
    spelled = tree[node].spelled
    return known.words.entry[spelled] if spelled != NOWHERE else NONE


@compiled_within
def _is_within_word(tree: Prefixes, weights: Weights, node: int) -> bool:
    return node != 0 and tree[node].token != weights.space


@compiled_within
def _follow_wanted(known: Knowledge, tree: Prefixes, node: int, entry: int) -> int:
    """Returns the favoured words' node at the end of a word; -1 if it is but a word that sounds alike."""
    return tree[node].wanted if entry == NONE or known.wanted[entry] else NOWHERE


@compiled_within
def _weigh_word(weights: Weights, known: Knowledge, tree: Prefixes, node: int, entry: int) -> tuple[float, int]:
    """Returns what the word at the end of a prefix earns or costs, and the language model's context after it."""
    wanted = _follow_wanted(known, tree, node, entry)
    cost = weights.word
    if wanted != NOWHERE and known.favoured.entry[wanted] != NONE:
        cost += known.favoured.best[wanted]
    elif entry == NONE:
        cost += weights.unknown
    if weights.lm == 0.0:
        return cost, 0
    number = known.numbers[entry] if entry != NONE else UNKNOWN
    score, context = look_up(known.lm, wide(tree[node].context), wide(number))
    return cost + weights.lm * score, context


@compiled_within
def finish(weights: Weights, known: Knowledge, tree: Prefixes, node: int) -> float:
    """Returns what a prefix as a whole sentence earns or costs besides its probability; its last word is settled."""
    settled: float = tree[node].settled
    if not _is_within_word(tree, weights, node):
        return settled + _end_sentence(weights, known, wide(tree[node].context))
    entry = _find_entry(known, tree, node)
    if weights.closed and entry == NONE:
        return -np.inf
    cost, context = _weigh_word(weights, known, tree, node, entry)
    best = cost + _end_sentence(weights, known, context)
    tree[node].word = entry
    while entry != NONE and known.words.next_alike[entry] != NONE:
        entry = wide(known.words.next_alike[entry])
        cost, context = _weigh_word(weights, known, tree, node, entry)
        cost += _end_sentence(weights, known, context)
        if cost > best:
            best, tree[node].word = cost, entry
    return settled + best


@compiled_within
def _end_sentence(weights: Weights, known: Knowledge, context: int) -> float:
    return weights.lm * look_up(known.lm, context, wide(EOS))[0] if weights.lm != 0.0 else 0.0
