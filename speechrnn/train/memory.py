"""Whether the largest batch of a run fits into memory, found out before the run and not in the middle of it."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from speechrnn.batches import Example, collate, plan_batches
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
            f"out of memory with training.batch_seconds = {wanted:g}; {seconds:g} fits, so begin with"
            f" --set training.batch_seconds={seconds:g}"
        )


def _plan_largest(source: ExampleSource, seconds: float) -> list[int]:
    """Returns the indices of the batch that is largest with its padding."""
    frames = source.store.frames[source.learnable]
    plan = plan_batches(frames.tolist(), round(seconds * 1000 / source.features.hop_ms))
    largest = max(plan, key=lambda batch: len(batch) * int(frames[batch].max()))
    return [source.learnable[place] for place in largest]


def _fits(learner: Learner, source: ExampleSource, precision: Precision, indices: Sequence[int]) -> bool:
    try:
        batch = collate([_lengthen(source, index) for index in learner.team.share(indices) or indices[:1]])
        take_trial_step(learner.network, batch.to(learner.device), precision)
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _NO_MEMORY):
            raise
        return False
    finally:
        learner.network.zero_grad(set_to_none=True)
        if learner.device.type == "cuda":
            torch.cuda.empty_cache()
    return True


def _lengthen(source: ExampleSource, index: int) -> Example:
    """Returns an utterance as slow, and with pauses as long, as augmentation can make it."""
    example, augment = source.make(index), source.recipe.augment
    frames = (len(example.features) + 2 * augment.silence_ms / source.features.hop_ms) / (1 - augment.tempo)
    features = np.resize(example.features, (math.ceil(frames), example.features.shape[1]))
    return Example(example.id, features, example.labels)
