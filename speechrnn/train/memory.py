"""Whether the largest batch of a run fits into memory, found out before the run and not in the middle of it."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from speechrnn.batches import Example, collate, pad_frames, plan_batches
from speechrnn.errors import TrainingError
from speechrnn.train.examples import ExampleSource
from speechrnn.train.learner import Learner
from speechrnn.train.probe import Precision, take_trial_step

_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "failed to allocate")
"""What torch says on one processor or another."""


def try_largest_batch(learner: Learner, source: ExampleSource, precision: Precision) -> None:
    """Takes a training step on the largest batch, as long as augmentation can make it; the weights stay.

    Raises:
        TrainingError: It does not fit; the message has a size that does.
    """
    wanted = source.recipe.training.batch_seconds
    seconds = wanted
    while not _fits(learner, source, precision, batch := _plan_largest(source, seconds)):
        if len(batch) == 1:
            utterance = source.store.utterances[batch[0]]
            raise TrainingError(
                f"out of memory: not even {utterance.id} of {utterance.duration:.1f} s fits alone; take it out,"
                " cut it, or take a smaller network"
            )
        seconds /= 2
    if seconds < wanted:
        raise TrainingError(
            f"out of memory with training.batch_seconds = {wanted:g}; {seconds:g} fits, so begin anew with"
            f" --set training.batch_seconds={seconds:g}"
        )


def _plan_largest(source: ExampleSource, seconds: float) -> list[int]:
    """Returns the indices of the batch that can become the largest, with its padding."""
    frames = source.store.frames[source.learnable]
    plan = plan_batches(frames.tolist(), round(seconds * 1000 / source.features.hop_ms))
    largest = max(plan, key=lambda batch: len(batch) * pad_frames(_lengthen(int(frames[batch].max()), source)))
    return [source.learnable[place] for place in largest]


def _fits(learner: Learner, source: ExampleSource, precision: Precision, indices: Sequence[int]) -> bool:
    try:
        moments = [torch.zeros_like(one) for one in learner.network.parameters() for _ in range(2)]  # AdamW's, to come
        batch = collate([_make_longest(source, index) for index in learner.team.share(indices) or indices[:1]])
        take_trial_step(learner.objective, batch.to(learner.device), precision)
        del moments
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and not any(sign in str(error) for sign in _NO_MEMORY):
            raise
        return False
    finally:
        learner.network.zero_grad(set_to_none=True)
        if learner.device.type == "cuda":
            torch.cuda.empty_cache()
    return True


def _make_longest(source: ExampleSource, index: int) -> Example:
    """Returns an utterance as long as augmentation can make it."""
    example = source.make(index)
    frames = _lengthen(len(example.features), source)
    return replace(example, features=np.resize(example.features, (frames, example.features.shape[1])))


def _lengthen(frames: int, source: ExampleSource) -> int:
    """Returns the most frames that augmentation can make of so many: pauses on both sides, then slowed down."""
    augment = source.recipe.augment
    return math.ceil((frames + 2 * augment.silence_ms / source.features.hop_ms) / (1 - augment.tempo))
