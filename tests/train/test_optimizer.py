from dataclasses import replace

import pytest
import torch
from torch import nn

from speechrnn.config import OptimizerConfig
from speechrnn.train.optimizer import compute_learning_rate, make_optimizer

CONFIG = OptimizerConfig(learning_rate=0.01, warmup=0.1, decay="cosine")


@pytest.mark.parametrize(
    ("decay", "done", "rate"),
    [
        ("cosine", 0.0, 0.0),
        ("cosine", 0.05, 0.005),
        ("cosine", 0.1, 0.01),
        ("cosine", 0.55, 0.005),
        ("cosine", 1.0, 0.0),
        ("linear", 0.1, 0.01),
        ("linear", 0.55, 0.005),
        ("linear", 1.0, 0.0),
        ("none", 0.05, 0.005),
        ("none", 1.0, 0.01),
    ],
)
def test_the_rate_rises_to_its_peak_and_falls_as_asked(decay: str, done: float, rate: float) -> None:
    config = replace(CONFIG, decay=decay)  # type: ignore[arg-type]
    assert compute_learning_rate(config, done) == pytest.approx(rate, abs=1e-12)


def test_without_a_warm_up_the_first_step_has_the_peak() -> None:
    assert compute_learning_rate(replace(CONFIG, warmup=0.0), 0.0) == 0.01


def test_matrices_decay_and_vectors_do_not() -> None:
    layer = nn.Linear(3, 2)
    optimizer = make_optimizer(layer, replace(CONFIG, weight_decay=0.5))
    before = {name: parameter.detach().clone() for name, parameter in layer.named_parameters()}
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), before["weight"] * (1 - 0.01 * 0.5))
    assert torch.equal(layer.bias, before["bias"])
