import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from speechrnn import recurrence
from speechrnn.recurrence import recur, run_in_bfloat16
from speechrnn.tiles import add_product, halve, has_tiles, to_bits, to_tiles

needs_tiles = pytest.mark.skipif(not has_tiles(), reason="this processor has no matrix tiles for bfloat16")


@needs_tiles
@given(rows=st.integers(1, 40), depth=st.integers(1, 4), columns=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_a_product_in_tiles_is_the_product(rows: int, depth: int, columns: int) -> None:
    torch.manual_seed(0)
    left, right = torch.randn(rows, 32 * depth).bfloat16(), torch.randn(32 * depth, 32 * columns).bfloat16()
    sums = torch.randn(rows, 32 * columns)
    expected = sums.double() + left.double() @ right.double()
    add_product(sums.numpy(), to_bits(left), to_tiles(right))
    torch.testing.assert_close(sums.double(), expected, atol=1e-4, rtol=1e-5)


@given(st.lists(st.floats(width=32), min_size=1))
@settings(deadline=None)
def test_a_number_is_halved_as_torch_does(numbers: list[float]) -> None:
    row = torch.tensor([numbers], dtype=torch.float32)
    halves = torch.empty_like(row, dtype=torch.bfloat16)
    halve(row.numpy(), to_bits(halves))
    torch.testing.assert_close(halves, row.bfloat16(), atol=0, rtol=0, equal_nan=True)


@needs_tiles
def test_the_recurrence_in_tiles_is_that_of_float32_within_a_hundredth(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    cell, sequence = nn.LSTM(40, 64), torch.randn(50, 20, 40, requires_grad=True)
    slopes, learned = torch.randn(50, 20, 64), [sequence, *cell.parameters()]
    theirs = cell(sequence)[0]
    monkeypatch.delattr(recurrence, "_run")  # what has no tiles
    with torch.autocast("cpu", torch.bfloat16):
        ours = run_in_bfloat16(cell, sequence)
    gradients = (torch.autograd.grad(outputs, learned, slopes) for outputs in (ours, theirs))
    for mine, exact in [(ours, theirs), *zip(*gradients, strict=True)]:
        assert (mine - exact).norm() < 0.01 * exact.norm()


@needs_tiles
def test_what_is_not_a_number_stays_so_in_tiles() -> None:
    from_inputs = torch.zeros(3, 1, 128, dtype=torch.bfloat16)
    from_inputs[1, 0, 5] = torch.nan
    outputs = recur(from_inputs, torch.zeros(128, 32))
    assert not outputs[0].isnan().any()
    assert outputs[2].isnan().any()


@pytest.mark.parametrize("setting", ["DISABLE_JIT", "CPU_NAME"])
def test_tiles_are_left_alone_where_numba_compiles_for_another_processor(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"numba.config.{setting}", "generic")
    assert not has_tiles.__wrapped__()


def test_no_tiles_without_the_systems_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cpu._init_amx", lambda: False)
    assert not has_tiles.__wrapped__()
