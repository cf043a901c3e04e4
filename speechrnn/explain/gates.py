"""An LSTM at work: its gates and its memory over a recording, and which units follow pauses or vowels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.ctc import decode_greedy
from speechrnn.errors import ModelError
from speechrnn.explain.cells import run_lstm
from speechrnn.explain.listening import CellRun, hear_layer
from speechrnn.explain.picture import COLOURS, SLIDE, draw_mfcc, draw_output, draw_waveform, set_title, share_time
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.torch_listener import TorchListener

Rows = NDArray[np.float64]

QUANTITIES = {
    "forget gate": "1. what to forget (forget gate: 0 forgets, 1 keeps)",
    "input gate": "2. what to learn (input gate: 0 nothing, 1 all)",
    "memory": "3. the memory",
    "output gate": "4. what to let out (output gate: 0 nothing, 1 all)",
}
"""What is shown of a cell, in the order of the course, and what it says."""

_VOWELS = frozenset("aeiouyáéíóúü")

_PAUSE_DB = 30
"""A frame so far below the loudest is a pause."""

_NEAR = 3
"""Shifts by no more frames say nothing about chance: neighbouring frames are alike."""


@dataclass(frozen=True, slots=True)
class Following:
    """How well the units of one quantity follow one kind of sound.

    Attributes:
        quantity: One of `QUANTITIES`.
        sound: "pauses" or "vowels".
        correlations: Pearson's r of each unit, (units,); 0 where a unit never moves.
        chance: The largest |r| of any unit where the sounds are shifted around in time; one shift in twenty exceeds it.
    """

    quantity: str
    sound: str
    correlations: Rows
    chance: float

    @property
    def best(self) -> int:
        """The unit that follows best, or best does the opposite; from 0."""
        return int(np.abs(self.correlations).argmax())

    @property
    def count(self) -> int:
        """Units that follow better than any does by chance."""
        return int((np.abs(self.correlations) > self.chance).sum())


def hear_gates(listener: TorchListener, signal: Signal, layer: int, backward: bool) -> dict[str, Rows]:
    """Returns each of `QUANTITIES` over a recording, (frames, units), in the order of time.

    Args:
        listener: An LSTM.
        signal: (samples,) at 16 kHz.
        layer: From 1.
        backward: Whether the cell is the one that reads from the end.

    Raises:
        ModelError: It is no LSTM, or has no such layer or direction.
    """
    runs = hear_layer(listener.model.network, listener.compute_input(signal), layer)
    if runs[0].kind != "lstm":
        raise ModelError("the network is an RNN, which has no gates; name an LSTM")
    if backward and len(runs) == 1:
        raise ModelError("--backward: the network only reads forward")
    run = runs[backward]
    steps = run_lstm(run.weights, run.sequence)
    return {
        "forget gate": _line_up(run, [step.forget_gate for step in steps]),
        "input gate": _line_up(run, [step.input_gate for step in steps]),
        "memory": _line_up(run, [step.memory for step in steps]),
        "output gate": _line_up(run, [step.output_gate for step in steps]),
    }


def find_sounds(listener: TorchListener, signal: Signal) -> dict[str, NDArray[np.bool_]]:
    """Returns in which output frames there are pauses and vowels, (frames,) each.

    A pause is 30 dB below the loudest frame. A vowel is where the nearest letter that the network emits is one.
    """
    log_probs = listener.compute_log_probs(signal)
    frames = len(log_probs)
    samples = round(listener.info.frame_seconds * SAMPLE_RATE)
    padded = np.pad(signal, (0, max(0, frames * samples - len(signal))))[: frames * samples]
    levels = 10 * np.log10(np.square(padded.reshape(frames, samples), dtype=np.float64).mean(axis=1) + 1e-12)
    pauses = levels < levels.max() - _PAUSE_DB
    hypothesis = decode_greedy(log_probs)
    letters = [(np.mean(span), token) for token, span in zip(hypothesis.tokens, hypothesis.spans, strict=True)]
    symbols = listener.info.alphabet
    nearest = [
        symbols.decode([min(letters, key=lambda letter: abs(letter[0] - frame - 0.5))[1]]) if letters else ""
        for frame in range(frames)
    ]
    return {"pauses": pauses, "vowels": np.array([letter in _VOWELS for letter in nearest]) & ~pauses}


def correlate(quantity: str, rows: Rows, sound: str, present: NDArray[np.bool_]) -> Following:
    """Returns how well each unit, (frames, units), follows a sound, (frames,), and how well it would by chance."""
    near = min(_NEAR, (len(present) - 1) // 2)
    shifts = [np.roll(present, shift) for shift in range(near + 1, len(present) - near)] or [present]
    by_chance = [np.abs(_correlations(rows, shifted)).max() for shifted in shifts]
    return Following(quantity, sound, _correlations(rows, present), float(np.quantile(by_chance, 0.95)))


def follow_sounds(gates: Mapping[str, Rows], sounds: Mapping[str, NDArray[np.bool_]]) -> list[Following]:
    """Returns every quantity against every sound that is there at times and at times is not."""
    return [
        correlate(quantity, rows, sound, present)
        for quantity, rows in gates.items()
        for sound, present in sounds.items()
        if present.any() and not present.all()
    ]


COLUMNS = ("quantity", "follows", "best unit", "r", "by chance", "units beyond chance")


def list_rows(followings: Sequence[Following]) -> Iterator[list[str]]:
    """Yields a row of the table for each quantity and sound."""
    for one in followings:
        best = one.correlations[one.best]
        yield [one.quantity, one.sound, str(one.best), f"{best:+.2f}", f"{one.chance:.2f}", str(one.count)]


@rc_context(SLIDE)
def draw_gates(
    recognizer: Recognizer, signal: Signal, gates: Mapping[str, Rows], followings: Sequence[Following], title: str
) -> Figure:
    """Returns a picture: waveform, MFCC, letters, and under them every gate and the memory, unit by unit.

    In each panel the units that follow vowels best are above, those that do the opposite below; the last panel shows
    the memory of those that follow each sound best.
    """
    figure = Figure(figsize=(16, 18), layout="constrained")
    set_title(figure, title)
    panels = figure.subplots(8, 1, sharex=True, height_ratios=(1, 1.4, 1.6, 2, 2, 2, 2, 1.6))
    draw_waveform(panels[0], signal)
    draw_mfcc(panels[1], recognizer, signal)
    draw_output(panels[2], recognizer, signal)
    frame_seconds = recognizer.info.frame_seconds
    followed = {one.quantity: one.correlations for one in followings}  # the last sound's: vowels, where there are any
    for axes, (quantity, meaning) in zip(panels[3:7], QUANTITIES.items(), strict=True):
        rows = gates[quantity]
        order = np.argsort(-followed[quantity]) if followed else np.arange(rows.shape[1])
        _draw_rows(axes, rows[:, order], frame_seconds, centred=quantity == "memory")
        axes.set_title(meaning)
    of_memory = [one for one in followings if one.quantity == "memory"]
    _draw_followers(panels[7], gates["memory"], of_memory, frame_seconds)
    share_time(panels, signal)
    return figure


def _draw_rows(axes: Axes, rows: Rows, frame_seconds: float, centred: bool) -> None:
    frames, units = rows.shape
    most = float(np.quantile(np.abs(rows), 0.99)) if centred else 1.0
    image = axes.imshow(
        rows.T,
        extent=(0, frames * frame_seconds, units, 0),
        aspect="auto",
        interpolation="nearest",
        cmap="PuOr" if centred else "cividis",
        vmin=-most if centred else 0,
        vmax=most,
    )
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, pad=0.01, aspect=8, ticks=None if centred else (0, 0.5, 1))
    axes.set(ylabel="unit", yticks=())


def _draw_followers(axes: Axes, memory: Rows, followings: Sequence[Following], frame_seconds: float) -> None:
    times = (np.arange(len(memory)) + 0.5) * frame_seconds
    for colour, width, one in zip(COLOURS[1:], (8, 3), followings, strict=False):  # both may be of one unit
        r = one.correlations[one.best]
        verdict = f"by chance {one.chance:.2f}" if one.count else f"no more than by chance, {one.chance:.2f}"
        name = f"unit {one.best}: r = {r:+.2f} with {one.sound} ({verdict})"
        values = memory[:, one.best]
        axes.plot(times, (values - values.mean()) / values.std(), color=colour, linewidth=width, label=name)
    axes.axhline(0, color="0.8", zorder=0)
    axes.set(ylabel="deviations")
    axes.set_title("the units whose memory follows best, in standard deviations from their mean")
    if followings:
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.25))


def _correlations(rows: Rows, present: NDArray[np.bool_]) -> Rows:
    """Returns Pearson's r of each column with a series of true and false; 0 where a column never moves."""
    moved = rows - rows.mean(axis=0)
    series = present - present.mean()
    scale = np.sqrt(np.square(moved).sum(axis=0) * np.square(series).sum())
    correlations: Rows = np.divide(series @ moved, scale, out=np.zeros(rows.shape[1]), where=scale > 1e-12)
    return correlations


def _line_up(run: CellRun, values: list[Tensor]) -> Rows:
    """Returns (frames, units), in the order of time, of what is (1, units) in each step."""
    return run.in_time(torch.cat(values)).numpy()
