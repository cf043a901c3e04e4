"""What a person sees: messages and progress on stderr, tables on stdout, all plain where no terminal listens.

Tables and bars are imported when one is drawn: a short recording is transcribed before they would be there.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

stdout = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
stderr = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=not sys.stderr.isatty())

_NAMED = 10

_LEGIBLE = 24
"""Columns in which a text of a table can be read, broken into lines."""


def note(message: str) -> None:
    """Prints a line on stderr, never broken in two: it may hold a command that is copied."""
    stderr.print(message, soft_wrap=True)


def warn(message: str) -> None:
    """Prints a warning on stderr."""
    stderr.print(Text.assemble(("warning: ", "yellow"), message))


def name_command() -> str:
    """Returns what a person types to run us: our name where a shell finds it, else the module, or the path typed."""
    if shutil.which("speechrnn"):
        return "speechrnn"
    return "python -m speechrnn" if sys.argv[0].endswith("__main__.py") else sys.argv[0]


def count_of(number: int, thing: str) -> str:
    """Returns a number with what it counts, in the singular or plural."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def abridge(items: Sequence[str], most: int = 5) -> str:
    """Returns the first few items with commas between, and how many more there are."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def warn_each(messages: Sequence[str], rest: str = "") -> None:
    """Prints the first ten warnings on stderr, and for the others their number and where they can be read."""
    for message in messages[:_NAMED]:
        warn(message)
    if len(messages) > _NAMED:
        warn(f"... and {len(messages) - _NAMED} more{rest}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table on stdout: ruled in a terminal, or a row below the other where that is too narrow for its texts.

    Elsewhere it is tab-separated under a header line.
    """
    if not stdout.is_terminal:
        for row in (columns, *rows):
            print_line("\t".join(row))
        return
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table

    widest = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    if sum(min(width, _LEGIBLE) + 3 for width in widest) > stdout.width:
        facts = Table.grid(padding=(0, 2))
        for row in rows:
            for column, cell in zip(columns, row, strict=True):
                facts.add_row(Text(column, "dim"), cell)
            facts.add_row()
        stdout.print(facts)
        return
    table = Table(box=box.SIMPLE_HEAD)
    for number, (column, *cells) in enumerate(zip(columns, *rows, strict=True)):
        figures = all(not any(map(str.isalpha, cell)) for cell in cells)
        # the first column is what one has to type
        table.add_column(column, justify="right" if figures else "left", min_width=0 if number else widest[0])
    for row in rows:
        table.add_row(*row)
    stdout.print(table)


@contextmanager
def show_progress(title: str, total: float, unit: str, hidden: bool = False) -> Iterator[Callable[[float], None]]:
    """Draws a bar on stderr where that is a terminal; yields the function that moves it on by so many steps."""
    if hidden or not stderr.is_terminal:
        yield _move_nothing
        return
    from rich.progress import MofNCompleteColumn, TextColumn, TimeElapsedColumn

    with _draw_bar(title, total, 0, (MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn())) as advance:
        yield advance


def show_doing(what: str, hidden: bool = False) -> AbstractContextManager[object]:
    """Says on stderr, where that is a terminal, what takes its time; it goes when that is done."""
    if hidden or not stderr.is_terminal:
        return nullcontext()
    from rich.live import Live
    from rich.spinner import Spinner

    doing = Spinner("dots", Text(what))
    return Live(
        doing, console=stderr, transient=True, redirect_stdout=False, redirect_stderr=False, refresh_per_second=4
    )


@contextmanager
def show_bytes(title: str, done: int, total: int | None) -> Iterator[Callable[[float], None]]:
    """Draws the bar of a download of `total` bytes, of which some may be done; as `show_progress`."""
    if not stderr.is_terminal:
        yield _move_nothing
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _draw_bar(title, total, done, (DownloadColumn(), TransferSpeedColumn())) as advance:
        yield advance


def _move_nothing(steps: float) -> None:
    """Stands for a bar where none is drawn."""


@contextmanager
def _draw_bar(
    title: str, total: float | None, done: int, details: "Sequence[ProgressColumn]"
) -> Iterator[Callable[[float], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), *details, TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task(title, total=total, completed=done)

        def advance(steps: float) -> None:
            progress.advance(task, steps)

        yield advance


def print_line(text: str) -> None:
    """Prints a result on stdout as it is."""
    print_text(text + "\n")


def print_text(text: str) -> None:
    """Prints lines on stdout, of which each has its end."""
    sys.stdout.write(text)
    sys.stdout.flush()
