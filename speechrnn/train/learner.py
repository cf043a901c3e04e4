"""What learns: the weights, the optimiser that moves them, and their moving average.

References:
    Polyak and Juditsky, Acceleration of stochastic approximation by averaging, SIAM J. Control Optim. 1992.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from speechrnn.config import Recipe
from speechrnn.network import AcousticNetwork
from speechrnn.train.objective import Objective
from speechrnn.train.optimizer import make_optimizer
from speechrnn.train.team import Team


@dataclass(frozen=True, slots=True)
class Learner:
    """All that a step changes, and the processes that take it together.

    Attributes:
        network: The weights, in training.
        optimizer: Its moments.
        average: The weights' exponential moving average; None where the recipe asks for none.
        team: The processes that learn together.
        objective: What each step lowers, of this process's share.
        replica: The same as a step calls it: itself, or what keeps the network the same in all processes.
    """

    network: AcousticNetwork
    optimizer: Optimizer
    average: AveragedModel | None
    team: Team
    objective: Objective
    replica: nn.Module

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.network.parameters()).device

    @property
    def candidates(self) -> Sequence[AcousticNetwork]:
        """What an epoch may keep: the network as it is, and its average."""
        averages = [cast(AcousticNetwork, self.average.module)] if self.average else []
        return [self.network, *averages]

    def step(self, learning_rate: float) -> None:
        """Moves the weights along their gradients."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        if self.average:
            self.average.update_parameters(self.network)

    def state_dict(self) -> dict[str, Any]:
        """Returns everything as tensors and plain values."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict() if self.average else None,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restores what `state_dict` returned; raises what torch raises where it does not fit."""
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.average:
            self.average.load_state_dict(saved["average"])


def make_learner(network: AcousticNetwork, recipe: Recipe, team: Team) -> Learner:
    """Returns a network with a fresh optimiser, and an average where the recipe asks for one."""
    decay = recipe.optimizer.average
    average = _make_average(network, decay) if decay else None
    objective = Objective(network, recipe.training.intermediate, recipe.training.phones)
    optimizer = make_optimizer(network, recipe.optimizer)
    return Learner(network, optimizer, average, team, objective, team.replicate(objective))


def _make_average(network: AcousticNetwork, decay: float) -> AveragedModel:
    average = AveragedModel(network, multi_avg_fn=_decay_by(decay))
    for cell in average.modules():
        if isinstance(cell, nn.RNNBase):
            cell.flatten_parameters()  # a copy's weights do not lie side by side, as cuDNN wants them
    return average


def _decay_by(decay: float) -> Callable[[Any, Any, Any], None]:
    """Returns the update of a moving average, which forgets the fresh weights sooner than `decay` says."""

    def update(averages: list[Tensor], weights: list[Tensor], count: Tensor) -> None:
        kept = min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, weights, 1 - kept)

    return update
