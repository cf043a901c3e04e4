"""CTC's sum over all paths and its gradient, on a processor: forward and backward variables, scaled at each frame.

In probabilities instead of their logarithms a step is a few multiplications, many at a time; dividing each frame's
variables by their sum keeps them within float64, as long as paths that end in time are not too few among all.

References:
    Graves, Fernández, Gomez and Schmidhuber, Connectionist temporal classification: labelling unsegmented
    sequence data with recurrent neural networks, ICML 2006 (section 4.1).
    Rabiner, A tutorial on hidden Markov models and selected applications in speech recognition, Proceedings of the
    IEEE 1989 (section V.A, scaling).
"""

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.text import BLANK

_LEAST_SHARE = 1e-100


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

    A loss is infinite, its gradient zero, where no path ends in time, or so small a share of all that float64 may have
    lost others on the way: where a network hardly knows any letter yet, and the utterance has many.

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
        states[1::2] = labels
        leaps = np.zeros(len(states) + 2)  # 1 where a path may leave out the blank before a label
        for state in range(3, len(states), 2):
            leaps[state] = 0.0 if states[state] == states[state - 2] else 1.0
        emitted = np.exp(log_probs[one, :frames].astype(np.float64))
        ahead = np.empty((frames, len(states)))
        losses[one] = _go_ahead(emitted, states, leaps, ahead)
        if gradient.shape[1] and np.isfinite(losses[one]):
            _come_back(emitted, states, leaps, ahead, gradient[one])


@compiled
def _go_ahead(
    emitted: NDArray[np.float64], states: NDArray[np.int64], leaps: NDArray[np.float64], ahead: NDArray[np.float64]
) -> float:
    """Fills in the forward variables, which add up to 1 in each frame; returns the loss."""
    count, loss = len(states), 0.0
    before = np.zeros(count + 2)  # behind two states that there are not
    before[2] = 1.0  # as if a blank had come before: a path begins with the first blank or the first label
    for frame in range(len(emitted)):
        here, total = ahead[frame], 0.0
        for state in range(count):
            mass = before[state + 2] + before[state + 1] + leaps[state] * before[state]
            here[state] = mass * emitted[frame, states[state]]
        for state in range(count):
            total += here[state]
        if not total > 0.0:
            return np.nan if np.isnan(total) else np.inf
        loss -= np.log(total)
        for state in range(count):
            here[state] /= total
            before[state + 2] = here[state]
    ends = before[-2:].sum() if count > 1 else before[-1]
    return loss - np.log(ends) if ends > _LEAST_SHARE else np.inf


@compiled
def _come_back(
    emitted: NDArray[np.float64],
    states: NDArray[np.int64],
    leaps: NDArray[np.float64],
    ahead: NDArray[np.float64],
    gradient: NDArray[np.float32],
) -> None:
    """Fills in minus how probable each class is in each frame, of the paths that collapse to the labels."""
    count = len(states)
    behind = np.zeros(count + 2)  # before two states that there are not
    behind[-4:-2] = 1.0  # a path ends with the last blank or the last label
    for frame in range(len(emitted) - 1, -1, -1):
        here, total, blank = ahead[frame], 0.0, 0.0
        for state in range(count):
            here[state] *= behind[state]  # in its place: how probable it is to be here
        for state in range(count):
            total += here[state]
        if not total > 0.0:
            return
        for state in range(0, count, 2):
            blank += here[state]
        gradient[frame, BLANK] = -blank / total
        for state in range(1, count, 2):
            gradient[frame, states[state]] -= here[state] / total
        for state in range(count):
            behind[state] *= emitted[frame, states[state]] / total
        for state in range(count):
            behind[state] += behind[state + 1] + leaps[state + 2] * behind[state + 2]
