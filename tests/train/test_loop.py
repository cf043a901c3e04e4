"""One training step, and what is counted, against the same thing written out with torch and NumPy."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechrnn.batches import Batch, collate
from speechrnn.counts import ErrorCounts
from speechrnn.features import estimate_cmvn
from speechrnn.interrupt import Interrupt
from speechrnn.modelfile import build_network, load_model
from speechrnn.network import AcousticNetwork
from speechrnn.prepare.prepared import list_parts, read_prepared
from speechrnn.prepare.store import FeatureStore
from speechrnn.train import loop
from speechrnn.train.display import TrainingDisplay
from speechrnn.train.evaluate import Evaluation
from speechrnn.train.learner import make_learner
from speechrnn.train.loop import Training
from speechrnn.train.run import _describe
from speechrnn.train.sources import open_sources
from speechrnn.train.state import RunState
from speechrnn.train.team import Team
from speechrnn.train.watchdog import Watchdog
from tests.train.conftest import TINY, tiny


@pytest.fixture
def training(tmp_path: Path, data: Path) -> Training:
    prepared = read_prepared(data)
    train, dev = open_sources(data, prepared, tiny(precision="float32"))
    torch.manual_seed(0)
    network = build_network(train.recipe, train.features, train.alphabet).eval()  # without dropout
    return Training(
        folder=tmp_path,
        info=_describe(prepared, train, RunState("", "float32")),
        train=train,
        dev=dev,
        learner=make_learner(network, train.recipe, Team()),
        state=RunState("", "float32"),
        interrupt=Interrupt(),
        watchdog=Watchdog([]),
    )


_EPSILON = 0.01
"""AdamW's where a step is compared. With none to speak of, a first step is the gradient's sign, however large that is:
clipping would not show, and the rounding of a gradient that is almost nothing would."""


def take_step(training: Training, indices: list[int], learning_rate: float) -> float:
    return training._take_step(indices, training._collate_share(indices, 0), learning_rate)


def test_a_step_follows_the_clipped_gradient_of_the_mean_loss_of_a_character(training: Training) -> None:
    batch, network = collate([training.train.vary(index, 0) for index in range(3)]), training.learner.network
    before: dict[str, Any] = {name: value.detach().clone() for name, value in network.named_parameters()}
    for group in training.learner.optimizer.param_groups:
        group["eps"] = _EPSILON
    total = take_step(training, [0, 1, 2], 0.01)
    taken = {name: value.detach().clone() for name, value in network.named_parameters()}
    network.load_state_dict(before)
    log_probs, lengths = network(batch.features, batch.input_lengths)
    losses = F.ctc_loss(log_probs.transpose(0, 1), batch.targets, lengths, batch.target_lengths, reduction="none")
    assert total == pytest.approx(losses.sum().item(), rel=1e-5)
    names, parameters = zip(*network.named_parameters(), strict=True)
    gradients = torch.autograd.grad(losses.sum() / batch.target_lengths.sum(), parameters)
    norm = torch.sqrt(sum((gradient**2).sum() for gradient in gradients))  # type: ignore[arg-type]
    scale = min(1.0, training.recipe.optimizer.max_gradient_norm / (norm.item() + 1e-6))
    assert scale < 1  # else the clipping is not tried
    replay = [nn.Parameter(before[name].clone()) for name in names]
    for parameter, gradient in zip(replay, gradients, strict=True):
        parameter.grad = gradient * scale
    matrices = [one for one in replay if one.dim() > 1]
    vectors = [one for one in replay if one.dim() <= 1]
    torch.optim.AdamW(
        [{"params": matrices, "weight_decay": TINY.optimizer.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=0.01,
        betas=(0.9, 0.98),
        eps=_EPSILON,
    ).step()
    for name, parameter in zip(names, replay, strict=True):
        torch.testing.assert_close(taken[name], parameter.data, atol=1e-6, rtol=1e-5)


class Pair(Team):
    """The place of one process of two, whose other one adds nothing."""

    def sum(self, value: float) -> float:
        return value

    def agree(self, value: Any) -> Any:
        return (0, 0, 0.0), 1  # the first process found its best in the first epoch


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_of_two_gives_twice_its_share_of_the_gradient(training: Training, rank: int) -> None:
    """DistributedDataParallel takes the mean over the processes; the sum is what one process would have."""
    network, indices = training.learner.network, [0, 1, 2]
    optimizer = replace(training.recipe.optimizer, max_gradient_norm=1e9)
    info = replace(training.info, recipe=replace(training.recipe, optimizer=optimizer))
    ours = replace(training, info=info, learner=replace(training.learner, team=Pair(rank, 2)))
    batch = collate([training.train.vary(index, 0) for index in indices[rank::2]])
    log_probs, lengths = network(batch.features, batch.input_lengths)
    loss = F.ctc_loss(log_probs.transpose(0, 1), batch.targets, lengths, batch.target_lengths, reduction="sum")
    characters = sum(len(training.train.labels[index]) for index in indices)
    expected = torch.autograd.grad(loss * 2 / characters, list(network.parameters()))
    take_step(ours, indices, 0.0)
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-5)


def test_a_process_without_a_share_takes_part_and_adds_nothing(training: Training) -> None:
    ours = replace(training, learner=replace(training.learner, team=Pair(1, 2)))
    assert take_step(ours, [0], 0.01) == 0.0
    gradients = [parameter.grad for parameter in training.learner.network.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)


def test_all_processes_end_where_the_first_ones_patience_ends(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = replace(training.info, recipe=tiny(epochs=9, patience=2))
    ours = replace(training, info=info, learner=replace(training.learner, team=Pair(1, 2)))
    monkeypatch.setattr(Training, "_train_epoch", lambda *_: None)
    ours.run(None, TrainingDisplay(9))
    assert (ours.state.epoch, ours.state.best_epoch) == (3, 1)


def test_where_a_gpu_computes_the_batches_are_the_same(training: Training) -> None:
    plan = training._plan_epoch()
    alone = list(training._make_batches(plan))
    training.learner.network.to("meta")
    ahead = list(training._make_batches(plan))
    assert [indices for indices, _ in ahead] == [indices for indices, _ in alone] == plan
    for (_, ours), (_, theirs) in zip(ahead, alone, strict=True):
        for one in fields(Batch):
            mine, other = getattr(ours, one.name), getattr(theirs, one.name)
            assert torch.equal(mine, other) if isinstance(mine, torch.Tensor) else mine == other


def test_dropout_is_drawn_anew_for_each_step_and_alike_for_the_same_one(training: Training) -> None:
    training.learner.network.train()
    losses = []
    for step in (0, 1, 0):
        training.state.step = step
        losses.append(take_step(training, [0, 1, 2], 0.0))
    assert losses[0] == losses[2] != losses[1]


@pytest.mark.parametrize("better", [0, 1])
def test_an_epoch_keeps_the_weights_or_their_average_whichever_is_better_on_dev(
    training: Training, monkeypatch: pytest.MonkeyPatch, better: int
) -> None:
    candidates = training.learner.candidates
    candidates[better].output.bias.data[:] = 0.5  # to know it again

    def judge(network: AcousticNetwork, *_: object) -> Evaluation:
        errors = ErrorCounts(hits=1, substitutions=1)
        return Evaluation(1.0 if network is candidates[better] else 2.0, errors, errors, [])

    monkeypatch.setattr(loop, "evaluate", judge)
    record, evaluation = training._judge()
    assert (record.dev_loss, record.averaged, record.best) == (1.0, better == 1, True)
    assert evaluation.loss == 1.0
    assert (load_model(training.folder).network.output.bias == 0.5).all()


def test_seconds_of_speech_and_characters_are_counted_without_padding(training: Training) -> None:
    training._count(range(4), 12.0, 0.5)
    utterances = training.train.store.utterances[:4]
    frames = training.train.store.frames[:4].sum()
    assert training.state.speech_seconds == pytest.approx(frames * 0.01)
    characters = sum(len(one.text) for one in utterances)
    assert training._describe_epoch() == pytest.approx((12.0 / characters, frames * 0.01 / 0.5))


def test_the_corpus_is_normalised_by_all_of_its_training_frames(data: Path) -> None:
    recipe = replace(TINY, input=replace(TINY.input, cmvn="corpus"))
    train, dev = open_sources(data, read_prepared(data), recipe)
    store = FeatureStore(list_parts(data), "train")
    frames = np.concatenate([store[index] for index in range(len(store))]).astype(np.float64)
    assert train.cmvn is not None
    np.testing.assert_allclose(train.cmvn.mean, frames.mean(axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(train.cmvn.deviation, frames.std(axis=0), rtol=1e-4)
    made = np.concatenate([train.make(index).features for index in range(len(store))])
    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(made.std(axis=0), 1, atol=1e-3)
    assert dev.cmvn is train.cmvn
    assert estimate_cmvn([store[0]]).mean[0] != pytest.approx(train.cmvn.mean[0])
