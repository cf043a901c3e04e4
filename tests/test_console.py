import io

import pytest
from rich.console import Console

from speechrnn import console
from speechrnn.console import print_table

COLUMNS, ROWS = (
    ("corpus", "what", "hours"),
    [("an4", "names and numbers, " * 4, "1"), ("hello", "short phrases", "0.4")],
)


def draw(monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, no_color=True, width=width)
    monkeypatch.setattr(console, "stdout", terminal)
    print_table(COLUMNS, ROWS)
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_figures_stand_below_each_other_and_texts_begin_at_the_left(monkeypatch: pytest.MonkeyPatch) -> None:
    last = next(line for line in draw(monkeypatch, 120) if "hello" in line)
    assert last.startswith("  hello    short phrases  ")
    assert last.endswith("  0.4")


def test_a_terminal_too_narrow_for_the_texts_shows_a_row_below_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = draw(monkeypatch, 40)
    assert max(map(len, lines)) <= 40 + len("\x1b[2m\x1b[0m")
    assert sum("what" in line for line in lines) == 2
