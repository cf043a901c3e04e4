"""Prefix beam search over CTC's output, with a language model, a vocabulary and favoured words; compiled.

A prefix is what has been written so far, whatever the path; its probability is the sum over the paths that collapse to
it, kept apart by whether they end in a blank. Prefixes form a tree, and each one knows what the language model and the
vocabulary make of it, which is computed once, when it is first written.

References:
    Hannun, Maas, Jurafsky and Ng, First-pass large vocabulary continuous speech recognition using bi-directional
    recurrent DNNs, 2014 (algorithm 1).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.text import BLANK
from speechrnn.transcribe.lexicon import NOWHERE, Lexicon, spell
from speechrnn.transcribe.lm.ngrams import EOS, UNKNOWN, Trie, look_up

_NONE = -1
_INFINITY = np.inf

PREFIX = np.dtype(
    [
        ("parent", np.int32),  # without the last letter
        ("token", np.int32),  # the last letter; negative where the vocabulary forbids it
        ("child", np.int32),  # the latest one with one letter more, or -1
        ("sibling", np.int32),  # the next older child of the same parent, or -1
        ("twin", np.int32),  # the same with another word that sounds alike as its last, or -1
        ("word", np.int32),  # the vocabulary's entry of the word that ends here, or -1
        ("spelled", np.int32),  # the vocabulary's node of the unfinished word
        ("wanted", np.int32),  # the favoured words' node
        ("context", np.int32),  # the language model's context of the finished words
        ("slot", np.int32),  # the place among the candidates of this frame, or -1
        ("settled", np.float64),  # what finished words have earned or cost
        ("outlook", np.float64),  # what the unfinished word is expected to
    ]
)
"""A node of the tree of prefixes; node 0 is the empty one. One array of records: numba counts references by array."""

CANDIDATE = np.dtype([("node", np.int64), ("blank", np.float64), ("label", np.float64), ("score", np.float64)])
"""A prefix and the log-probability of its paths that end in a blank, and in its last letter."""

Prefixes = NDArray[Any]
Candidates = NDArray[Any]


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


@compiled
def search(log_probs: NDArray[np.float32], weights: Weights, known: Knowledge) -> tuple[Prefixes, Candidates]:
    """Returns the tree of prefixes, and the best ones in it as whole texts, best first.

    Args:
        log_probs: (frames, classes), natural log.
        weights: How much what counts.
        known: Language model and vocabulary.
    """
    classes = log_probs.shape[1]
    tree = np.empty(1 << 12, dtype=PREFIX)
    _plant(tree[0], weights)
    count = 1
    beam = np.empty(1, dtype=CANDIDATE)
    beam[0].node, beam[0].blank, beam[0].label, beam[0].score = 0, 0.0, -_INFINITY, 0.0
    most = classes + known.words.most_alike
    found = np.empty(weights.beam * most, dtype=CANDIDATE)
    for frame in range(len(log_probs)):
        while count + len(beam) * most > len(tree):
            larger = np.empty(2 * len(tree), dtype=PREFIX)
            larger[: len(tree)] = tree
            tree = larger
        count, opened = _advance(log_probs[frame], weights, known, tree, count, beam, found)
        beam = _select(weights, tree, found[:opened])
    for place in range(len(beam)):
        total = _add(beam[place].blank, beam[place].label)
        beam[place].score = total + _finish(weights, known, tree, beam[place].node)
    return tree, beam[np.argsort(-beam["score"])]


@compiled
def _advance(
    frame: NDArray[np.float32],
    weights: Weights,
    known: Knowledge,
    tree: Prefixes,
    count: int,
    beam: Candidates,
    found: Candidates,
) -> tuple[int, int]:
    """Fills `found` with what the beam may become at a frame; returns the prefixes in the tree and those found."""
    floor = beam["score"].max() + frame.max() - weights.cut
    if len(beam) == weights.beam:  # as many as are kept reach this by a blank alone
        floor = max(floor, beam["score"].min() + frame[BLANK] - weights.slack)
    opened = 0
    children = np.empty(len(frame), dtype=np.int32)
    for place in range(len(beam)):
        node, blank, label = beam[place].node, beam[place].blank, beam[place].label
        total = _add(blank, label)
        value, last = beam[place].score - total, tree[node].token
        _list_children(tree, node, children)
        here, opened = _open(tree, node, found, opened)
        found[here].blank = _add(found[here].blank, total + frame[BLANK])
        if last != BLANK:
            found[here].label = _add(found[here].label, label + frame[last])
        for token in range(1, len(frame)):
            # The same letter twice needs a blank in between; without one, it is the same letter going on.
            gain = frame[token] + (blank if token == last else total)
            if gain + value < floor or gain == -_INFINITY:
                continue
            child = children[token]
            if child == _NONE:
                child, count = count, _write(weights, known, tree, node, count, token)
            while child != _NONE:
                if tree[child].token > 0:
                    there, opened = _open(tree, child, found, opened)
                    found[there].label = _add(found[there].label, gain)
                child = tree[child].twin
    return count, opened


@compiled
def _open(tree: Prefixes, node: int, found: Candidates, opened: int) -> tuple[int, int]:
    """Returns the place of a prefix among the candidates, where it is put if it was not there, and their number."""
    place: int = tree[node].slot
    if place != _NONE:
        return place, opened
    tree[node].slot = opened
    found[opened].node, found[opened].blank, found[opened].label = node, -_INFINITY, -_INFINITY
    return opened, opened + 1


@compiled
def _select(weights: Weights, tree: Prefixes, found: Candidates) -> Candidates:
    """Returns the best candidates, and makes the tree ready for the next frame."""
    best = -_INFINITY
    for place in range(len(found)):
        node = found[place].node
        tree[node].slot = _NONE
        total = _add(found[place].blank, found[place].label)
        found[place].score = total + tree[node].settled + tree[node].outlook
        best = max(best, found[place].score)
    scores = found["score"]
    kept = np.nonzero(scores >= best - weights.cut)[0]
    if len(kept) > weights.beam:
        least = np.partition(scores[kept], len(kept) - weights.beam)[len(kept) - weights.beam]
        better, equal = kept[scores[kept] > least], kept[scores[kept] == least]
        kept = np.concatenate((better, equal[: weights.beam - len(better)]))
    return found[kept]


@compiled
def _list_children(tree: Prefixes, node: int, children: NDArray[np.int32]) -> None:
    """Fills in, for each letter, the prefix with that letter more, allowed or not; -1 if it was never written."""
    children[:] = _NONE
    child: int = tree[node].child
    while child != _NONE:
        children[abs(tree[child].token)] = child
        child = tree[child].sibling


@compiled
def _add(left: float, right: float) -> float:
    """Returns the logarithm of a sum of probabilities, of which mostly one is zero."""
    more, less = max(left, right), min(left, right)
    return more if less == -_INFINITY else more + np.log1p(np.exp(less - more))


@compiled
def _write(weights: Weights, known: Knowledge, tree: Prefixes, node: int, new: int, token: int) -> int:
    """Adds the prefix with one more letter to the tree, for each word that it may end; returns the next free place."""
    _attach(tree, node, new, token)
    tree[node].child = new
    if token == weights.space:
        return _end_word(weights, known, tree, node, new)
    if not _spell_on(weights, known, tree, node, new):
        tree[new].token = -token
    return new + 1


@compiled
def _attach(tree: Prefixes, node: int, new: int, token: int) -> None:
    tree[new].parent, tree[new].token, tree[new].slot = node, token, _NONE
    tree[new].child, tree[new].sibling = _NONE, tree[node].child
    tree[new].twin, tree[new].word = _NONE, _NONE


@compiled
def _spell_on(weights: Weights, known: Knowledge, tree: Prefixes, node: int, new: int) -> bool:
    """Fills in a prefix whose unfinished word is one letter longer; returns whether the vocabulary allows it."""
    token = tree[new].token
    spelled = spell(known.words, tree[node].spelled, token)
    if weights.closed and spelled == NOWHERE:
        return False
    wanted = spell(known.favoured, tree[node].wanted, token)
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


@compiled
def _end_word(weights: Weights, known: Knowledge, tree: Prefixes, node: int, new: int) -> int:
    """Fills in a prefix whose last word is finished, and twins for words that sound alike; returns the next place."""
    if not _is_within_word(tree, weights, node):  # a space after a space, or at the beginning
        tree[new].spelled, tree[new].wanted, tree[new].context = 0, 0, tree[node].context
        tree[new].settled, tree[new].outlook = tree[node].settled, 0.0
        if weights.closed:
            tree[new].token = -weights.space
        return new + 1
    entry = _find_entry(known, tree, node)
    if weights.closed and entry == _NONE:
        tree[new].token = -weights.space
        return new + 1
    _settle_word(weights, known, tree, node, new, entry)
    while entry != _NONE and known.words.next_alike[entry] != _NONE:
        entry = known.words.next_alike[entry]
        _attach(tree, node, new + 1, weights.space)
        _settle_word(weights, known, tree, node, new + 1, entry)
        tree[new].twin = new + 1
        new += 1
    return new + 1


@compiled
def _settle_word(weights: Weights, known: Knowledge, tree: Prefixes, node: int, new: int, entry: int) -> None:
    cost, context = _weigh_word(weights, known, tree, node, entry)
    further = spell(known.favoured, _follow_wanted(known, tree, node, entry), weights.space)
    tree[new].word, tree[new].spelled, tree[new].context = entry, 0, context
    tree[new].settled = tree[node].settled + cost
    tree[new].wanted = further if further != NOWHERE else 0
    tree[new].outlook = known.favoured.best[further] if further != NOWHERE else 0.0


@compiled
def _find_entry(known: Knowledge, tree: Prefixes, node: int) -> int:
    """Returns the first entry of the vocabulary that a prefix ends with, or -1."""
    spelled = tree[node].spelled
    return known.words.entry[spelled] if spelled != NOWHERE else _NONE


@compiled
def _is_within_word(tree: Prefixes, weights: Weights, node: int) -> bool:
    return node != 0 and tree[node].token != weights.space


@compiled
def _follow_wanted(known: Knowledge, tree: Prefixes, node: int, entry: int) -> int:
    """Returns the favoured words' node at the end of a word; -1 if it is but a word that sounds alike."""
    return tree[node].wanted if entry == _NONE or known.wanted[entry] else NOWHERE


@compiled
def _weigh_word(weights: Weights, known: Knowledge, tree: Prefixes, node: int, entry: int) -> tuple[float, int]:
    """Returns what the word at the end of a prefix earns or costs, and the language model's context after it."""
    wanted = _follow_wanted(known, tree, node, entry)
    cost = weights.word
    if wanted != NOWHERE and known.favoured.entry[wanted] != _NONE:
        cost += known.favoured.best[wanted]
    elif entry == _NONE:
        cost += weights.unknown
    if weights.lm == 0.0:
        return cost, 0
    number = known.numbers[entry] if entry != _NONE else UNKNOWN
    score, context = look_up(known.lm, tree[node].context, number)
    return cost + weights.lm * score, context


@compiled
def _finish(weights: Weights, known: Knowledge, tree: Prefixes, node: int) -> float:
    """Returns what a prefix as a whole sentence earns or costs besides its probability; its last word is settled."""
    settled: float = tree[node].settled
    if not _is_within_word(tree, weights, node):
        return settled + _end_sentence(weights, known, tree[node].context)
    entry = _find_entry(known, tree, node)
    if weights.closed and entry == _NONE:
        return -_INFINITY
    cost, context = _weigh_word(weights, known, tree, node, entry)
    best = cost + _end_sentence(weights, known, context)
    tree[node].word = entry
    while entry != _NONE and known.words.next_alike[entry] != _NONE:
        entry = known.words.next_alike[entry]
        cost, context = _weigh_word(weights, known, tree, node, entry)
        cost += _end_sentence(weights, known, context)
        if cost > best:
            best, tree[node].word = cost, entry
    return settled + best


@compiled
def _end_sentence(weights: Weights, known: Knowledge, context: int) -> float:
    return weights.lm * look_up(known.lm, context, EOS)[0] if weights.lm != 0.0 else 0.0


@compiled
def _plant(root: Any, weights: Weights) -> None:
    """Fills in the empty prefix."""
    root.parent, root.token, root.child, root.sibling, root.slot = _NONE, BLANK, _NONE, _NONE, _NONE
    root.twin, root.word = _NONE, _NONE
    root.spelled, root.wanted, root.context = 0, 0, weights.start
    root.settled, root.outlook = 0.0, 0.0
