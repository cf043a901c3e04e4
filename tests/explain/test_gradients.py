from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from speechrnn.audio import Signal
from speechrnn.cli import run
from speechrnn.explain.cells import Weights, run_rnn, step_lstm
from speechrnn.explain.gradients import Decay, compare_decays, differentiate_output
from speechrnn.explain.listening import CellRun, hear_layer
from speechrnn.network import RecurrentLayer
from tests.explain.conftest import make_listener

FRAMES, INPUTS, UNITS = 9, 3, 4


def draw_run(kind: str) -> CellRun:
    torch.manual_seed(0)
    cell = {"rnn": nn.RNN, "lstm": nn.LSTM}[kind](INPUTS, UNITS).double()
    given = Weights.of(cell)
    weights = Weights(given.u.detach(), given.w.detach(), given.b.detach())
    return CellRun(kind, weights, torch.randn(FRAMES, 1, INPUTS, dtype=torch.float64), backward=False)


def multiply_rnn_jacobians(one: CellRun, t: int) -> Tensor:
    """∂S_T/∂x_t = D_T W D_{T-1} W … D_t U with D = diag(1 - S²)."""
    slopes = [torch.diag(1 - state[0] ** 2) for state in run_rnn(one.weights, one.sequence)]
    product = slopes[t] @ one.weights.u
    for later in slopes[t + 1 :]:
        product = later @ one.weights.w @ product
    return product


def multiply_lstm_jacobians(one: CellRun, t: int) -> Tensor:
    """The same for the pair (h, c), whose step's Jacobian autograd takes."""

    def step(x: Tensor, state: Tensor) -> Tensor:
        made = step_lstm(one.weights, x[None], state[None, :UNITS], state[None, UNITS:])
        return torch.cat([made.output, made.memory], dim=1)[0]

    state, product = torch.zeros(2 * UNITS, dtype=torch.float64), torch.empty(0)
    for frame, x in enumerate(one.sequence[:, 0]):
        of_input, of_state = torch.autograd.functional.jacobian(step, (x, state))
        product = of_input if frame == t else of_state @ product if frame > t else product
        state = step(x, state)
    return product[:UNITS]


@pytest.mark.parametrize(("kind", "multiply"), [("rnn", multiply_rnn_jacobians), ("lstm", multiply_lstm_jacobians)])
def test_the_derivative_is_the_product_of_the_steps_jacobians(
    kind: str, multiply: Callable[[CellRun, int], Tensor]
) -> None:
    one = draw_run(kind)
    for farthest in (FRAMES - 1, 4):
        found = differentiate_output(one, FRAMES - 1, farthest)
        assert len(found) == farthest + 1
        for distance in range(farthest + 1):
            expected = multiply(one, FRAMES - 1 - distance)
            torch.testing.assert_close(found[-1 - distance], expected, atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_the_derivative_is_that_of_our_network(kind: str, hello_world: Signal) -> None:
    listener = make_listener(kind)
    one = hear_layer(listener.model.network, listener.compute_input(hello_world), 2)[0]
    layer = listener.model.network.layers[1]
    assert isinstance(layer, RecurrentLayer)
    cell = layer.forward_cell.double()
    sequence = one.sequence[:20].clone().requires_grad_()
    found = differentiate_output(one, 19, 19)
    (expected,) = torch.autograd.grad(cell(sequence)[0][-1, 0, 5], sequence)
    torch.testing.assert_close(found[:, 5], expected[:, 0], atol=1e-9, rtol=1e-6)


def test_the_fit_finds_an_exponential_decay() -> None:
    curve = 3.0 * 0.8 ** np.arange(40)
    decay = Decay("rnn", "m", 30.0, np.stack([2 * curve, curve / 2]))
    np.testing.assert_allclose(decay.curve, curve)
    assert decay.factor == pytest.approx(0.8)
    assert decay.straightness == pytest.approx(1.0)
    assert decay.half_life_ms == pytest.approx(30 * 3.106284)  # log 0.5 / log 0.8 steps
    np.testing.assert_allclose(decay.line, curve)


def test_weights_that_are_larger_forget_later(hello_world: Signal) -> None:
    small, large = make_listener("rnn"), make_listener("rnn")
    large.model.network.get_parameter("layers.0.forward_cell.weight_hh_l0").data *= 1.5
    factors = [compare_decays({"m": one}, hello_world, 1)[0].factor for one in (small, large)]
    assert factors[0] < factors[1]


def test_an_rnn_and_an_lstm_are_compared_trained_and_fresh(
    save_listener: Callable[..., str], recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "decay.svg"
    rnn, lstm = save_listener("rnn", False), save_listener()
    assert run(["explain", "gradients", rnn, lstm, recording, "--out", str(out)]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines[1:]] == [
        ["RNN", rnn],
        ["RNN", "fresh"],
        ["LSTM", lstm],
        ["LSTM", "fresh"],
    ]
    assert all(0 < float(line[2]) < 1 for line in lines[1:])
    assert "<svg" in out.read_text()
