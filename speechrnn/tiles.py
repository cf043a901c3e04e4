"""Products of few rows in a processor's matrix tiles (Intel AMX), for compiled loops: bfloat16 in, float32 sums.

A library's product of a batch's few rows is slow: each call costs more than the multiplying, and reads the weights in
float32. In a loop of our own they take half of the memory, which the second-level cache holds up to about 500 units.

References:
    Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18: Intel AMX.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import numba
import numpy as np
import torch
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

from speechrnn.compiled import compiled

Bfloat16Bits = NDArray[np.uint16]

u32 = np.uint32

_ROWS = 16
"""Rows of a tile; each is 64 bytes: 32 numbers in bfloat16, or 16 in float32."""

_ROW_BYTES = 64

UNITS_MULTIPLE = 2 * _ROWS
"""Depth and columns are multiples of so many: one tile is as deep, and two are summed at once as wide."""


@cache
def has_tiles() -> bool:
    """Returns whether the processor multiplies bfloat16 in tiles, and the system lets this process do so."""
    settings = numba.config  # told to compile for another processor, or not at all, numba must not meet a tile
    if settings.DISABLE_JIT or settings.CPU_NAME is not None or settings.CPU_FEATURES is not None:
        return False
    ask = getattr(torch.cpu, "_init_amx", None)  # torch's own, and private
    return bool(binding.get_host_cpu_features().get("amx-bf16") and ask and ask())


def to_tiles(weight: Tensor) -> Bfloat16Bits:
    """Returns (depth, columns) as `add_product` reads it: (columns / 16, depth / 32, 16, 32), in pairs of rows (VNNI).

    Raises:
        ValueError: Depth or columns are no multiple of 32.
    """
    depth, columns = weight.shape
    if depth % UNITS_MULTIPLE or columns % UNITS_MULTIPLE:
        raise ValueError(f"tiles take multiples of {UNITS_MULTIPLE}, got {tuple(weight.shape)}")
    pairs = weight.bfloat16().view(depth // UNITS_MULTIPLE, _ROWS, 2, columns // _ROWS, _ROWS)
    return to_bits(pairs.permute(3, 0, 1, 4, 2).flatten(3).contiguous())


def to_bits(tensor: Tensor) -> Bfloat16Bits:
    """Returns a tensor in bfloat16 as its bits, in the same memory."""
    return cast(Bfloat16Bits, tensor.view(torch.uint16).numpy())


def _emit(context: Any, builder: Any, instruction: str, operands: Sequence[Any]) -> Any:
    kind = ir.FunctionType(ir.VoidType(), [operand.type for operand in operands])
    builder.call(builder.module.declare_intrinsic(f"llvm.x86.{instruction}", fnty=kind), operands)
    return context.get_dummy_value()


def _number(tile: Any) -> ir.Constant:
    return ir.Constant(ir.IntType(8), tile.literal_value)


def _point(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, ir.IntType(8).as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def _configure(_: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, given: Sequence[Any]) -> Any:
        return _emit(context, builder, "ldtilecfg", [_point(builder, given[0])])

    return types.void(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _release(_: Any) -> Any:
    def generate(context: Any, builder: Any, *_: Any) -> Any:
        return _emit(context, builder, "tilerelease", [])

    return types.void(), generate


def _make_move(instruction: str) -> Any:
    """Returns what moves a tile, given the address of its first row and the bytes from one row to the next."""

    @intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
    def move(_: Any, tile: Any, address: Any, stride: Any) -> Any:
        def generate(context: Any, builder: Any, _: Any, given: Sequence[Any]) -> Any:
            return _emit(context, builder, instruction, [_number(tile), _point(builder, given[1]), given[2]])

        return types.void(tile, types.int64, types.int64), generate

    return move


_load, _store = _make_move("tileloadd64"), _make_move("tilestored64")


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _multiply(_: Any, total: Any, left: Any, right: Any) -> Any:
    """Adds the product of two tiles to a third."""

    def generate(context: Any, builder: Any, *_: Any) -> Any:
        return _emit(context, builder, "tdpbf16ps", [_number(tile) for tile in (total, left, right)])

    return types.void(total, left, right), generate


@compiled
def add_product(sums: NDArray[np.float32], rows: Bfloat16Bits, tiles: Bfloat16Bits) -> None:
    """Adds (rows, depth) times `to_tiles`' weights to sums (rows, columns), in place; what is denormal counts as zero.

    The rows lie as far apart as they may, each in one piece of memory. Only where `has_tiles`.
    """
    columns, depth = tiles.shape[0], tiles.shape[1]
    assert sums.shape == (len(rows), _ROWS * columns)
    assert rows.shape[1] == UNITS_MULTIPLE * depth
    down, along, across = sums.strides[0], rows.strides[0], depth * _ROWS * _ROW_BYTES
    shapes = np.zeros(64, np.uint8)
    shapes[0] = 1  # the only palette
    shapes[16:26:2] = _ROW_BYTES  # of tiles 0 and 1: sums, 2: rows, 3 and 4: weights
    shapes[51:53] = _ROWS
    for first in range(0, len(rows), _ROWS):
        shapes[48:51] = min(_ROWS, len(rows) - first)
        _configure(shapes.ctypes.data)
        for column in range(0, columns, 2):
            total = sums.ctypes.data + first * down + column * _ROW_BYTES
            _load(0, total, down)
            _load(1, total + _ROW_BYTES, down)
            for part in range(depth):
                weights = tiles.ctypes.data + column * across + part * _ROWS * _ROW_BYTES
                _load(2, rows.ctypes.data + first * along + part * _ROW_BYTES, along)
                _load(3, weights, _ROW_BYTES)
                _load(4, weights + across, _ROW_BYTES)
                _multiply(0, 2, 3)
                _multiply(1, 2, 4)
            _store(0, total, down)
            _store(1, total + _ROW_BYTES, down)
    _release()


@compiled
def round_to_bfloat16(numbers: NDArray[np.float32], rounded: Bfloat16Bits) -> None:
    """Writes (rows, columns) in bfloat16: the nearest, of two the even one; what is not a number stays so."""
    for row in range(len(numbers)):
        bits, halves = numbers[row].view(np.uint32), rounded[row]
        for column in range(len(bits)):
            even = (bits[column] >> u32(16)) & u32(1)
            nearest = (bits[column] + u32(0x7FFF) + even) >> u32(16)
            halves[column] = 0x7FC0 if (bits[column] & u32(0x7FFFFFFF)) > u32(0x7F800000) else nearest
