"""A run as a person follows it: a live bar and examples in a terminal, a line an epoch everywhere."""

from collections.abc import Sequence
from math import nan
from types import TracebackType
from typing import Self

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from speechrnn.console import note, stderr
from speechrnn.train.evaluate import Recognized
from speechrnn.train.log import EpochRecord

_EXAMPLES = 3


class TrainingDisplay:
    """Draws on stderr."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._examples: Sequence[Recognized] = ()
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[status]}"), TimeRemainingColumn()
        )
        self._run = self._progress.add_task("run", total=epochs, status="")
        self._epoch = self._progress.add_task("epoch", total=None, status="")
        self._live = Live(
            get_renderable=self._render,
            console=stderr,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        if stderr.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._live.stop()

    def begin_epoch(self, epoch: int, batches: int, done: int) -> None:
        """Shows an epoch, from 1, of so many batches, of which some may be done."""
        self._progress.reset(self._epoch, total=batches, completed=done, description=f"epoch {epoch}", status="")

    def advance(self, epochs_done: float, loss: float, speed: float) -> None:
        """Shows one more batch.

        Args:
            epochs_done: Of the whole run, with the part of this epoch.
            loss: Mean of this epoch so far, nats a character.
            speed: Seconds of speech a second.
        """
        self._progress.update(self._epoch, advance=1, status=f"loss {loss:.3f}  {speed:.0f} × real time")
        self._progress.update(self._run, completed=epochs_done)

    def begin_judging(self) -> None:
        """Shows that dev is listened to, which takes a while."""
        self._progress.update(self._epoch, status="listening to dev")

    def end_epoch(self, record: EpochRecord, recognized: Sequence[Recognized]) -> None:
        """Prints the epoch's line, and keeps a few of dev's utterances in sight."""
        different = list({one.reference: one for one in recognized}.values())
        self._examples = different[:: max(1, len(different) // _EXAMPLES)][:_EXAMPLES]
        note(format_epoch(record, self._epochs))
        if not stderr.is_terminal and record.best and self._examples:
            example = self._examples[0]
            note(f"    said  {example.reference}\n    heard {example.hypothesis}")

    def _render(self) -> Group:
        lines = [
            Text.assemble(
                ("  said  ", "dim"),
                example.reference,
                ("\n  heard ", "dim"),
                (example.hypothesis, "bold"),
                overflow="ellipsis",
            )
            for example in self._examples
        ]
        return Group(*lines, self._progress)


def format_epoch(record: EpochRecord, epochs: int) -> str:
    """Returns the line of one epoch."""
    dev_loss = nan if record.dev_loss is None else record.dev_loss
    return (
        f"epoch {record.epoch:>{len(str(epochs))}}/{epochs}  loss {record.loss:.3f}  dev {dev_loss:.3f}"
        f"  WER {100 * record.words.rate:6.2f} %  CER {100 * record.characters.rate:6.2f} %"
        f"  {record.speed:.0f} × real time{'  best' if record.best else ''}{', averaged' if record.averaged else ''}"
    )
