import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from speechrnn.tiles import add_product, has_tiles, round_to_bfloat16, to_bits, to_tiles

needs_tiles = pytest.mark.skipif(not has_tiles(), reason="this processor has no matrix tiles for bfloat16")


@needs_tiles
@given(rows=st.integers(1, 40), depth=st.integers(1, 4), columns=st.integers(1, 4))
@example(rows=16, depth=10, columns=40)
@example(rows=17, depth=1, columns=1)
@settings(deadline=None, max_examples=30)
def test_a_product_in_tiles_is_the_product(rows: int, depth: int, columns: int) -> None:
    torch.manual_seed(0)
    left, right = torch.randn(rows, 32 * depth).bfloat16(), torch.randn(32 * depth, 32 * columns).bfloat16()
    sums = torch.randn(rows, 32 * columns)
    expected = sums.double() + left.double() @ right.double()
    add_product(sums.numpy(), to_bits(left), to_tiles(right))
    torch.testing.assert_close(sums.double(), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("shape", [(32, 16), (16, 32), (64, 48)])
def test_weights_that_fill_no_tiles_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        to_tiles(torch.zeros(shape))


@needs_tiles
@pytest.mark.parametrize(("sums", "rows"), [((2, 64), (2, 32)), ((2, 32), (2, 64)), ((3, 32), (2, 32))])
def test_what_does_not_fit_the_weights_is_refused(sums: tuple[int, int], rows: tuple[int, int]) -> None:
    with pytest.raises(AssertionError):
        add_product(torch.zeros(sums).numpy(), np.zeros(rows, np.uint16), to_tiles(torch.zeros(32, 32)))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1))
@example([0x7FFFFFFF, 0xFFFFFFFF, 0x7FFF8000, 0x7F800001, 0x7F800000, 0x7F7FFFFF, 0x80000001])
@settings(deadline=None)
def test_numbers_are_rounded_as_torch_does(bits: list[int]) -> None:
    numbers = torch.from_numpy(np.array([bits, bits[::-1]], np.uint32).view(np.float32))
    rounded = torch.empty_like(numbers, dtype=torch.bfloat16)
    round_to_bfloat16(numbers.numpy(), to_bits(rounded))
    torch.testing.assert_close(rounded, numbers.bfloat16(), atol=0, rtol=0, equal_nan=True)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("numba.config.DISABLE_JIT", 1),
        ("numba.config.CPU_NAME", "generic"),
        ("numba.config.CPU_FEATURES", ""),
        ("torch.cpu._init_amx", lambda: False),
        ("speechrnn.tiles.binding.get_host_cpu_features", dict),
    ],
)
def test_there_are_tiles_where_nothing_speaks_against_it(
    where: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cpu._init_amx", lambda: True)
    monkeypatch.setattr("speechrnn.tiles.binding.get_host_cpu_features", lambda: {"amx-bf16": True})
    assert has_tiles.__wrapped__()
    monkeypatch.setattr(where, value)
    assert not has_tiles.__wrapped__()
