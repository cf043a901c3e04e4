"""What a run leaves to be read: a JSON line an epoch, TensorBoard events, a picture of the curves."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import nan
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from tensorboardX import SummaryWriter

from speechrnn.counts import ErrorCounts
from speechrnn.errors import TrainingError
from speechrnn.inputs import read_text
from speechrnn.outputs import explain_disk_errors, write_atomically
from speechrnn.records import parse_record

LOG_FILE = "log.jsonl"
CURVES_FILE = "curves.png"
EVENT_FILES = "events.out.tfevents.*"


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch of a run.

    Attributes:
        epoch: From 1.
        step: Optimiser steps since the start of the run.
        loss: Mean training loss, nats a character.
        dev_loss: Mean dev loss, nats a character; None where no utterance of dev has frames enough.
        words: Dev word errors.
        characters: Dev character errors.
        learning_rate: At the end of the epoch.
        speech_seconds: Training speech.
        wall_seconds: Time spent on training steps.
        best: Whether no earlier epoch was better.
        averaged: Whether the average of the weights was better on dev than the weights; dev's figures are its.
    """

    epoch: int
    step: int
    loss: float
    dev_loss: float | None
    words: ErrorCounts
    characters: ErrorCounts
    learning_rate: float
    speech_seconds: float
    wall_seconds: float
    best: bool
    averaged: bool = False

    @property
    def speed(self) -> float:
        """Seconds of speech trained on per second."""
        return self.speech_seconds / max(self.wall_seconds, 1e-9)


class RunLog:
    """Writes `log.jsonl`, TensorBoard's events and `curves.png` into a run's folder."""

    def __init__(self, folder: Path, epochs_done: int, steps_done: int) -> None:
        """Opens the log and drops from it what lies behind the point that a resumed run goes on from."""
        self._folder = folder
        self._path = folder / LOG_FILE
        kept = [record for record in read_log(folder) if record.epoch <= epochs_done]
        with write_atomically(self._path) as path:
            path.write_text("".join(map(_to_line, kept)), encoding="utf-8")
        with explain_disk_errors(folder / EVENT_FILES):
            self._events = SummaryWriter(str(folder), purge_step=steps_done + 1 if steps_done else None)

    def append(self, record: EpochRecord) -> None:
        """Adds an epoch."""
        with explain_disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(_to_line(record))
        with explain_disk_errors(self._folder / EVENT_FILES):
            for name, value in (
                ("loss/train", record.loss),
                *([("loss/dev", record.dev_loss)] if record.dev_loss is not None else []),
                ("dev/wer", 100 * record.words.rate),
                ("dev/cer", 100 * record.characters.rate),
                ("learning_rate", record.learning_rate),
                ("speed", record.speed),
            ):
                self._events.add_scalar(name, value, record.step)
            self._events.flush()

    def close(self) -> None:
        """Draws the curves and closes the events."""
        with explain_disk_errors(self._folder / EVENT_FILES):
            self._events.close()
        records = read_log(self._folder)
        if records:
            with write_atomically(self._folder / CURVES_FILE) as path:
                draw_curves(records).savefig(path, format="png", dpi=150)


def read_log(folder: Path) -> list[EpochRecord]:
    """Returns the epochs of a run so far; a last line that a kill has torn is dropped.

    Raises:
        TrainingError: Another line is broken.
    """
    path = folder / LOG_FILE
    if not path.exists():
        return []
    records = []
    for number, line in enumerate(read_text(path, TrainingError).split("\n")[:-1], 1):
        try:
            records.append(parse_record(EpochRecord, line))
        except ValueError as error:
            raise TrainingError(f"{path}:{number}: no epoch of a run ({error}); delete the line") from error
    return records


def draw_curves(records: Sequence[EpochRecord]) -> Figure:
    """Returns a picture of loss and error rates over the epochs."""
    epochs = [record.epoch for record in records]
    figure = Figure(figsize=(10, 4), layout="constrained")
    loss, rate = figure.subplots(1, 2)
    loss.plot(epochs, [record.loss for record in records], color="#0072B2", label="training (varied, with dropout)")
    judged = [nan if record.dev_loss is None else record.dev_loss for record in records]
    loss.plot(epochs, judged, color="#D55E00", label="dev")
    loss.set(title="CTC loss", xlabel="epoch", ylabel="nats a character", ylim=(0, None))
    rate.plot(epochs, [100 * record.words.rate for record in records], color="#D55E00", label="words (WER)")
    rate.plot(epochs, [100 * record.characters.rate for record in records], color="#009E73", label="characters (CER)")
    rate.set_yscale("symlog", linthresh=1)
    rate.set(title="Errors on dev", xlabel="epoch", ylabel="%", ylim=(0, None), yticks=(0, 1, 2, 5, 10, 20, 50, 100))
    rate.yaxis.set_major_formatter("{x:g}")
    rate.yaxis.set_minor_locator(NullLocator())
    best = max((record for record in records if record.best), key=lambda record: record.epoch, default=None)
    if best:
        rate.plot(best.epoch, 100 * best.words.rate, "o", color="#D55E00", clip_on=False)
        rate.annotate(
            f"{100 * best.words.rate:.2f} %",
            (best.epoch, 100 * best.words.rate),
            (0, 8),
            textcoords="offset points",
            horizontalalignment="right" if 2 * best.epoch > len(epochs) else "left",
        )
    for axes in (loss, rate):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def _to_line(record: EpochRecord) -> str:
    rates = {
        "wer_percent": round(100 * record.words.rate, 3),
        "cer_percent": round(100 * record.characters.rate, 3),
    }
    return json.dumps(asdict(record) | rates) + "\n"
