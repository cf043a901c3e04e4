"""Batches of so many seconds of speech, of utterances of about one length, in an order that a seed decides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from speechrnn.features import Features

_JITTER = 0.05
"""Lengths are shaken by up to this share before they are sorted, so that batches differ from epoch to epoch."""

_GRAIN = 24
"""Batches are padded to a multiple of so many frames: oneDNN keeps what it compiled for every length it ever met."""


@dataclass(frozen=True, slots=True)
class Example:
    """An utterance as the network learns it.

    Attributes:
        id: Its name.
        features: (frames, coefficients).
        labels: Its text as classes.
        phones: Its phones as classes; none where they are not learned, or not known.
    """

    id: str
    features: Features
    labels: Sequence[int]
    phones: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Utterances padded to one length, with the lengths that are theirs.

    Attributes:
        features: (batch, frames, coefficients), zero beyond each utterance.
        input_lengths: (batch,), frames.
        targets: (batch, labels), zero beyond each utterance.
        target_lengths: (batch,), labels.
        phones: (batch, phones), zero beyond each utterance.
        phone_lengths: (batch,), phones.
        ids: The utterances' ids.
    """

    features: Tensor
    input_lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    phones: Tensor
    phone_lengths: Tensor
    ids: tuple[str, ...]

    def to(self, device: torch.device) -> "Batch":
        """Returns the batch on another device."""
        return Batch(
            self.features.to(device),
            self.input_lengths.to(device),
            self.targets.to(device),
            self.target_lengths.to(device),
            self.phones.to(device),
            self.phone_lengths.to(device),
            self.ids,
        )


def collate(examples: Sequence[Example]) -> Batch:
    """Returns examples as one batch, its frames a multiple of 24."""
    features = _pad([torch.from_numpy(example.features) for example in examples])
    return Batch(
        F.pad(features, (0, 0, 0, pad_frames(features.shape[1]) - features.shape[1])),
        torch.tensor([len(example.features) for example in examples]),
        _pad([torch.tensor(example.labels, dtype=torch.long) for example in examples]),
        torch.tensor([len(example.labels) for example in examples]),
        _pad([torch.tensor(example.phones, dtype=torch.long) for example in examples]),
        torch.tensor([len(example.phones) for example in examples]),
        tuple(example.id for example in examples),
    )


def pad_frames(frames: int) -> int:
    """Returns the frames to which a batch is padded whose longest utterance has so many."""
    return frames + -frames % _GRAIN


def plan_batches(frames: Sequence[int], batch_frames: int, rng: np.random.Generator | None = None) -> list[list[int]]:
    """Returns the indices of each batch; every utterance is in exactly one.

    Utterances of about one length share a batch, whose size with padding stays within `batch_frames`; an utterance
    that is longer than that is a batch of its own. Nearly all others hold an even number: two processes then have
    as much to do.

    Args:
        frames: Frames of each utterance.
        batch_frames: Frames of one batch, padding counted.
        rng: Shuffles; None sorts, the longest batch first, so that what does not fit shows at once.
    """
    lengths = np.asarray(frames)
    padded = [pad_frames(length) for length in frames]
    shaken = lengths if rng is None else lengths * rng.uniform(1 - _JITTER, 1 + _JITTER, len(lengths))
    batches: list[list[int]] = []
    longest = 0
    for index in np.argsort(-shaken, kind="stable").tolist():
        longest = max(longest, padded[index])
        if not batches or longest * (len(batches[-1]) // 2 * 2 + 2) > batch_frames:
            batches.append([])
            longest = padded[index]
        batches[-1].append(index)
    if rng is not None:
        rng.shuffle(batches)
    return batches


def _pad(rows: Sequence[Tensor]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
