"""What a killed run needs to go on as if nothing had happened, in one file of tensors and plain values.

There is no random state in it: all chance is drawn from the seed and the place in the run.
"""

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from speechrnn.errors import TrainingError
from speechrnn.outputs import write_atomically
from speechrnn.train.evaluate import Standing
from speechrnn.train.learner import Learner
from speechrnn.train.probe import Precision

STATE_FILE = "resume.pt"

_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    UnpicklingError,
    BadZipFile,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What reading a damaged state raises."""

WORST: Standing = (2**63, 2**63, float("inf"))


@dataclass(slots=True)
class RunState:
    """Where a run is.

    Attributes:
        fingerprint: Of the prepared corpus that the run reads.
        precision: What the network computes in.
        origin: The corpus of the model that it began with; empty for fresh weights.
        phone_priors: That model's, where they stay; () for those that are measured.
        threads: In how many threads each process computes, if it has so many cores; 0 for nobody knows.
        epoch: The epoch under way, from 0.
        batch: Batches of it that are done.
        step: Optimiser steps of the whole run.
        loss: Sum of this epoch's losses so far, in nats.
        characters: Labels behind that sum.
        speech_seconds: Speech of this epoch so far.
        wall_seconds: Time spent on this epoch so far.
        best: The best epoch's standing.
        best_epoch: That epoch, from 1; 0 for none yet.
    """

    fingerprint: str
    precision: Precision
    origin: str = ""
    phone_priors: tuple[float, ...] = ()
    threads: int = 0
    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss: float = 0.0
    characters: int = 0
    speech_seconds: float = 0.0
    wall_seconds: float = 0.0
    best: Standing = WORST
    best_epoch: int = 0

    def begin_next_epoch(self) -> None:
        """Moves on to the next epoch, whose sums are empty."""
        self.epoch += 1
        self.batch = self.characters = 0
        self.loss = self.speech_seconds = self.wall_seconds = 0.0


def save_state(path: Path, state: RunState, learner: Learner) -> None:
    """Writes weights, optimiser and position; a reader never sees half of it.

    Raises:
        OutputError: The file cannot be written; the last one stays whole.
    """
    packed = _pack(state, learner)
    with write_atomically(path) as temporary:
        temporary.write_bytes(packed)


def share_state(state: RunState, learner: Learner) -> RunState:
    """Returns the first process's position; all have its weights, optimiser and average then."""
    team = learner.team
    packed = team.agree(_pack(state, learner) if team.leads else b"")
    return state if team.leads else _unpack(io.BytesIO(packed), learner)


def load_state(path: Path, learner: Learner, fingerprint: str) -> RunState:
    """Restores what `save_state` wrote into the learner, and returns the position.

    Raises:
        TrainingError: The file is damaged, or belongs to another recipe or to another corpus than `fingerprint` is of.
    """
    try:
        with ZipFile(path) as archive:
            if archive.testzip():
                raise ValueError("its checksum is wrong")
        return _unpack(path, learner, fingerprint)
    except _DAMAGE as error:
        raise TrainingError(
            f"{path}: cannot be resumed from, it is damaged or of another recipe; --force starts the run again"
        ) from error


def _pack(state: RunState, learner: Learner) -> bytes:
    buffer = io.BytesIO()
    torch.save(learner.state_dict() | {"state": asdict(state)}, buffer)
    return buffer.getvalue()


def _unpack(source: Path | io.BytesIO, learner: Learner, fingerprint: str | None = None) -> RunState:
    saved: dict[str, Any] = torch.load(source, map_location="cpu", weights_only=True)
    if fingerprint not in (None, saved["state"]["fingerprint"]):
        raise TrainingError(
            f"{source}: this run learned from another corpus, or from this one before it was prepared anew; choose"
            " another --out, or --force starts the run again"
        )
    learner.load_state_dict(saved)
    return RunState(**saved["state"])
