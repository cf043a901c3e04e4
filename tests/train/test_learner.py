"""The moving average of the weights, against the recurrence written out."""

from dataclasses import replace

import torch

from speechrnn.network import AcousticNetwork
from speechrnn.train.learner import Learner, make_learner
from speechrnn.train.team import Team
from tests.train.conftest import TINY


def make(average: float) -> Learner:
    recipe = replace(TINY, optimizer=replace(TINY.optimizer, average=average))
    return make_learner(AcousticNetwork(TINY.network, 20, 29), recipe, Team())


def step(learner: Learner) -> torch.Tensor:
    for parameter in learner.network.parameters():
        parameter.grad = torch.randn_like(parameter)
    learner.step(0.01)
    return learner.network.output.weight.detach().clone()


def test_the_average_forgets_by_its_decay_and_its_beginning_sooner() -> None:
    learner = make(0.3)
    expected = step(learner)  # the first step is all that there is
    for count in range(1, 12):
        kept = min(0.3, (1 + count) / (10 + count))
        expected = kept * expected + (1 - kept) * step(learner)
        torch.testing.assert_close(learner.candidates[1].output.weight.detach(), expected)
    assert (1 + 1) / (10 + 1) < 0.3 < (1 + 11) / (10 + 11)  # both branches were taken


def test_without_an_average_there_is_one_candidate() -> None:
    learner = make(0.0)
    assert learner.candidates == [learner.network]
