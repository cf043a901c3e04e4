"""The acoustic network: frames stacked or convolved, layers that remember or look around, one output per symbol.

Whatever lies beyond an utterance's length changes none of its results.

References:
    Rosenblatt, The perceptron: a probabilistic model for information storage and organization in the brain, 1958.
    Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 1997.
    Schuster and Paliwal, Bidirectional recurrent neural networks, IEEE Transactions on Signal Processing 1997.
    Ba, Kiros and Hinton, Layer normalization, 2016.
    Graves, Mohamed and Hinton, Speech recognition with deep recurrent neural networks, ICASSP 2013.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechrnn.config import NetworkConfig

Cell = type[nn.RNN] | type[nn.GRU] | type[nn.LSTM]

CELLS: Mapping[str, Cell] = MappingProxyType({"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM})
"""The recurrent cells by the recipe's name for them."""


def stack_frames(features: Tensor, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Returns every `count` neighbouring frames as one, and the new lengths.

    (batch, frames, coefficients) becomes (batch, ceil(frames / count), coefficients × count); a last frame that is
    not full is filled with zeros, whatever lies beyond its utterance's length.
    """
    batch, frames, coefficients = features.shape
    padded = F.pad(clear_beyond(features, lengths), (0, 0, 0, -frames % count))
    return padded.reshape(batch, -1, coefficients * count), (lengths + count - 1) // count


def clear_beyond(features: Tensor, lengths: Tensor) -> Tensor:
    """Returns (batch, frames, ...) with zeros beyond each utterance's length."""
    beyond = torch.arange(features.shape[1], device=features.device) >= lengths[:, None]
    return features.masked_fill(beyond[..., None], 0.0)


def gather_context(sequence: Tensor, lengths: Tensor, before: int, after: int) -> Tensor:
    """Returns each frame with its neighbours beside it, zeros beyond both ends of an utterance.

    (frames, batch, units) becomes (frames, batch, units × (before + 1 + after)), the earliest first.
    """
    frames = len(sequence)
    padded = F.pad(clear_beyond(sequence.transpose(0, 1), lengths).transpose(0, 1), (0, 0, 0, 0, before, after))
    return torch.cat([padded[start : start + frames] for start in range(before + 1 + after)], dim=-1)


def reverse_within(sequence: Tensor, lengths: Tensor) -> Tensor:
    """Returns (frames, batch, units) with each utterance turned around within its own length, padding left in place.

    A backward layer that runs over turned sequences starts at each utterance's last frame and never sees padding,
    so nothing needs to be packed. Turning twice gives the sequence back.
    """
    frame = torch.arange(len(sequence), device=sequence.device)[:, None]
    source = torch.where(frame < lengths, lengths - 1 - frame, frame)
    rows = source * len(lengths) + torch.arange(len(lengths), device=sequence.device)
    return sequence.flatten(0, 1).index_select(0, rows.flatten()).view_as(sequence)


def drop_out(values: Tensor, share: float) -> Tensor:
    """Returns values of which a share, drawn by chance, is zero, and the others are as much larger.

    On a processor it takes 16 of a number's 64 random bits for each, where torch draws a number for each, and a third
    of the time; `share` is rounded to 1/65536.
    """
    if not share or values.device.type != "cpu":
        return F.dropout(values, share)
    numbers = torch.empty(values.numel() // 4 + 1, dtype=torch.int64).random_(-(2**63), None)
    bits = numbers.view(torch.int16)[: values.numel()].view_as(values)
    kept = bits >= min(round(share * 65536), 65535) - 32768
    return values * (kept.to(values.dtype) * (1 / (1 - share)))


class StridedConvolution(nn.Module):
    """A convolution over time that makes one frame of so many, instead of stacking them; normalised, rectified."""

    def __init__(self, coefficients: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(coefficients, channels, kernel, stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(channels)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns (batch, ceil(frames / stride), channels) for (batch, frames, coefficients), and the new lengths."""
        convolved = self.convolution(clear_beyond(features, lengths).transpose(1, 2)).transpose(1, 2)
        stride = self.convolution.stride[0]
        return F.relu(self.norm(convolved)), (lengths + stride - 1) // stride


class PerceptronLayer(nn.Module):
    """One layer without memory: it sees a frame, and its neighbours where asked for; rectified, normalised."""

    def __init__(self, inputs: int, units: int, before: int, after: int) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.linear = nn.Linear(inputs * (before + 1 + after), units)
        self.norm = nn.LayerNorm(units)

    def forward(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Returns (frames, batch, units) for (frames, batch, inputs)."""
        seen = gather_context(sequence, lengths, self.before, self.after)
        return cast(Tensor, self.norm(F.relu(self.linear(seen))))


class RecurrentLayer(nn.Module):
    """One recurrent layer: forward in time, and backward too where asked for; outputs side by side, normalised."""

    def __init__(self, cell: Cell, inputs: int, units: int, bidirectional: bool) -> None:
        super().__init__()
        self.forward_cell = cell(inputs, units)
        self.backward_cell = cell(inputs, units) if bidirectional else None
        self.norm = nn.LayerNorm(units * (2 if bidirectional else 1))

    def forward(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Returns (frames, batch, units × directions) for (frames, batch, inputs)."""
        ahead = _run_cell(self.forward_cell, sequence)
        if self.backward_cell is None:
            return cast(Tensor, self.norm(ahead))
        behind = reverse_within(_run_cell(self.backward_cell, reverse_within(sequence, lengths)), lengths)
        return cast(Tensor, self.norm(torch.cat([ahead, behind], dim=-1)))


class AcousticNetwork(nn.Module):
    """From normalised features to the log-probability of every symbol and the blank, frame by frame."""

    def __init__(self, config: NetworkConfig, coefficients: int, classes: int, phones: int = 0) -> None:
        """Draws the weights.

        Args:
            config: Layers and units.
            coefficients: What it sees of a frame.
            classes: Symbols that it can emit, the blank among them.
            phones: As many phones, the blank among them, if a second output reads these off the same layers.
        """
        super().__init__()
        self.config = config
        self.convolution: StridedConvolution | None = None
        width = coefficients * config.stack
        if config.front == "convolution":
            width = config.units
            self.convolution = StridedConvolution(coefficients, width, config.kernel, config.stack)
        self.layers = nn.ModuleList()
        for number in range(config.layers):
            self.layers.append(_make_layer(config, width, first=number == 0))
            width = config.units * (2 if config.bidirectional and config.kind != "mlp" else 1)
        self.output = nn.Linear(width, classes)
        self.phone_output = nn.Linear(width, phones) if phones else None

    def forward(self, features: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log_probs (batch, frames, classes), natural log in float32, and their lengths (batch,).

        Args:
            features: (batch, frames, coefficients), padded with anything.
            input_lengths: (batch,), frames of each utterance, at least 1.
        """
        outputs, lengths = self.run(features, input_lengths)
        return self.score(outputs[-1]).transpose(0, 1), lengths

    def read_phones(self, features: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what `forward` does, of phones instead of symbols."""
        outputs, lengths = self.run(features, input_lengths)
        return self.score_phones(outputs[-1]).transpose(0, 1), lengths

    def run(self, features: Tensor, input_lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        """Returns each layer's output, (frames, batch, units × directions), and the lengths; arguments as `forward`."""
        fewer, lengths = self.thin(features, input_lengths)
        outputs = [fewer.transpose(0, 1)]
        for layer in self.layers:
            out = layer(outputs[-1], lengths)
            outputs.append(drop_out(out, self.config.dropout) if self.training else out)
        return outputs[1:], lengths

    def thin(self, features: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns frames stacked or convolved, (batch, fewer frames, coefficients or channels), and their lengths."""
        if self.convolution is None:
            return stack_frames(features, input_lengths, self.config.stack)
        fewer, lengths = self.convolution(features, input_lengths)
        return fewer, lengths

    def score(self, sequence: Tensor) -> Tensor:
        """Returns log_probs of the last layer's outputs, (..., units), natural log in float32."""
        return _normalize(self.output(sequence))

    def score_phones(self, sequence: Tensor) -> Tensor:
        """Returns what `score` does, of phones instead of symbols."""
        assert self.phone_output is not None
        return _normalize(self.phone_output(sequence))

    def count_parameters(self) -> int:
        """Returns the number of trained values."""
        return sum(parameter.numel() for parameter in self.parameters())


def describe_network(config: NetworkConfig) -> str:
    """Returns the network in a few words: 3 x 256 bidirectional LSTM."""
    directions = "bidirectional " if config.bidirectional else ""
    front = " behind a convolution" if config.front == "convolution" else ""
    return f"{config.layers} x {config.units} {directions}{config.kind.upper()}{front}"


def _run_cell(cell: nn.Module, sequence: Tensor) -> Tensor:
    if isinstance(cell, nn.LSTM) and sequence.device.type == "cpu" and _trains_in_bfloat16():
        from speechrnn.recurrence import run_in_bfloat16  # it takes numba, which listening needs not

        return run_in_bfloat16(cell, sequence)
    return cast(Tensor, cell(sequence)[0])


def _trains_in_bfloat16() -> bool:
    halved = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    return halved and torch.is_grad_enabled()


def _normalize(scores: Tensor) -> Tensor:
    return scores.float().log_softmax(dim=-1)


def _make_layer(config: NetworkConfig, inputs: int, first: bool) -> nn.Module:
    if config.kind == "mlp":
        context = config.context if first else 0
        return PerceptronLayer(inputs, config.units, context, context if config.bidirectional else 0)
    return RecurrentLayer(CELLS[config.kind], inputs, config.units, config.bidirectional)
