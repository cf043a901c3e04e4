"""The RNN and the LSTM, an equation a line, and back-propagation through time, written out once by hand.

Sequences are (frames, batch, inputs), states (batch, units). torch keeps two biases where one would do; here they are
one, so each of torch's has the gradient of their sum.

References:
    Werbos, Backpropagation through time: what it does and how to do it, Proceedings of the IEEE 1990.
    Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 1997.
    Gers, Schmidhuber and Cummins, Learning to forget: continual prediction with LSTM, Neural Computation 2000.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Weights:
    """Of one cell, or their gradients: what comes in, what is remembered, the bias; an LSTM's four rows stacked.

    Attributes:
        u: Of the input, (rows, inputs). rows are the units; or four times as many, as torch stacks them: those of the
            input gate, the forget gate, the candidate and the output gate.
        w: Of the previous output, (rows, units).
        b: The bias, (rows,).
    """

    u: Tensor
    w: Tensor
    b: Tensor

    @classmethod
    def of(cls, cell: nn.RNN | nn.LSTM) -> "Weights":
        """Returns the weights of the first layer of a cell of torch's."""
        u, w, b, another = map(cell.get_parameter, ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"))
        return cls(u, w, b + another)

    def zeros(self, batch: int) -> Tensor:
        """Returns the state before the first frame, (batch, units)."""
        return self.w.new_zeros(batch, self.w.shape[1])

    def split(self) -> list["Weights"]:
        """Returns an LSTM's four parts: input gate, forget gate, candidate, output gate."""
        parts = zip(self.u.chunk(4), self.w.chunk(4), self.b.chunk(4), strict=True)
        return [Weights(u, w, b) for u, w, b in parts]

    def weigh(self, x: Tensor, h: Tensor) -> Tensor:
        """Returns U x + W h + b, (batch, rows)."""
        return x @ self.u.T + h @ self.w.T + self.b


@dataclass(frozen=True, slots=True)
class LstmStep:
    """Everything that an LSTM computes in one frame, each (batch, units).

    Attributes:
        forget_gate: How much of each memory is kept, 0 to 1.
        input_gate: How much of the candidate goes into it, 0 to 1.
        candidate: What could be learned, -1 to 1.
        memory: What is remembered.
        output_gate: How much of it is shown, 0 to 1.
        output: What is shown.
    """

    forget_gate: Tensor
    input_gate: Tensor
    candidate: Tensor
    memory: Tensor
    output_gate: Tensor
    output: Tensor


def step_rnn(weights: Weights, x: Tensor, state: Tensor) -> Tensor:
    """Returns the next state, S_t = tanh(U x_t + W S_{t-1} + b)."""
    return torch.tanh(weights.weigh(x, state))


def step_lstm(weights: Weights, x: Tensor, output: Tensor, memory: Tensor) -> LstmStep:
    """Returns what an LSTM makes of the frame x, its last output h_{t-1} and its memory c_{t-1}, in four steps."""
    of_input, of_forget, of_candidate, of_output = weights.split()
    f = torch.sigmoid(of_forget.weigh(x, output))  # 1. what to forget: f_t = σ(U_f x_t + W_f h_{t-1} + b_f)
    i = torch.sigmoid(of_input.weigh(x, output))  # 2. what to learn:  i_t = σ(U_i x_t + W_i h_{t-1} + b_i)
    g = torch.tanh(of_candidate.weigh(x, output))  #                   g_t = tanh(U_g x_t + W_g h_{t-1} + b_g)
    c = f * memory + i * g  # 3. update the memory:                    c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
    o = torch.sigmoid(of_output.weigh(x, output))  # 4. what to let out: o_t = σ(U_o x_t + W_o h_{t-1} + b_o)
    return LstmStep(f, i, g, c, o, o * torch.tanh(c))  #               h_t = o_t ∘ tanh(c_t)


def run_rnn(weights: Weights, sequence: Tensor) -> Tensor:
    """Returns the states, (frames, batch, units), of an RNN that begins with zeros."""
    state, states = weights.zeros(sequence.shape[1]), []
    for x in sequence:
        state = step_rnn(weights, x, state)
        states.append(state)
    return torch.stack(states)


def run_lstm(weights: Weights, sequence: Tensor) -> list[LstmStep]:
    """Returns every step of an LSTM that begins with zeros."""
    output = memory = weights.zeros(sequence.shape[1])
    steps = []
    for x in sequence:
        step = step_lstm(weights, x, output, memory)
        output, memory = step.output, step.memory
        steps.append(step)
    return steps


def trace_back_rnn(weights: Weights, states: Tensor, errors: Tensor) -> Tensor:
    """Returns ∂L/∂(U x_t + W S_{t-1} + b) for every frame of an RNN: back-propagation through time, from the end.

    Args:
        weights: Of the cell.
        states: What `run_rnn` returned, (frames, batch, units).
        errors: ∂L/∂S_t through what lies above the cell, (frames, batch, units).
    """
    slopes = torch.zeros_like(errors)
    later = torch.zeros_like(errors[0])  # ∂L/∂S_t through S_{t+1}
    for t in reversed(range(len(errors))):
        slopes[t] = (errors[t] + later) * (1 - states[t] ** 2)  # tanh' = 1 - tanh²
        later = slopes[t] @ weights.w  # W once more for every frame
    return slopes


def trace_back_lstm(weights: Weights, steps: Sequence[LstmStep], errors: Tensor) -> Tensor:
    """Returns ∂L/∂(U x_t + W h_{t-1} + b) for every frame of an LSTM, (frames, batch, rows); as `trace_back_rnn`."""
    slopes: list[Tensor] = []
    later_output = later_memory = torch.zeros_like(errors[0])  # ∂L/∂h_t and ∂L/∂c_t through frame t + 1
    for t in reversed(range(len(errors))):
        step = steps[t]
        memory_before = steps[t - 1].memory if t else torch.zeros_like(step.memory)
        shown = torch.tanh(step.memory)
        of_output = errors[t] + later_output
        of_memory = later_memory + of_output * step.output_gate * (1 - shown**2)
        slope = torch.cat(
            [
                of_memory * step.candidate * step.input_gate * (1 - step.input_gate),  # σ' = σ (1 - σ)
                of_memory * memory_before * step.forget_gate * (1 - step.forget_gate),
                of_memory * step.input_gate * (1 - step.candidate**2),
                of_output * shown * step.output_gate * (1 - step.output_gate),
            ],
            dim=-1,
        )
        slopes.insert(0, slope)
        later_output = slope @ weights.w
        later_memory = of_memory * step.forget_gate  # the memory's own way back: no W, no tanh, only the forget gate
    return torch.stack(slopes)


def accumulate_gradients(weights: Weights, sequence: Tensor, outputs: Tensor, slopes: Tensor) -> tuple[Tensor, Weights]:
    """Returns the gradients of L with respect to the sequence and to the weights, to be read.

    Args:
        weights: Of the cell.
        sequence: What it read, (frames, batch, inputs).
        outputs: S_t or h_t, (frames, batch, units).
        slopes: What `trace_back_rnn` or `trace_back_lstm` returned.
    """
    before = torch.cat([torch.zeros_like(outputs[:1]), outputs[:-1]])
    of_u = torch.einsum("tbr,tbi->ri", slopes, sequence)  # every frame has used the same weights: its shares add up
    of_w = torch.einsum("tbr,tbu->ru", slopes, before)
    return slopes @ weights.u, Weights(of_u, of_w, slopes.sum(dim=(0, 1)))
