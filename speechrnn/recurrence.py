"""An LSTM's training pass on a processor under bfloat16: what a library does frame by frame, in compiled loops.

What the inputs add to the gates is one product for all frames, and so is what the weights learn: these are torch's, in
bfloat16. Within the recurrence a product has as few rows as the batch has utterances. It is in bfloat16 where the
processor has tiles that suit it, and in float32, by torch, where not.

References:
    Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 1997.
    Gers, Schmidhuber and Cummins, Learning to forget: continual prediction with LSTM, Neural Computation 2000.
    Lambert, Mémoire sur quelques propriétés remarquables des quantités transcendentes, 1768: tanh as a fraction.
"""

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from speechrnn.compiled import compiled, compiled_within
from speechrnn.tiles import UNITS_MULTIPLE, Bfloat16Bits, add_product, has_tiles, round_to_bfloat16, to_bits, to_tiles

Rows = NDArray[np.float32]
Frames = NDArray[np.float32]
"""(frames, batch, ...); of cells there is one more, before the first."""

f32 = np.float32


def run_in_bfloat16(cell: nn.LSTM, sequence: Tensor) -> Tensor:
    """Returns what `cell(sequence)[0]` does, (frames, batch, units) in float32, for (frames, batch, inputs).

    A layer that reads forward alone, within an autocast to bfloat16, which rounds the biases too.
    """
    inner, outer, left, right = cell.all_weights[0]
    return recur(F.linear(sequence, inner, left + right), outer)


def recur(from_inputs: Tensor, weight: Tensor) -> Tensor:
    """Returns an LSTM's outputs, (frames, batch, units), in float32.

    Args:
        from_inputs: What the inputs and biases add to each gate, (frames, batch, 4 × units), in torch's order: input,
            forget, candidate, output. Where it is in bfloat16, and the processor has tiles that suit the units, what
            the frame before adds is computed so too.
        weight: What the frame before adds, (4 × units, units).
    """
    return cast(Tensor, _Recurrence.apply(from_inputs, weight.float()))  # type: ignore[no-untyped-call]


class _Recurrence(Function):
    """`recur`; it keeps each frame's gates, cells and their tanh. What is called by_ is the loss's gradient by it."""

    @staticmethod
    def forward(ctx: Any, from_inputs: Tensor, weight: Tensor) -> Tensor:
        gates = from_inputs.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
        cells = gates.new_zeros(len(gates) + 1, gates.shape[1], weight.shape[1])  # none before the first frame
        squashed, outputs = torch.empty_like(cells[1:]), torch.empty_like(cells[1:])
        kept = [tensor.numpy() for tensor in (gates, cells, squashed, outputs)]
        ctx.tiled = from_inputs.dtype == torch.bfloat16 and weight.shape[1] % UNITS_MULTIPLE == 0 and has_tiles()
        if ctx.tiled:
            heard = torch.empty_like(outputs, dtype=torch.bfloat16)
            _run_in_tiles(to_tiles(weight.t()), to_bits(heard), *kept)
        else:
            _run(weight.t().contiguous(), *kept)
            heard = outputs.bfloat16()
        ctx.save_for_backward(weight, gates, cells, squashed, heard)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor]:
        weight, gates, cells, squashed, heard = ctx.saved_tensors
        by_outputs = slopes[0].clone(memory_format=torch.contiguous_format)
        kept = [tensor.numpy() for tensor in (by_outputs, gates, cells, squashed)]
        if ctx.tiled:
            by_gates = torch.empty_like(gates, dtype=torch.bfloat16)
            _run_back_in_tiles(to_tiles(weight), to_bits(by_gates), *kept)
        else:
            by_gates = torch.empty_like(gates)
            _run_back(weight, by_gates.numpy(), *kept)
        learned = by_gates[1:].flatten(0, 1).bfloat16().t() @ heard[:-1].flatten(0, 1)
        return by_gates, learned.float()


def _run(weight: Tensor, gates: Frames, cells: Frames, squashed: Frames, outputs: Frames) -> None:
    """Fills in cells, squashed and outputs, and turns what the inputs add into the gates, in place."""
    sums, heard = torch.from_numpy(gates).unbind(), torch.from_numpy(outputs).unbind()
    for frame in range(len(gates)):
        if frame:
            torch.addmm(sums[frame], heard[frame - 1], weight, out=sums[frame])
        _step(gates[frame], cells[frame], cells[frame + 1], squashed[frame], outputs[frame])


def _run_back(
    weight: Tensor, by_gates: Frames, by_outputs: Frames, gates: Frames, cells: Frames, squashed: Frames
) -> None:
    sums, later = torch.from_numpy(by_outputs).unbind(), torch.from_numpy(by_gates).unbind()
    by_cells = np.zeros_like(cells[0])
    for frame in reversed(range(len(gates))):
        if frame + 1 < len(gates):
            torch.addmm(sums[frame], later[frame + 1], weight, out=sums[frame])
        _step_back(by_cells, by_outputs[frame], gates[frame], cells[frame], squashed[frame], by_gates[frame])


@compiled
def _run_in_tiles(
    tiles: Bfloat16Bits, heard: Bfloat16Bits, gates: Frames, cells: Frames, squashed: Frames, outputs: Frames
) -> None:
    """Does what `_run` does, and fills in the outputs in bfloat16 too."""
    for frame in range(len(gates)):
        if frame:
            add_product(gates[frame], heard[frame - 1], tiles)
        _step(gates[frame], cells[frame], cells[frame + 1], squashed[frame], outputs[frame])
        round_to_bfloat16(outputs[frame], heard[frame])


@compiled
def _run_back_in_tiles(
    tiles: Bfloat16Bits, by_gates: Bfloat16Bits, by_outputs: Frames, gates: Frames, cells: Frames, squashed: Frames
) -> None:
    by_cells, by_sums = np.zeros_like(cells[0]), np.empty_like(gates[0])
    for frame in range(len(gates) - 1, -1, -1):
        if frame + 1 < len(gates):
            add_product(by_outputs[frame], by_gates[frame + 1], tiles)
        _step_back(by_cells, by_outputs[frame], gates[frame], cells[frame], squashed[frame], by_sums)
        round_to_bfloat16(by_sums, by_gates[frame])


@compiled
def _step(gates: Rows, before: Rows, cells: Rows, squashed: Rows, outputs: Rows) -> None:
    """Writes a frame's cells, their tanh and the outputs, each (batch, units); its sums become its gates, in place."""
    batch, units = cells.shape
    for row in range(batch):
        input_gate, forget_gate = gates[row, :units], gates[row, units : 2 * units]
        candidate, output_gate = gates[row, 2 * units : 3 * units], gates[row, 3 * units :]
        for unit in range(units):
            input_gate[unit] = _sigmoid(input_gate[unit])
            forget_gate[unit] = _sigmoid(forget_gate[unit])
            candidate[unit] = _tanh(candidate[unit])
            output_gate[unit] = _sigmoid(output_gate[unit])
            cells[row, unit] = forget_gate[unit] * before[row, unit] + input_gate[unit] * candidate[unit]
            squashed[row, unit] = _tanh(cells[row, unit])
            outputs[row, unit] = output_gate[unit] * squashed[row, unit]


@compiled
def _step_back(by_cells: Rows, by_outputs: Rows, gates: Rows, before: Rows, squashed: Rows, by_sums: Rows) -> None:
    """Writes the gradient of one frame's sums, (batch, 4 × units); the cells' becomes that of the frame before."""
    batch, units = squashed.shape
    one = f32(1)
    for row in range(batch):
        for unit in range(units):
            input_gate, forget_gate = gates[row, unit], gates[row, units + unit]
            candidate, output_gate = gates[row, 2 * units + unit], gates[row, 3 * units + unit]
            tanh, by_output = squashed[row, unit], by_outputs[row, unit]
            by_cell = by_cells[row, unit] + by_output * output_gate * (one - tanh * tanh)
            by_sums[row, unit] = by_cell * candidate * input_gate * (one - input_gate)
            by_sums[row, units + unit] = by_cell * before[row, unit] * forget_gate * (one - forget_gate)
            by_sums[row, 2 * units + unit] = by_cell * input_gate * (one - candidate * candidate)
            by_sums[row, 3 * units + unit] = by_output * tanh * output_gate * (one - output_gate)
            by_cells[row, unit] = by_cell * forget_gate


@compiled_within
def _sigmoid(value: f32) -> f32:
    return f32(0.5) + f32(0.5) * _tanh(f32(0.5) * value)


@compiled_within
def _tanh(value: f32) -> f32:
    """Returns tanh within 2e-7: Lambert's fraction of a quarter, doubled twice, divided once; so it runs in vectors."""
    below = f32(9) if value > f32(9) else value  # where tanh is 1; what is not a number stays so
    quarter = f32(0.25) * (f32(-9) if below < f32(-9) else below)
    square = quarter * quarter
    over = quarter * (f32(1) + square * (f32(17325 / 135135) + square * (f32(378 / 135135) + square * f32(1 / 135135))))
    under = f32(1) + square * (f32(62370 / 135135) + square * (f32(3150 / 135135) + square * f32(28 / 135135)))
    over, under = f32(2) * over * under, under * under + over * over
    return f32(2) * over * under / (under * under + over * over)
