"""Forced alignment: which frames of CTC's output belong to which letter of a text that is known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from speechrnn.compiled import compiled
from speechrnn.ctc import Hypothesis
from speechrnn.text import BLANK

_INFINITY = np.inf


def align(log_probs: NDArray[np.float32], tokens: Sequence[int]) -> Hypothesis:
    """Returns the most probable path among those that collapse to `tokens`, as a hypothesis.

    Args:
        log_probs: (frames, classes), natural log.
        tokens: Classes without blanks.

    Raises:
        ValueError: There are too few frames for so many tokens.

    References:
        Kürzinger et al., CTC-segmentation of large corpora for German end-to-end speech recognition, 2020.
    """
    states = np.full(2 * len(tokens) + 1, BLANK)
    states[1::2] = tokens
    path, log_prob = _follow(np.ascontiguousarray(log_probs, dtype=np.float32), states)
    if not np.isfinite(log_prob):
        raise ValueError(f"{len(log_probs)} frames cannot emit {len(tokens)} tokens")
    spans, scores = [], []
    for number, token in enumerate(tokens):
        first, last = np.searchsorted(path, [2 * number + 1, 2 * number + 2])
        spans.append((int(first), int(last)))
        scores.append(float(log_probs[first:last, token].max()))
    return Hypothesis(tuple(tokens), tuple(spans), tuple(scores), float(log_prob))


@compiled
def _follow(log_probs: NDArray[np.float32], states: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
    """Returns the state at each frame, (frames,), on the best path, and the path's log-probability.

    States are the tokens with a blank around each; a path may stay, go on by one, or leave out a blank between
    different tokens.
    """
    frames, count = len(log_probs), len(states)
    step = np.zeros((frames, count), dtype=np.int8)
    best = np.full(count, -_INFINITY)
    best[0] = 0.0
    for frame in range(frames):
        for state in range(count - 1, -1, -1):
            score, back = best[state], 0
            if state > 0 and best[state - 1] > score:
                score, back = best[state - 1], 1
            leaps = state > 1 and states[state] != BLANK and states[state] != states[state - 2]
            if leaps and best[state - 2] > score:
                score, back = best[state - 2], 2
            best[state] = score + log_probs[frame, states[state]]
            step[frame, state] = back
    state = count - 1 if count == 1 or best[count - 1] >= best[count - 2] else count - 2
    log_prob = best[state]
    path = np.empty(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= step[frame, state]
    return path, log_prob
