"""A vocabulary as a trie over a model's letters, in flat arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speechrnn.compiled import compiled_within
from speechrnn.text import BLANK, Alphabet

NOWHERE = -1
"""No node of the trie: what was spelled so far begins no word of it."""


class Lexicon(NamedTuple):
    """The words below each node; node 0 is their common beginning.

    Attributes:
        first_child: (nodes + 1,), the children of node k are first_child[k] to first_child[k + 1].
        token: (nodes,) the class of the letter that leads to a node.
        entry: (nodes,) the number of the word that ends here, or -1.
        best: (nodes,) the highest value of the words that go on from here.
        next_alike: (words,) of each word, the next one that is spelled alike, or -1.
        most_alike: How many words are spelled alike, at most.
    """

    first_child: NDArray[np.int32]
    token: NDArray[np.int32]
    entry: NDArray[np.int32]
    best: NDArray[np.float32]
    next_alike: NDArray[np.int32]
    most_alike: int


def build_lexicon(words: Sequence[str], values: ArrayLike, alphabet: Alphabet) -> Lexicon:
    """Returns the trie of those words that an alphabet can spell.

    Args:
        words: As they are spelled, in any order; an entry is a word's place among them.
        values: One each, natural logarithms; `best` is their greatest below a node.
        alphabet: The model's.
    """
    rows, lengths, places = _sort_words(words, alphabet)
    if not len(places):
        alone = np.zeros(1, dtype=np.int32)
        none_alike = np.full(len(words), -1, np.int32)
        return Lexicon(np.ones(2, np.int32), alone, alone - 1, np.full(1, -np.inf, np.float32), none_alike, 1)
    depths = np.arange(1, len(rows) + 1)[:, None]
    alike = np.logical_and.accumulate(rows[:, 1:] == rows[:, :-1])
    fresh = depths <= lengths  # where a word adds a node to those of the words before it
    fresh[:, 1:] &= ~alike
    nodes = np.cumsum(fresh).reshape(fresh.shape)  # breadth first, and the one that each word passes through
    passed = np.concatenate([np.zeros((1, len(places)), dtype=nodes.dtype), nodes])
    count = int(nodes[-1, -1]) + 1
    children = np.bincount(passed[:-1][fresh], minlength=count)
    entry = np.full(count, -1, dtype=np.int32)
    ends = passed[lengths, np.arange(len(places))]
    entry[ends[::-1]] = places[::-1]  # the first of those that are spelled alike
    next_alike = np.full(len(words), -1, dtype=np.int32)
    same = ends[1:] == ends[:-1]
    next_alike[places[:-1][same]] = places[1:][same]
    best = np.full(count, -np.inf, dtype=np.float32)
    value = np.asarray(values, dtype=np.float32)[places]
    for depth, nodes_passed in enumerate(passed):
        reaching = lengths >= depth
        np.maximum.at(best, nodes_passed[reaching], value[reaching])
    return Lexicon(
        np.concatenate([[1], 1 + np.cumsum(children)]).astype(np.int32),
        np.concatenate([[0], rows[fresh]]).astype(np.int32),
        entry,
        best,
        next_alike,
        int(np.bincount(ends).max()),
    )


def _sort_words(words: Sequence[str], alphabet: Alphabet) -> tuple[NDArray[np.int32], ...]:
    """Returns the words that an alphabet can spell, sorted: their letters (longest, words), lengths and places."""
    known = frozenset(alphabet.symbols)
    writable = [place for place, word in enumerate(words) if word and known.issuperset(word)]
    lengths = np.asarray([len(words[place]) for place in writable], dtype=np.int32)
    letters = np.frombuffer("".join(words[place] for place in writable).encode("utf-32-le"), dtype=np.uint32)
    symbols, where = np.unique(letters, return_inverse=True)
    classes = {ord(symbol): number for number, symbol in enumerate(alphabet.symbols, BLANK + 1)}
    rows = np.full((lengths.max(initial=0), len(writable)), BLANK, dtype=np.int32)
    rows.T[np.arange(len(rows)) < lengths[:, None]] = np.asarray([classes[one] for one in symbols.tolist()])[where]
    order = np.lexsort(rows[::-1]) if writable else np.zeros(0, dtype=np.intp)
    return rows[:, order], lengths[order], np.asarray(writable, dtype=np.int32)[order]


@compiled_within
def spell(lexicon: Lexicon, node: int, token: int) -> int:
    """Returns the node that a letter leads to, or -1."""
    if node == NOWHERE:
        return NOWHERE
    for child in range(lexicon.first_child[node], lexicon.first_child[node + 1]):
        if lexicon.token[child] == token:
            return child
    return NOWHERE
