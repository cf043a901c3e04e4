"""The training loop: batches in, steps taken, each epoch judged on dev, the best one kept."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from speechrnn.batches import Batch, collate, plan_batches
from speechrnn.config import Recipe, TrainingConfig
from speechrnn.console import abridge, warn
from speechrnn.errors import TrainingError
from speechrnn.hardware import use_threads
from speechrnn.interrupt import Interrupt
from speechrnn.modelfile import Model, save_model
from speechrnn.modelinfo import MODEL_FILE, ModelInfo, SplitScore
from speechrnn.network import AcousticNetwork
from speechrnn.parallel import map_in_order
from speechrnn.train.display import TrainingDisplay
from speechrnn.train.evaluate import Evaluation, evaluate, measure_phones
from speechrnn.train.examples import ExampleSource
from speechrnn.train.learner import Learner
from speechrnn.train.log import EpochRecord, RunLog
from speechrnn.train.optimizer import compute_learning_rate
from speechrnn.train.probe import autocast
from speechrnn.train.state import STATE_FILE, RunState, save_state
from speechrnn.train.team import Team
from speechrnn.train.watchdog import Watchdog

_JUDGED_FRAMES = 12_000
"""A batch that is judged has at least so many frames on a processor: they take little memory there, and less time."""


def is_at_end(settings: TrainingConfig, epoch: int, best_epoch: int) -> bool:
    """Returns whether a run ends after `epoch`, the best so far being `best_epoch`, both from 1."""
    return epoch >= settings.epochs or 0 < settings.patience <= epoch - best_epoch


def make_batches(
    make: Callable[[Sequence[int]], Batch], plan: Sequence[Sequence[int]], device: torch.device
) -> Iterator[Batch]:
    """Yields what `make` returns for each batch of a plan; where a GPU computes, a thread makes up to five ahead."""
    if device.type == "cpu":  # whatever is done meanwhile takes as much from the step
        return map(make, plan)
    return map_in_order(make, plan, workers=1)


@dataclass(frozen=True, slots=True)
class Training:
    """All that a run needs from its first step to its last.

    Attributes:
        folder: Where the model and the state are kept.
        info: The settings, and what else goes into the model.
        train: What is learned.
        dev: What each epoch is judged on.
        learner: What each step changes.
        state: Where the run is.
        interrupt: Whether somebody has asked to stop.
        watchdog: Warns of what goes wrong.
    """

    folder: Path
    info: ModelInfo
    train: ExampleSource
    dev: ExampleSource
    learner: Learner
    state: RunState
    interrupt: Interrupt
    watchdog: Watchdog

    @property
    def recipe(self) -> Recipe:
        """The settings."""
        return self.info.recipe

    @property
    def team(self) -> Team:
        """The processes that train together; only the first judges, logs and writes."""
        return self.learner.team

    @property
    def batch_frames(self) -> int:
        """Frames of one batch, padding counted."""
        return round(self.recipe.training.batch_seconds * 1000 / self.train.features.hop_ms)

    @property
    def _judged_frames(self) -> int:
        """Frames of a batch that is judged: of one process's share of a step's, or more."""
        least = _JUDGED_FRAMES if self.learner.device.type == "cpu" else 0
        return max(self.batch_frames // self.team.size, least)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        return is_at_end(self.recipe.training, self.state.epoch, self.state.best_epoch)

    def run(self, log: RunLog | None, display: TrainingDisplay) -> None:
        """Trains until the run is finished; the log is the first process's.

        Raises:
            TrainingError: The loss is no longer a number.
            KeyboardInterrupt: Somebody asked to stop; the state is saved.
        """
        while not self.finished:
            self._train_epoch(display)
            if log:
                display.begin_judging()
                with use_threads(torch.get_num_threads() * self.team.local_size):  # the others wait meanwhile
                    record, evaluation = self._judge()
                log.append(record)
                display.end_epoch(record, evaluation.recognized)
                self.watchdog.see_epoch(record)
            self.state.best, self.state.best_epoch = self.team.agree((self.state.best, self.state.best_epoch))
            self.state.begin_next_epoch()
            self._save_state()

    def _train_epoch(self, display: TrainingDisplay) -> None:
        state, settings = self.state, self.recipe.training
        plan = self._plan_epoch()
        if len(plan) * settings.epochs == 1 and self.recipe.optimizer.warmup and self.team.leads:
            warn(
                "one batch and one epoch are one step, which the warm-up takes at a learning rate of 0, so that nothing"
                " is learned; raise training.epochs, or lower training.batch_seconds"
            )
        display.begin_epoch(state.epoch + 1, len(plan), state.batch)
        self.learner.network.train()
        saved = time.monotonic()
        start = time.perf_counter()
        for indices, batch in self._make_batches(plan[state.batch :]):
            done = (state.epoch + state.batch / len(plan)) / settings.epochs
            loss = self._take_step(indices, batch, compute_learning_rate(self.recipe.optimizer, done))
            self._count(indices, loss, time.perf_counter() - start)
            display.advance(state.epoch + state.batch / len(plan), *self._describe_epoch())
            stopping = self.team.sum(self.interrupt.requested) > 0
            if stopping or time.monotonic() - saved > 60 * settings.save_minutes:
                self._save_state()
                saved = time.monotonic()
            if stopping:
                raise KeyboardInterrupt
            start = time.perf_counter()

    def _make_batches(self, plan: Sequence[Sequence[int]]) -> Iterator[tuple[Sequence[int], Batch]]:
        """Yields each batch's indices and this process's share of it, varied."""
        make = partial(self._collate_share, epoch=self.state.epoch)
        return zip(plan, make_batches(make, plan, self.learner.device), strict=True)

    def _plan_epoch(self) -> list[list[int]]:
        """Returns the indices of each batch: the longest first in the first epoch, shuffled in the others."""
        epoch, learnable = self.state.epoch, self.train.learnable
        rng = np.random.default_rng((self.recipe.training.seed, epoch)) if epoch else None
        plan = plan_batches(self.train.store.frames[learnable].tolist(), self.batch_frames, rng)
        return [[learnable[place] for place in batch] for batch in plan]

    def _take_step(self, indices: Sequence[int], batch: Batch, learning_rate: float) -> float:
        """Returns a batch's summed loss, in nats, after one step against its mean over the characters.

        Args:
            indices: The utterances of the batch.
            batch: This process's share of them.
            learning_rate: Of this step.

        Raises:
            TrainingError: The loss, or the gradient, is not a number.
        """
        learner, step = self.learner, self.state.step + 1
        torch.manual_seed(_mix(self.recipe.training.seed, step, self.team.rank))  # dropout's chance
        with autocast(learner.device, self.state.precision), self.team.watch():
            losses = learner.replica(batch.to(learner.device))
        losses = losses[: len(self.team.share(indices))]  # none of what was only there to take part
        total = self.team.sum(losses.sum().item())
        if not np.isfinite(total):
            bad = [id for id, loss in zip(batch.ids, losses.tolist(), strict=False) if not np.isfinite(loss)]
            raise TrainingError(self._explain_overflow("loss", self.team.gather(bad)))
        learner.optimizer.zero_grad(set_to_none=True)
        with self.team.watch():
            (losses.sum() * self.team.size / self._count_characters(indices)).backward()
        norm = nn.utils.clip_grad_norm_(learner.network.parameters(), self.recipe.optimizer.max_gradient_norm).item()
        if not np.isfinite(norm):
            raise TrainingError(self._explain_overflow("gradient", self._name(indices)))
        self.watchdog.see_gradient(norm, step, self._name(indices))
        learner.step(learning_rate)
        return total

    def _collate_share(self, indices: Sequence[int], epoch: int) -> Batch:
        """Returns what this process takes of a batch, varied; where nothing is left for it, an utterance of others."""
        share = self.team.share(indices) or indices[:1]
        return collate([self.train.vary(index, epoch) for index in share])

    def _explain_overflow(self, what: str, ids: Sequence[str]) -> str:
        return (
            f"the {what} is not a number at step {self.state.step + 1}, in {abridge(ids)}; look at these utterances,"
            f" or lower optimizer.learning_rate ({self.recipe.optimizer.learning_rate})"
        )

    def _name(self, indices: Sequence[int]) -> list[str]:
        return [self.train.store.utterances[index].id for index in indices]

    def _count_characters(self, indices: Sequence[int]) -> int:
        """Returns the characters of a batch, those in whose place there is noise among them: each epoch has as many."""
        return sum(len(self.train.labels[index]) for index in indices)

    def _count(self, indices: Sequence[int], loss: float, seconds: float) -> None:
        state = self.state
        state.batch += 1
        state.step += 1
        state.loss += loss
        state.characters += self._count_characters(indices)
        state.speech_seconds += int(self.train.store.frames[indices].sum()) * self.train.features.hop_ms / 1000
        state.wall_seconds += seconds

    def _describe_epoch(self) -> tuple[float, float]:
        """Returns the epoch's mean loss so far, nats a character, and its speed, seconds of speech a second."""
        state = self.state
        return state.loss / max(state.characters, 1), state.speech_seconds / max(state.wall_seconds, 1e-9)

    def _check_finite(self, evaluation: Evaluation) -> None:
        if self.dev.learnable and not np.isfinite(evaluation.loss):
            raise TrainingError(
                f"the network's weights are no longer numbers after epoch {self.state.epoch + 1}; lower"
                f" optimizer.learning_rate ({self.recipe.optimizer.learning_rate})"
            )

    def _judge(self) -> tuple[EpochRecord, Evaluation]:
        """Returns the record of the epoch that has ended; saves the model where it is the best so far."""
        state = self.state
        network, evaluation = self._choose()
        best = evaluation.standing < state.best
        if best:
            state.best, state.best_epoch = evaluation.standing, state.epoch + 1
            self._save_best(network, evaluation)
        record = EpochRecord(
            epoch=state.epoch + 1,
            step=state.step,
            loss=self._describe_epoch()[0],
            dev_loss=evaluation.loss if np.isfinite(evaluation.loss) else None,
            words=evaluation.words,
            characters=evaluation.characters,
            learning_rate=self.learner.optimizer.param_groups[0]["lr"],
            speech_seconds=state.speech_seconds,
            wall_seconds=state.wall_seconds,
            best=best,
            averaged=network is not self.learner.network,
        )
        return record, evaluation

    def _choose(self) -> tuple[AcousticNetwork, Evaluation]:
        """Returns the network or its average, whichever is better on dev."""
        judged = []
        for network in self.learner.candidates:
            evaluation = evaluate(network, self.dev, self._judged_frames, self.learner.device)
            self._check_finite(evaluation)
            judged.append((network, evaluation))
        return min(judged, key=lambda pair: pair[1].standing)

    def _save_best(self, network: AcousticNetwork, evaluation: Evaluation) -> None:
        scores = {self.dev.store.split: SplitScore(evaluation.words, evaluation.characters)}
        provenance = replace(self.info.provenance, epoch=self.state.best_epoch, scores=scores)
        info = replace(self.info, provenance=provenance, temperature=evaluation.temperature)
        if info.phones and not info.phone_priors:
            priors = measure_phones(network, self.train, self._judged_frames, self.learner.device)
            info = replace(info, phone_priors=priors)
        model = Model(info, network, self.train.cmvn)
        save_model(model, self.folder / MODEL_FILE)

    def _save_state(self) -> None:
        if self.team.leads:
            save_state(self.folder / STATE_FILE, self.state, self.learner)


def _mix(*numbers: int) -> int:
    """Returns a seed that differs wherever one of the numbers does."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
