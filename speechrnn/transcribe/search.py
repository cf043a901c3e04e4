"""Prefix beam search over CTC's output, with a language model, a vocabulary and favoured words; compiled.

A prefix is what has been written so far, whatever the path; its probability is the sum over the paths that collapse to
it, kept apart by whether they end in a blank. Prefixes form a tree, and each one knows what the language model and the
vocabulary make of it, which is computed once, when it is first written.

References:
    Hannun, Maas, Jurafsky and Ng, First-pass large vocabulary continuous speech recognition using bi-directional
    recurrent DNNs, 2014 (algorithm 1).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled, compiled_within, wide
from speechrnn.text import BLANK
from speechrnn.transcribe.weighing import (
    NONE,
    PREFIX,
    Knowledge,
    Prefixes,
    Weights,
    attach,
    end_word,
    finish,
    spell_on,
)

_INFINITY = np.inf

CANDIDATE = np.dtype([("node", np.int64), ("blank", np.float64), ("label", np.float64), ("score", np.float64)])
"""A prefix and the log-probability of its paths that end in a blank, and in its last letter."""

Candidates = NDArray[Any]


@compiled
def search(log_probs: NDArray[np.float32], weights: Weights, known: Knowledge) -> tuple[Prefixes, Candidates]:
    """Returns the tree of prefixes, and the best ones in it as whole texts, in any order.

    Args:
        log_probs: (frames, classes), natural log.
        weights: How much what counts.
        known: Language model and vocabulary.
    """
    classes = log_probs.shape[1]
    tree = np.empty(1 << 12, dtype=PREFIX)
    _plant(tree[0], weights)
    count = wide(1)
    beam = np.empty(1, dtype=CANDIDATE)
    beam[0].node, beam[0].blank, beam[0].label, beam[0].score = 0, 0.0, -_INFINITY, 0.0
    most = classes + known.words.most_alike
    found = np.empty(weights.beam * most, dtype=CANDIDATE)
    for frame in range(len(log_probs)):
        while count + len(beam) * most > len(tree):
            larger = np.empty(2 * len(tree), dtype=PREFIX)
            for node in range(len(tree)):  # a slice's assignment takes longer to compile than the loop
                larger[node] = tree[node]
            tree = larger
        count, opened = _advance(log_probs[frame], weights, known, tree, count, beam, found)
        beam = _select(weights, tree, found[:opened])
    for place in range(len(beam)):
        total = _add(beam[place].blank, beam[place].label)
        beam[place].score = total + finish(weights, known, tree, beam[place].node)
    return tree, beam


@compiled_within
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
    best, worst, likeliest = -_INFINITY, _INFINITY, -_INFINITY
    for place in range(len(beam)):
        best, worst = max(best, beam[place].score), min(worst, beam[place].score)
    for token in range(len(frame)):
        likeliest = max(likeliest, frame[token])
    floor = best + likeliest - weights.cut
    if len(beam) == weights.beam:  # as many as are kept reach this by a blank alone
        floor = max(floor, worst + frame[BLANK] - weights.slack)
    opened = wide(0)
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
            if child == NONE:
                child, count = count, _write(weights, known, tree, node, count, token)
            while child != NONE:
                if tree[child].token > 0:
                    there, opened = _open(tree, child, found, opened)
                    found[there].label = _add(found[there].label, gain)
                child = tree[child].twin
    return count, opened


@compiled_within
def _open(tree: Prefixes, node: int, found: Candidates, opened: int) -> tuple[int, int]:
    """Returns the place of a prefix among the candidates, where it is put if it was not there, and their number."""
    place: int = tree[node].slot
    if place != NONE:
        return place, opened
    tree[node].slot = opened
    found[opened].node, found[opened].blank, found[opened].label = node, -_INFINITY, -_INFINITY
    return opened, opened + 1


@compiled_within
def _select(weights: Weights, tree: Prefixes, found: Candidates) -> Candidates:
    """Returns the best candidates, and makes the tree ready for the next frame."""
    scores, best = np.empty(len(found)), -_INFINITY
    for place in range(len(found)):
        node = found[place].node
        tree[node].slot = NONE
        total = _add(found[place].blank, found[place].label)
        scores[place] = found[place].score = total + tree[node].settled + tree[node].outlook
        best = max(best, scores[place])
    least, enough = best - weights.cut, 0
    for score in scores:
        if score >= least:
            enough += 1
    if enough > weights.beam:
        least, enough = _find_highest(scores, weights.beam), weights.beam
    kept, size = np.empty(enough, dtype=CANDIDATE), 0
    for place in range(len(found)):
        if found[place].score > least:
            kept[size] = found[place]
            size += 1
    for place in range(len(found)):
        if found[place].score == least and size < enough:
            kept[size] = found[place]
            size += 1
    return kept


@compiled_within
def _find_highest(values: NDArray[np.float64], count: int) -> float:
    """Returns the lowest of the `count` highest values, whose order it changes (Hoare's quickselect).

    numpy's partition would take longer to compile, and more to load, than all the rest of the search.
    """
    low, high = 0, len(values) - 1
    while low < high:
        pivot, left, right = values[(low + high) // 2], low, high
        while left <= right:
            while values[left] > pivot:
                left += 1
            while values[right] < pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left, right = left + 1, right - 1
        if right < count - 1 < left:
            break
        low, high = (low, right) if count - 1 <= right else (left, high)
    return float(values[count - 1])


@compiled_within
def _list_children(tree: Prefixes, node: int, children: NDArray[np.int32]) -> None:
    """Fills in, for each letter, the prefix with that letter more, allowed or not; -1 if it was never written."""
    children[:] = NONE
    child: int = tree[node].child
    while child != NONE:
        children[abs(tree[child].token)] = child
        child = tree[child].sibling


@compiled_within
def _add(left: float, right: float) -> float:
    """Returns the logarithm of a sum of probabilities, of which mostly one is zero."""
    more, less = max(left, right), min(left, right)
    return more if less == -_INFINITY else more + np.log1p(np.exp(less - more))


@compiled_within
def _write(weights: Weights, known: Knowledge, tree: Prefixes, node: int, new: int, token: int) -> int:
    """Adds the prefix with one more letter to the tree, for each word that it may end; returns the next free place."""
    attach(tree, node, new, token)
    tree[node].child = new
    if token == weights.space:
        return end_word(weights, known, tree, node, new)
    if not spell_on(weights, known, tree, node, new):
        tree[new].token = -token
    return new + 1


@compiled_within
def _plant(root: Any, weights: Weights) -> None:
    """Fills in the empty prefix."""
    root.parent, root.token, root.child, root.sibling, root.slot = NONE, BLANK, NONE, NONE, NONE
    root.twin, root.word = NONE, NONE
    root.spelled, root.wanted, root.context = 0, 0, weights.start
    root.settled, root.outlook = 0.0, 0.0
