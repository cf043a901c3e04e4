"""What goes wrong in training without a word, named, and what to do about it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from speechrnn.console import warn
from speechrnn.train.log import EpochRecord

_PATIENCE = 3
"""Epochs in a row that make a habit."""

_STILL = 0.005
"""A loss that changes by less than this share has not moved."""

_ANNEALED = 0.1
"""Share of the highest learning rate below which nothing is expected to move any more."""

_BURST = 100.0
"""A gradient of so many times the usual norm is an explosion."""

_USUAL_STEPS = 50
"""Steps after which it is known what is usual."""


@dataclass(slots=True)
class Watchdog:
    """Looks at every step and every epoch, and warns; each trouble once, until it has gone.

    Attributes:
        records: The epochs so far; those of an earlier process too.
    """

    records: list[EpochRecord]
    _norms: deque[float] = field(default_factory=lambda: deque(maxlen=10 * _USUAL_STEPS))
    _told: set[str] = field(default_factory=set)
    _largest: float = 0.0

    def see_gradient(self, norm: float, step: int, ids: Sequence[str]) -> None:
        """Takes the norm of a step's gradient before clipping; warns where it explodes."""
        usual = float(np.median(self._norms)) if len(self._norms) >= _USUAL_STEPS else float("inf")
        self._norms.append(norm)
        if norm > max(_BURST * usual, 2 * self._largest):  # one like those before says nothing new
            self._largest = norm
            warn(
                f"step {step}: the gradient's norm is {norm:.0f}, usual is {usual:.2g}; it was scaled down. If that"
                f" goes on, lower optimizer.learning_rate, and look at {', '.join(ids[:3])}"
            )

    def see_epoch(self, record: EpochRecord) -> None:
        """Takes an epoch; warns of what it shows."""
        self.records.append(record)
        troubles = find_troubles(self.records)
        for name, message in troubles.items():
            if name not in self._told:
                warn(f"epoch {record.epoch}: {message}")
        self._told = set(troubles)


def find_troubles(records: Sequence[EpochRecord]) -> dict[str, str]:
    """Returns what the last epochs show, by name: what it is, and what to do."""
    troubles: dict[str, str] = {}
    recent = records[-_PATIENCE:]
    last = recent[-1]
    emitted = last.characters.hits + last.characters.substitutions + last.characters.insertions
    if emitted == 0 and last.characters.reference_length:
        troubles["blanks"] = (
            "nothing but blanks on dev. That is how CTC begins; if it lasts, the transcripts do not fit the audio"
            " (speechrnn doctor), or optimizer.learning_rate is too high or too low by a factor of ten"
        )
    if len(recent) < _PATIENCE:
        return troubles
    losses = [record.loss for record in recent]
    annealed = last.learning_rate < _ANNEALED * max(record.learning_rate for record in records)
    if max(losses) - min(losses) < _STILL * max(losses) and not annealed and last.words.errors:
        troubles["still"] = (
            f"the loss has stayed at {last.loss:.3f} for {_PATIENCE} epochs. Raise optimizer.learning_rate, or lower"
            " it if it was ever lower; or take a larger network"
        )
    errors = [record.words.errors for record in records[-_PATIENCE - 1 :]]
    rising = len(errors) > _PATIENCE and all(earlier < later for earlier, later in pairwise(errors))
    falling = all(earlier > later for earlier, later in pairwise(losses))
    if rising and falling:
        troubles["overfitting"] = (
            f"dev's word errors rise for {_PATIENCE} epochs while the training loss falls: the network learns its"
            " examples by heart. More dropout, augmentation or speech; the best model so far is kept"
        )
    return troubles
