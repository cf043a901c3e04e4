"""A vocabulary as a trie over a model's letters, in flat arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.text import Alphabet

NOWHERE = -1
"""No node of the trie: what was spelled so far begins no word of it."""


class Lexicon(NamedTuple):
    """The words below each node; node 0 is their common beginning.

    Attributes:
        first_child: (nodes + 1,), the children of node k are first_child[k] to first_child[k + 1].
        token: (nodes,) the class of the letter that leads to a node.
        entry: (nodes,) the number of the word that ends here, or -1.
        best: (nodes,) the highest value of the words that go on from here.
    """

    first_child: NDArray[np.int32]
    token: NDArray[np.int32]
    entry: NDArray[np.int32]
    best: NDArray[np.float32]


def build_lexicon(words: Sequence[str], values: Sequence[float], alphabet: Alphabet) -> Lexicon:
    """Returns the trie of those words that an alphabet can spell.

    Args:
        words: In any order; an entry is a word's place among them.
        values: One each, natural logarithms; `best` is their greatest below a node.
        alphabet: The model's.
    """
    known = set(alphabet.symbols)
    writable = [(word, number) for number, word in enumerate(words) if word and set(word) <= known]
    spelled = sorted((alphabet.encode(word), number) for word, number in writable)
    firsts, tokens, entries, bests = [1], [0], [-1], [-np.inf]
    waiting = [(0, len(spelled), 0)]
    for low, high, depth in waiting:  # breadth first: `waiting` grows as its nodes are opened
        node = len(firsts) - 1
        while low < high and len(spelled[low][0]) == depth:
            entries[node] = spelled[low][1]
            low += 1
        while low < high:
            letter, end = spelled[low][0][depth], low
            while end < high and spelled[end][0][depth] == letter:
                end += 1
            waiting.append((low, end, depth + 1))
            tokens.append(letter)
            entries.append(-1)
            bests.append(max(values[number] for _, number in spelled[low:end]))
            low = end
        firsts.append(len(tokens))
    bests[0] = max((values[number] for _, number in spelled), default=-np.inf)
    return Lexicon(
        np.asarray(firsts, dtype=np.int32),
        np.asarray(tokens, dtype=np.int32),
        np.asarray(entries, dtype=np.int32),
        np.asarray(bests, dtype=np.float32),
    )


@compiled
def spell(lexicon: Lexicon, node: int, token: int) -> int:
    """Returns the node that a letter leads to, or -1."""
    if node == NOWHERE:
        return NOWHERE
    for child in range(lexicon.first_child[node], lexicon.first_child[node + 1]):
        if lexicon.token[child] == token:
            return child
    return NOWHERE
