"""CTC's sum over all paths and its gradient, on a processor: forward and backward variables, in blocks.

In probabilities instead of their logarithms a step is a few multiplications, many at a time. The variables of a few
neighbouring states stay within the range of numbers of each other; each block of them has a level of its own, as far
apart as the blocks may be, where a network hears nothing yet, or something else.

References:
    Graves, Fernández, Gomez and Schmidhuber, Connectionist temporal classification: labelling unsegmented
    sequence data with recurrent neural networks, ICML 2006 (section 4.1).
    Rabiner, A tutorial on hidden Markov models and selected applications in speech recognition, Proceedings of the
    IEEE 1989 (section V.A, scaling).
"""

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled, compiled_within
from speechrnn.text import BLANK

_BLOCK = 16
"""States that share a level: eight labels, and the blanks between."""

_LOWEST = -600.0
"""No class counts as less probable than this, in nats, or float64 would take it for impossible."""


@compiled
def sum_paths(
    log_probs: NDArray[np.float32],
    lengths: NDArray[np.int64],
    targets: NDArray[np.int64],
    target_lengths: NDArray[np.int64],
    losses: NDArray[np.float32],
    gradient: NDArray[np.float32],
) -> None:
    """Fills in the negative log-probability of each utterance's labels, and its gradient.

    A loss is infinite where no path collapses to the labels; its gradient is then zero.

    Args:
        log_probs: (batch, frames, classes), natural log.
        lengths: (batch,), frames.
        targets: (batch, labels).
        target_lengths: (batch,), labels.
        losses: (batch,), to be filled in.
        gradient: As log_probs, zero, to be filled in; of no frames if it is not wanted.
    """
    for one in range(len(log_probs)):
        frames, labels = lengths[one], targets[one, : target_lengths[one]]
        states = np.full(2 * len(labels) + 1, BLANK)  # a blank before each label, and behind the last
        for place in range(len(labels)):  # a slice's assignment takes as long to compile as half of the rest
            states[2 * place + 1] = labels[place]
        leaps = np.zeros(len(states) + 2)  # 1 where a path may leave out the blank before a label
        for state in range(3, len(states), 2):
            leaps[state] = 0.0 if states[state] == states[state - 2] else 1.0
        emitted = np.exp(np.maximum(log_probs[one, :frames].astype(np.float64), _LOWEST))
        ahead, levels = _go_ahead(emitted, states, leaps)
        total = _add_ends(ahead[-1], levels[-1])
        losses[one] = -total
        if gradient.shape[1] and np.isfinite(total):
            _come_back(emitted, states, leaps, ahead, levels - total, gradient[one])


@compiled_within
def _go_ahead(
    emitted: NDArray[np.float64], states: NDArray[np.int64], leaps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the forward variables (frames, states), and the natural log of what each block's are divided by."""
    frames, count = len(emitted), len(states)
    blocks = (count + _BLOCK - 1) // _BLOCK
    ahead, levels = np.zeros((frames, count)), np.full((frames, blocks), -np.inf)
    before, level = np.zeros(count), np.full(blocks, -np.inf)
    before[0], level[0] = 1.0, 0.0  # as if a blank had come before: a path begins with the first blank or label
    reach = np.zeros(_BLOCK + 2)  # what a path may come from: a block, and the last two states of that before
    for frame in range(frames):
        for block in range(blocks):
            first = block * _BLOCK
            size = min(_BLOCK, count - first)
            edge = max(before[first - 2], before[first - 1]) if block > 0 else 0.0
            inflow = level[block - 1] + np.log(edge) if edge != 0.0 else -np.inf
            top = max(level[block], inflow)
            if top == -np.inf:
                continue
            reach[0] = reach[1] = 0.0
            if inflow != -np.inf:
                factor = np.exp(inflow - top)
                reach[0], reach[1] = before[first - 2] / edge * factor, before[first - 1] / edge * factor
            factor = np.exp(level[block] - top)
            for place in range(size):
                reach[place + 2] = before[first + place] * factor
            here, total = ahead[frame, first : first + size], 0.0
            for place in range(size):
                mass = reach[place + 2] + reach[place + 1] + leaps[first + place] * reach[place]
                here[place] = mass * emitted[frame, states[first + place]]
            for place in range(size):
                total += here[place]
            if total != 0.0:  # also where it is not a number
                levels[frame, block] = top + np.log(total)
                for place in range(size):
                    here[place] /= total
        before, level = ahead[frame], levels[frame]
    return ahead, levels


@compiled_within
def _add_ends(variables: NDArray[np.float64], levels: NDArray[np.float64]) -> float:
    """Returns the natural log of all paths that end in the last label or the blank behind it."""
    total = -np.inf
    for state in range(max(0, len(variables) - 2), len(variables)):
        if variables[state] != 0.0:
            total = np.logaddexp(total, np.log(variables[state]) + levels[state // _BLOCK])
    return total


@compiled_within
def _come_back(
    emitted: NDArray[np.float64],
    states: NDArray[np.int64],
    leaps: NDArray[np.float64],
    ahead: NDArray[np.float64],
    levels: NDArray[np.float64],
    gradient: NDArray[np.float32],
) -> None:
    """Fills in minus how probable each class is in each frame, of the paths that collapse to the labels."""
    count, blocks = len(states), levels.shape[1]
    behind, level = np.zeros(count + 2), np.full(blocks + 1, -np.inf)
    behind[max(0, count - 2) : count] = 1.0  # a path ends with the last label or the blank behind it
    level[(max(0, count - 2)) // _BLOCK : blocks] = 0.0
    reach = np.zeros(_BLOCK + 2)  # what a path may go on to: a block, and the first two states of that behind
    for frame in range(len(emitted) - 1, -1, -1):
        for block in range(blocks):
            share = np.exp(min(levels[frame, block] + level[block], -_LOWEST))
            for state in range(block * _BLOCK, min(count, (block + 1) * _BLOCK)):
                gradient[frame, states[state]] -= np.float32(share * ahead[frame, state] * behind[state])
        for state in range(count):
            behind[state] *= emitted[frame, states[state]]
        for block in range(blocks):
            first = block * _BLOCK
            size = min(_BLOCK, count - first)
            edge = max(behind[first + size], behind[first + size + 1])
            inflow = level[block + 1] + np.log(edge) if edge != 0.0 else -np.inf
            top = max(level[block], inflow)
            if top == -np.inf:
                continue
            reach[size] = reach[size + 1] = 0.0
            if inflow != -np.inf:
                factor = np.exp(inflow - top)
                reach[size] = behind[first + size] / edge * factor
                reach[size + 1] = behind[first + size + 1] / edge * factor
            factor = np.exp(level[block] - top)
            for place in range(size):
                reach[place] = behind[first + place] * factor
            here, total = behind[first : first + size], 0.0
            for place in range(size):
                here[place] = reach[place] + reach[place + 1] + leaps[first + place + 2] * reach[place + 2]
            for place in range(size):
                total += here[place]
            level[block] = -np.inf
            if total != 0.0:
                level[block] = top + np.log(total)
                for place in range(size):
                    here[place] /= total
