import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from speechrnn import recurrence
from speechrnn.compiled import compiled
from speechrnn.network import RecurrentLayer
from speechrnn.recurrence import recur, run_in_bfloat16
from speechrnn.tiles import has_tiles

tanh = compiled(recurrence._tanh)

needs_tiles = pytest.mark.skipif(not has_tiles(), reason="this processor has no matrix tiles for bfloat16")

EITHER = pytest.mark.parametrize(("units", "kind"), [(3, torch.float32), (32, torch.bfloat16)])
COUNTS = {"frames": st.integers(1, 12), "batch": st.integers(1, 4), "units": st.integers(1, 9)}


def differentiate(outputs: Tensor, *of: Tensor) -> list[Tensor]:
    torch.manual_seed(1)
    return list(torch.autograd.grad((outputs * torch.randn_like(outputs)).sum(), of))


@given(**COUNTS)
@settings(deadline=None, max_examples=30)
def test_the_recurrence_equals_torchs_lstm(frames: int, batch: int, units: int) -> None:
    torch.manual_seed(0)
    cell = nn.LSTM(4 * units, units, bias=False)
    cell.weight_ih_l0.data = torch.eye(4 * units)  # what the inputs add is the inputs
    from_inputs = (3 * torch.randn(frames, batch, 4 * units)).requires_grad_()
    weight: Tensor = cell.all_weights[0][1]
    theirs, ours = cell(from_inputs)[0], recur(from_inputs, weight)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)
    by_inputs, by_weight = differentiate(ours, from_inputs, weight)
    their_inputs, their_weight = differentiate(theirs, from_inputs, weight)
    torch.testing.assert_close(by_inputs, their_inputs, atol=1e-5, rtol=1e-5)
    assert (by_weight - their_weight).norm() <= 0.01 * their_weight.norm()


def test_an_lstm_under_bfloat16_is_that_of_float32_within_a_hundredth() -> None:
    torch.manual_seed(0)
    layer, sequence = RecurrentLayer(nn.LSTM, 20, 16, bidirectional=True), torch.randn(30, 3, 20, requires_grad=True)
    lengths, learned = torch.tensor([30, 12, 1]), [sequence, *layer.parameters()]
    theirs = layer(sequence, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        ours = layer(sequence, lengths)
    assert ours.dtype == torch.float32
    gradients = zip(differentiate(ours, *learned), differentiate(theirs, *learned), strict=True)
    for mine, exact in [(ours, theirs), *gradients]:
        assert (mine - exact).norm() < 0.01 * exact.norm()


def test_it_is_used_in_training_under_bfloat16_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def run(cell: nn.LSTM, sequence: Tensor) -> Tensor:
        used.append(cell)
        return run_in_bfloat16(cell, sequence)

    monkeypatch.setattr("speechrnn.recurrence.run_in_bfloat16", run)
    for kind in (nn.LSTM, nn.GRU):  # not every processor has torch's own in bfloat16
        monkeypatch.setattr(kind, "forward", lambda _, sequence: (sequence, None))
    layer, gru = (RecurrentLayer(kind, 5, 5, bidirectional=False) for kind in (nn.LSTM, nn.GRU))
    batch = torch.randn(3, 2, 5), torch.tensor([3, 2])
    layer(*batch)
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            layer(*batch)
        gru(*batch)
        assert not used
        layer(*batch)
    assert used


@needs_tiles
@pytest.mark.parametrize(("frames", "batch", "units"), [(50, 20, 64), (1, 3, 32)])
def test_in_tiles_it_is_that_of_float32_within_a_hundredth(
    frames: int, batch: int, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    cell, sequence = nn.LSTM(40, units), torch.randn(frames, batch, 40, requires_grad=True)
    learned = [sequence, *cell.parameters()]
    theirs = cell(sequence)[0]
    monkeypatch.delattr(recurrence, "_run")  # what runs without tiles
    with torch.autocast("cpu", torch.bfloat16):
        ours = run_in_bfloat16(cell, sequence)
    gradients = zip(differentiate(ours, *learned), differentiate(theirs, *learned), strict=True)
    for mine, exact in [(ours, theirs), *gradients]:
        assert (mine - exact).norm() <= 0.01 * exact.norm()


@EITHER
def test_a_second_backward_pass_finds_what_the_first_did(units: int, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    from_inputs = torch.randn(6, 2, 4 * units, dtype=kind, requires_grad=True)
    weight = torch.randn(4 * units, units, requires_grad=True)
    outputs, slopes = recur(from_inputs, weight), torch.ones(1).expand(6, 2, units)
    first, second = (torch.autograd.grad(outputs, (from_inputs, weight), slopes, retain_graph=True) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert first[0].dtype == kind


@EITHER
def test_what_is_not_a_number_stays_so(units: int, kind: torch.dtype) -> None:
    from_inputs = torch.zeros(3, 1, 4 * units, dtype=kind)
    from_inputs[1, 0, 5] = torch.nan
    outputs = recur(from_inputs, torch.zeros(4 * units, units))
    assert not outputs[0].isnan().any()
    assert outputs[2].isnan().any()


@settings(deadline=None)
@given(st.floats(-100, 100, width=32))
def test_tanh_is_within_2e_7(value: float) -> None:
    assert abs(tanh(np.float32(value)) - np.tanh(value)) < 2e-7
