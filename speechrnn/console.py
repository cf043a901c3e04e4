"""What a person sees: messages and progress on stderr, tables on stdout, all plain where no terminal listens."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

stdout = Console(highlight=False, markup=False, soft_wrap=True)
stderr = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def note(message: str) -> None:
    """Prints a line on stderr."""
    stderr.print(message)


def warn(message: str) -> None:
    """Prints a warning on stderr."""
    stderr.print(Text.assemble(("warning: ", "yellow"), message))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table on stdout: ruled in a terminal, tab-separated under a header line elsewhere."""
    if not stdout.is_terminal:
        for row in (columns, *rows):
            print_line("\t".join(row))
        return
    table = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*row)
    stdout.print(table)


@contextmanager
def show_progress(title: str, total: int, unit: str, hidden: bool = False) -> Iterator[Callable[[int], None]]:
    """Draws a bar on stderr where that is a terminal; yields the function that moves it on by so many steps."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, transient=True, disable=hidden or not stderr.is_terminal) as progress:
        task = progress.add_task(title, total=total)

        def advance(steps: int) -> None:
            progress.advance(task, steps)

        yield advance


def print_line(text: str) -> None:
    """Prints a result on stdout as it is."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
