"""The acoustic network: stacked frames, recurrent layers in both directions, one output per symbol.

References:
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
    beyond = torch.arange(frames, device=features.device) >= lengths[:, None]
    padded = F.pad(features.masked_fill(beyond[..., None], 0.0), (0, 0, 0, -frames % count))
    return padded.reshape(batch, -1, coefficients * count), (lengths + count - 1) // count


def reverse_within(sequence: Tensor, lengths: Tensor) -> Tensor:
    """Returns (frames, batch, units) with each utterance turned around within its own length, padding left in place.

    A backward layer that runs over turned sequences starts at each utterance's last frame and never sees padding,
    so nothing needs to be packed. Turning twice gives the sequence back.
    """
    frame = torch.arange(len(sequence), device=sequence.device)[:, None]
    source = torch.where(frame < lengths, lengths - 1 - frame, frame)
    return sequence.gather(0, source[..., None].expand_as(sequence))


class RecurrentLayer(nn.Module):
    """One recurrent layer: forward in time, and backward too where asked for; outputs side by side, normalised."""

    def __init__(self, cell: Cell, inputs: int, units: int, bidirectional: bool) -> None:
        super().__init__()
        self.forward_cell = cell(inputs, units)
        self.backward_cell = cell(inputs, units) if bidirectional else None
        self.norm = nn.LayerNorm(units * (2 if bidirectional else 1))

    def forward(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Returns (frames, batch, units × directions) for (frames, batch, inputs)."""
        ahead: Tensor = self.forward_cell(sequence)[0]
        if self.backward_cell is None:
            return cast(Tensor, self.norm(ahead))
        behind = reverse_within(self.backward_cell(reverse_within(sequence, lengths))[0], lengths)
        return cast(Tensor, self.norm(torch.cat([ahead, behind], dim=-1)))


class AcousticNetwork(nn.Module):
    """From normalised features to the log-probability of every symbol and the blank, frame by frame."""

    def __init__(self, config: NetworkConfig, coefficients: int, classes: int) -> None:
        super().__init__()
        self.config = config
        directions = 2 if config.bidirectional else 1
        widths = [coefficients * config.stack] + [config.units * directions] * config.layers
        self.layers = nn.ModuleList(
            RecurrentLayer(CELLS[config.kind], width, config.units, config.bidirectional) for width in widths[:-1]
        )
        self.output = nn.Linear(widths[-1], classes)

    def forward(self, features: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log_probs (batch, frames, classes), natural log in float32, and their lengths (batch,).

        Args:
            features: (batch, frames, coefficients), padded with anything.
            input_lengths: (batch,), frames of each utterance, at least 1.
        """
        stacked, lengths = stack_frames(features, input_lengths, self.config.stack)
        sequence = stacked.transpose(0, 1)
        for layer in self.layers:
            sequence = F.dropout(layer(sequence, lengths), self.config.dropout, self.training)
        scores: Tensor = self.output(sequence).transpose(0, 1)
        return scores.float().log_softmax(dim=-1), lengths

    def count_parameters(self) -> int:
        """Returns the number of trained values."""
        return sum(parameter.numel() for parameter in self.parameters())
