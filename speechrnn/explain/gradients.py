"""How far back a cell feels: the norm of ∂(output at T)/∂(input at t) against the distance T - t.

References:
    Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen, 1991.
    Bengio, Simard and Frasconi, Learning long-term dependencies with gradient descent is difficult, IEEE Transactions
    on Neural Networks 1994.
    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from speechrnn.audio import Signal
from speechrnn.console import show_progress
from speechrnn.errors import AudioError, ModelError
from speechrnn.explain.cells import run_lstm, run_rnn, trace_back_lstm, trace_back_rnn
from speechrnn.explain.listening import KINDS, CellRun, hear_layer
from speechrnn.explain.picture import COLOURS, SLIDE
from speechrnn.modelfile import build_network
from speechrnn.modelinfo import ModelInfo
from speechrnn.network import AcousticNetwork
from speechrnn.transcribe.torch_listener import TorchListener

_ENDS = 8
"""Frames T that are looked back from, evenly over the recording's second half."""

_FARTHEST = 100
"""Frames that are looked back."""


@dataclass(frozen=True, slots=True)
class Decay:
    """How a cell's sensitivity falls with the distance in time.

    Attributes:
        kind: "rnn" or "lstm".
        model: The one that it is from; empty for fresh weights.
        frame_ms: One step.
        norms: Frobenius norm of ∂h_T/∂x_t for each T looked back from and each distance, (ends, distances), from
            distance 0 on.
    """

    kind: str
    model: str
    frame_ms: float
    norms: NDArray[np.float64]

    @property
    def curve(self) -> NDArray[np.float64]:
        """The geometric mean over all T, (distances,)."""
        means: NDArray[np.float64] = np.exp(np.log(np.maximum(self.norms, 1e-300)).mean(axis=0))
        return means

    @property
    def factor(self) -> float:
        """By how much a step multiplies: of the straight line nearest to the curve's logarithm."""
        return float(np.exp(self._fit()[0]))

    @property
    def line(self) -> NDArray[np.float64]:
        """That line, as norms, (distances,)."""
        slope, start = self._fit()
        fitted: NDArray[np.float64] = np.exp(start + slope * np.arange(len(self.curve)))
        return fitted

    @property
    def straightness(self) -> float:
        """R²: what share of the logarithm's variance the line explains; 1 where the decay is exponential."""
        logs = np.log(self.curve)
        return float(1 - np.square(logs - np.log(self.line)).sum() / np.square(logs - logs.mean()).sum())

    @property
    def half_life_ms(self) -> float:
        """After so long half of it is left; infinite where it does not fall."""
        return self.frame_ms * log(0.5) / log(self.factor) if self.factor < 1 else float("inf")

    def _fit(self) -> tuple[float, float]:
        slope, start = np.polyfit(np.arange(len(self.curve)), np.log(self.curve), 1)
        return float(slope), float(start)


def differentiate_output(run: CellRun, end: int, farthest: int) -> Tensor:
    """Returns ∂h_T/∂x_t for T = `end` and each t no farther away, (frames, units, inputs), the last frame last.

    It is back-propagation through time in which each unit of h_T is the loss of one row of a batch: its error is 1 for
    that unit at T, and 0 elsewhere.
    """
    weights, units = run.weights, run.weights.w.shape[1]
    first = max(0, end - farthest)
    before = max(0, first - 1)  # the slopes of a frame need the memory before it
    errors = run.sequence.new_zeros(end + 1 - before, units, units)
    errors[-1] = torch.eye(units)
    if run.kind == "rnn":
        slopes = trace_back_rnn(weights, run_rnn(weights, run.sequence[: end + 1])[before:], errors)
    else:
        slopes = trace_back_lstm(weights, run_lstm(weights, run.sequence[: end + 1])[before:], errors)
    return slopes[first - before :] @ weights.u


def measure_decay(run: CellRun, model: str, frame_ms: float) -> Decay:
    """Returns how the sensitivity of a cell's output falls with the distance in time, in one recording.

    Raises:
        AudioError: The recording is too short for it.
    """
    last = len(run.sequence) - 1
    farthest = min(last // 2, _FARTHEST)
    if farthest < 2:
        raise AudioError(f"{last + 1} frames of {frame_ms:g} ms are too few to look back in; take a longer recording")
    ends = sorted({int(end) for end in np.linspace(farthest, last, _ENDS)})
    norms = [differentiate_output(run, end, farthest).flip(0).flatten(1).norm(dim=1) for end in ends]
    return Decay(run.kind, model, frame_ms, torch.stack(norms).numpy())


def compare_decays(models: Mapping[str, TorchListener], signal: Signal, layer: int) -> list[Decay]:
    """Returns the decay of each model's forward cell in a layer, and of an RNN and an LSTM with fresh weights.

    The fresh ones have the sizes of the first model of their kind, or of the first model.

    Args:
        models: By name.
        signal: The recording, (samples,) at 16 kHz.
        layer: From 1.

    Raises:
        AudioError: The recording is too short.
        ModelError: As `hear_layer`; it names the model.
    """
    listeners = list(models.values())
    networks = [(listener, listener.model.network, name) for name, listener in models.items()]
    for kind in KINDS:
        like = next((one for one in listeners if one.info.recipe.network.kind == kind), listeners[0])
        networks.append((like, make_fresh(like.info, kind), ""))
    decays = []
    with show_progress("Looking back", len(networks), "networks") as advance:
        for listener, network, name in networks:
            try:
                run = hear_layer(network, listener.compute_input(signal), layer)[0]
            except ModelError as error:
                raise ModelError(f"{name}: {error}") from error
            decays.append(measure_decay(run, name, 1000 * listener.info.frame_seconds))
            advance(1)
    return sorted(decays, key=lambda decay: (decay.kind == "lstm", not decay.model))


def make_fresh(info: ModelInfo, kind: str) -> AcousticNetwork:
    """Returns a network with fresh weights, like a model's but for its kind."""
    network = replace(info.recipe.network, kind=kind)  # type: ignore[arg-type]
    with torch.random.fork_rng():
        torch.manual_seed(info.recipe.training.seed)
        return build_network(replace(info.recipe, network=network), info.features, info.alphabet).eval()


COLUMNS = ("cell", "weights", "factor a step", "step, ms", "half after, ms", "R²")


def list_rows(decays: Sequence[Decay]) -> Iterator[list[str]]:
    """Yields a row of the table for each cell."""
    for decay in decays:
        yield [
            decay.kind.upper(),
            decay.model or "fresh",
            f"{decay.factor:.3f}",
            f"{decay.frame_ms:g}",
            f"{decay.half_life_ms:.0f}",
            f"{decay.straightness:.3f}",
        ]


@rc_context(SLIDE)
def draw_decays(decays: Sequence[Decay], title: str) -> Figure:
    """Returns a picture of sensitivity against distance, on a log scale, each curve with its straight line."""
    figure = Figure(figsize=(14, 8), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots()
    for decay in decays:
        colour = COLOURS[0] if decay.kind == "lstm" else COLOURS[1]
        style = "-" if decay.model else "--"
        seconds = np.arange(len(decay.curve)) * decay.frame_ms / 1000
        low, high = decay.norms.min(axis=0), decay.norms.max(axis=0)
        axes.fill_between(seconds, low, high, color=colour, alpha=0.12, linewidth=0)
        weights = f"trained ({Path(decay.model).name})" if decay.model else "fresh weights"
        name = f"{decay.kind.upper()}, {weights}: × {decay.factor:.2f} a step"
        axes.plot(seconds, decay.curve, style, color=colour, linewidth=4, label=name)
        axes.plot(seconds, decay.line, ":", color=colour, linewidth=1.5)
    axes.set_yscale("log")
    axes.set(xlabel="distance T - t, seconds", ylabel="‖ ∂ output at T / ∂ input at t ‖")
    axes.legend(loc="lower left")
    return figure
