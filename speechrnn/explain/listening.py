"""A network's cells while it listens: what each reads in a recording, with which weights, in which direction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from speechrnn.audio import Signal, measure_duration, read_signal
from speechrnn.errors import AudioError, ModelError
from speechrnn.explain.cells import Weights
from speechrnn.features import Features
from speechrnn.modelfile import load_model
from speechrnn.network import AcousticNetwork, RecurrentLayer
from speechrnn.transcribe.torch_listener import TorchListener

KINDS = ("rnn", "lstm")
"""The cells whose equations we write out."""

_MOST_SECONDS = 60
"""More than that is no picture."""


@dataclass(frozen=True, slots=True)
class CellRun:
    """One cell of a network in one recording.

    Attributes:
        kind: "rnn" or "lstm".
        weights: Of the cell, in float64.
        sequence: What it reads, (frames, 1, inputs), in the order in which it reads.
        backward: Whether that is from the end to the beginning.
    """

    kind: str
    weights: Weights
    sequence: Tensor
    backward: bool

    def in_time(self, rows: Tensor) -> Tensor:
        """Returns what has a row a step, (frames, ...), in the order of time."""
        return rows.flip(0) if self.backward else rows


def read_short(path: Path, start: float = 0.0, seconds: float | None = None) -> Signal:
    """Returns a recording, or so many seconds of it from `start` on, (samples,) at 16 kHz.

    Raises:
        AudioError: It cannot be read, ends before `start`, or what is asked for lasts more than a minute.
    """
    duration = measure_duration(path)
    if start >= duration:
        raise AudioError(f"{path}: --start {start:g}: the recording ends at {duration:.2f} s")
    left = duration - start
    wanted = left if seconds is None else min(seconds, left)
    if wanted > _MOST_SECONDS:
        raise AudioError(f"{path}: lasts {wanted:.0f} s; a minute can be shown, so cut a part of it out")
    return read_signal(path, start, None if wanted == left else wanted)


def open_network(path: Path) -> TorchListener:
    """Returns the model in a file, or the best one of a run's folder, with its network.

    Raises:
        ModelError: It cannot be read, or is an exported one.
    """
    return TorchListener(load_model(path))


@contextmanager
def name_culprit(model: Path, recording: Path) -> Iterator[None]:
    """Makes what goes wrong within the block say in which file: the model, or the recording."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{model}: {error}") from error
    except AudioError as error:
        raise AudioError(f"{recording}: {error}") from error


def hear_layer(network: AcousticNetwork, features: Features, number: int) -> list[CellRun]:
    """Returns the cells of a layer with what they read: the forward one, and the backward one where there is one.

    Args:
        network: A recurrent one.
        features: As the network reads them, (frames, coefficients).
        number: Of the layer, from 1.

    Raises:
        ModelError: The network has no such layer, or its cells are neither RNN nor LSTM.
    """
    if number > len(network.layers):
        raise ModelError(f"--layer {number}: the network has {len(network.layers)} layers")
    layer = network.layers[number - 1]
    if not isinstance(layer, RecurrentLayer) or network.config.kind not in KINDS:
        raise ModelError(
            f"the network is of kind {network.config.kind}; what is shown here are the cells of RNN and LSTM"
        )
    with _overhear(layer) as heard, torch.no_grad():
        network(torch.from_numpy(features)[None], torch.tensor([len(features)]))
    sequence = heard[0].double()
    runs = [_make_run(network, layer.forward_cell, sequence, backward=False)]
    if layer.backward_cell is not None:
        runs.append(_make_run(network, layer.backward_cell, sequence.flip(0), backward=True))
    return runs


@contextmanager
def _overhear(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Yields a list into which the sequences go that a layer reads within the block."""
    heard: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    try:
        yield heard
    finally:
        handle.remove()


def _make_run(network: AcousticNetwork, cell: nn.Module, sequence: Tensor, backward: bool) -> CellRun:
    assert isinstance(cell, nn.RNN | nn.LSTM)
    given = Weights.of(cell)
    weights = Weights(*(tensor.detach().double() for tensor in (given.u, given.w, given.b)))
    return CellRun(network.config.kind, weights, sequence, backward)
