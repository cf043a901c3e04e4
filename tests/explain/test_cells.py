"""The cells against torch's own, and back-propagation by hand against autograd."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from speechrnn.explain.cells import (
    Weights,
    accumulate_gradients,
    run_lstm,
    run_rnn,
    step_lstm,
    step_rnn,
    trace_back_lstm,
    trace_back_rnn,
)

SIZES = {
    "frames": st.integers(1, 40),
    "batch": st.integers(1, 3),
    "inputs": st.integers(1, 7),
    "units": st.integers(1, 9),
}
CELLS = ("rnn", "lstm")


def make_cell(kind: str, inputs: int, units: int) -> nn.RNN | nn.LSTM:
    kinds: dict[str, type[nn.RNN] | type[nn.LSTM]] = {"rnn": nn.RNN, "lstm": nn.LSTM}
    return kinds[kind](inputs, units).double()


def run_ours(weights: Weights, sequence: Tensor) -> Tensor:
    """The outputs of an RNN, or of an LSTM, which has four times as many rows."""
    if len(weights.u) == weights.w.shape[1]:
        return run_rnn(weights, sequence)
    return torch.stack([step.output for step in run_lstm(weights, sequence)])


def differentiate(outputs: Tensor, errors: Tensor, leaves: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad((outputs * errors).sum(), leaves)


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
@given(**SIZES, seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_a_sequence_equals_torchs_in_values_and_gradients(
    kind: str, frames: int, batch: int, inputs: int, units: int, seed: int
) -> None:
    torch.manual_seed(seed)
    cell = make_cell(kind, inputs, units)
    sequence = torch.randn(frames, batch, inputs, dtype=torch.float64, requires_grad=True)
    errors = torch.randn(frames, batch, units, dtype=torch.float64)
    ours, theirs = run_ours(Weights.of(cell), sequence), cell(sequence)[0]
    assert_close(ours, theirs)
    leaves = [sequence, *cell.parameters()]
    for mine, torchs in zip(differentiate(ours, errors, leaves), differentiate(theirs, errors, leaves), strict=True):
        assert_close(mine, torchs)


@pytest.mark.parametrize("kind", CELLS)
@given(**SIZES, seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_back_propagation_by_hand_equals_autograd(
    kind: str, frames: int, batch: int, inputs: int, units: int, seed: int
) -> None:
    torch.manual_seed(seed)
    cell = make_cell(kind, inputs, units)
    weights = Weights.of(cell)
    sequence = torch.randn(frames, batch, inputs, dtype=torch.float64, requires_grad=True)
    errors = torch.randn(frames, batch, units, dtype=torch.float64)
    theirs = differentiate(cell(sequence)[0], errors, [sequence, *cell.parameters()])
    with torch.no_grad():
        outputs = run_ours(weights, sequence)
        if kind == "rnn":
            slopes = trace_back_rnn(weights, outputs, errors)
        else:
            slopes = trace_back_lstm(weights, run_lstm(weights, sequence), errors)
        blamed, gradient = accumulate_gradients(weights, sequence, outputs, slopes)
    for mine, torchs in zip((blamed, gradient.u, gradient.w, gradient.b, gradient.b), theirs, strict=True):
        assert_close(mine, torchs)


@pytest.mark.parametrize("kind", CELLS)
def test_in_float32_a_sequence_of_ten_seconds_agrees_too(kind: str) -> None:
    torch.manual_seed(0)
    cell = make_cell(kind, 20, 32).float()
    sequence = torch.randn(333, 1, 20)
    assert_close(run_ours(Weights.of(cell), sequence), cell(sequence)[0])


def test_an_rnn_steps_as_one_computes_by_hand() -> None:
    weights = Weights(torch.tensor([[2.0]]), torch.tensor([[-1.0]]), torch.tensor([0.5]))
    state = step_rnn(weights, torch.tensor([[0.25]]), torch.tensor([[0.4]]))  # tanh(0.5 - 0.4 + 0.5)
    assert state.item() == pytest.approx(0.5370496)


def test_an_lstm_steps_as_one_computes_by_hand() -> None:
    bias = torch.tensor([0.0, 100.0, 100.0, 0.0])  # half open to what is new, keeps all, candidate 1, shows half
    weights = Weights(torch.zeros(4, 1), torch.zeros(4, 1), bias)
    step = step_lstm(weights, torch.ones(1, 1), torch.zeros(1, 1), torch.tensor([[0.25]]))
    assert step.memory.item() == pytest.approx(0.75)  # 1 × 0.25 + 0.5 × 1
    assert step.output.item() == pytest.approx(0.3175745)  # tanh(0.75) / 2


def test_an_open_forget_gate_carries_an_error_back_undiminished() -> None:
    """The constant error carousel: what an RNN loses with every frame, the memory keeps."""
    weights = Weights(
        torch.tensor([[0.0], [0.0], [1.0], [0.0]]), torch.zeros(4, 1), torch.tensor([0.0, 50.0, 0.0, 50.0])
    )
    sequence = torch.zeros(100, 1, 1)
    errors = torch.zeros(100, 1, 1)
    errors[-1] = 1.0
    blamed = trace_back_lstm(weights, run_lstm(weights, sequence), errors) @ weights.u
    torch.testing.assert_close(blamed, torch.full_like(blamed, 0.5))  # i × tanh'(0), a hundred frames back as well
