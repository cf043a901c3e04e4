"""Products of few rows in a processor's matrix tiles (AMX), for compiled loops: bfloat16 in, summed in float32.

A tile is 16 rows of 64 bytes. A product of a batch's few rows takes a fourth of the time that a library's takes, which
has to be called, and half of the weights' memory: those of a few hundred units stay in the nearest cache.

References:
    Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18: Intel AMX.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numba
import numpy as np
import torch
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

from speechrnn.compiled import compiled

Halves = NDArray[np.uint16]
"""Numbers in bfloat16, by their bits."""

u32 = np.uint32

_ROWS, _BYTES = 16, 64
_LEFT, _RIGHT = 2, 3
"""The third tile holds what is multiplied; the fourth and fifth the weights of what the first two sum."""

STEP = 2 * _ROWS
"""Units come in multiples of so many: a tile is as deep, and two tiles are summed at once as wide."""


@cache
def has_tiles() -> bool:
    """Returns whether the processor multiplies bfloat16 in tiles and the system lets this process do so."""
    ours = numba.config
    if ours.DISABLE_JIT or ours.CPU_NAME or ours.CPU_FEATURES or not binding.get_host_cpu_features().get("amx-bf16"):
        return False
    return bool(getattr(torch.cpu, "_init_amx", bool)())  # torch's own, which may go


def to_tiles(weight: Tensor) -> Halves:
    """Returns (depth, columns) as `add_product` reads it: (columns / 16, depth / 32, 16, 32), two rows side by side."""
    depth, columns = weight.shape
    blocks = weight.bfloat16().view(depth // STEP, _ROWS, 2, columns // _ROWS, _ROWS)
    return to_bits(blocks.permute(3, 0, 1, 4, 2).flatten(3).contiguous())


def to_bits(halves: Tensor) -> Halves:
    """Returns a tensor in bfloat16 as its bits, in the same memory."""
    return cast(Halves, halves.view(torch.uint16).numpy())


def _emit(generate: Callable[[Any, list[Any]], list[Any]], name: str, *parameters: types.Type) -> Any:
    """Returns what a compiled loop calls for an instruction, given what its operands are made of."""

    def build(context: Any, builder: Any, _: Any, given: list[Any]) -> Any:
        operands = generate(builder, given)
        kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), operands)
        return context.get_dummy_value()

    return types.void(*parameters), build


def _tile(number: int) -> ir.Constant:
    return ir.Constant(ir.IntType(8), number)


def _pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, ir.IntType(8).as_pointer())


def _mover(name: str, tile: int) -> Any:
    """Returns what moves a tile, given the address of its first row and the bytes from one row to the next."""

    @intrinsic  # type: ignore[untyped-decorator]
    def move(_: Any, address: Any, stride: Any) -> Any:
        return _emit(
            lambda builder, given: [_tile(tile), _pointer(builder, given[0]), given[1]], name, types.int64, types.int64
        )

    return move


def _multiplier(total: int, right: int) -> Any:
    """Returns what adds the product of the left tile and another one to a third."""

    @intrinsic  # type: ignore[untyped-decorator]
    def multiply(_: Any) -> Any:
        return _emit(lambda builder, given: [_tile(total), _tile(_LEFT), _tile(right)], "tdpbf16ps")

    return multiply


@intrinsic  # type: ignore[untyped-decorator]
def _configure(_: Any, address: Any) -> Any:
    return _emit(lambda builder, given: [_pointer(builder, given[0])], "ldtilecfg", types.int64)


@intrinsic  # type: ignore[untyped-decorator]
def _release(_: Any) -> Any:
    return _emit(lambda builder, given: [], "tilerelease")


_load_first, _load_second = _mover("tileloadd64", 0), _mover("tileloadd64", 1)
_store_first, _store_second = _mover("tilestored64", 0), _mover("tilestored64", 1)
_load_left = _mover("tileloadd64", _LEFT)
_load_right, _load_next = _mover("tileloadd64", _RIGHT), _mover("tileloadd64", _RIGHT + 1)
_multiply_first, _multiply_second = _multiplier(0, _RIGHT), _multiplier(1, _RIGHT + 1)


@compiled
def add_product(sums: NDArray[np.float32], rows: Halves, tiles: Halves) -> None:
    """Adds (rows, depth) times `to_tiles`' weights to sums (rows, columns); all in one piece of memory each."""
    batch, columns, depth = len(rows), tiles.shape[0], tiles.shape[1]
    across, along = 4 * sums.shape[1], 2 * rows.shape[1]
    shapes = np.zeros(_BYTES, np.uint8)
    shapes[0] = 1  # the only palette
    shapes[16:26:2] = _BYTES
    for first in range(0, batch, _ROWS):
        shapes[48:51] = min(_ROWS, batch - first)
        shapes[51:53] = _ROWS
        _configure(shapes.ctypes.data)
        for column in range(0, columns, 2):
            total = sums.ctypes.data + first * across + column * _BYTES
            _load_first(total, across)
            _load_second(total + _BYTES, across)
            for part in range(depth):
                weights = tiles.ctypes.data + (column * depth + part) * _ROWS * _BYTES
                _load_left(rows.ctypes.data + first * along + part * _BYTES, along)
                _load_right(weights, _BYTES)
                _load_next(weights + depth * _ROWS * _BYTES, _BYTES)
                _multiply_first()
                _multiply_second()
            _store_first(total, across)
            _store_second(total + _BYTES, across)
    _release()


@compiled
def halve(rows: NDArray[np.float32], halves: Halves) -> None:
    """Writes (rows, columns) in bfloat16, rounded to the nearest, to even between two."""
    for row in range(len(rows)):
        bits, rounded = rows[row].view(np.uint32), halves[row]
        for column in range(len(bits)):
            even = (bits[column] >> u32(16)) & u32(1)
            rounded[column] = (bits[column] + u32(0x7FFF) + even) >> u32(16)
