"""A recording in a terminal: spectrogram, the network's posteriors and words, as wide as the window; else a table."""

from collections.abc import Iterator

import numpy as np
from matplotlib import colormaps
from rich.style import Style
from rich.text import Text

from speechrnn.console import print_table, stdout
from speechrnn.explain.view import Rows, View

_BANDS = 16
_SHADES = " ░▒▓█"
_BARS = " ▁▂▃▄▅▆▇█"
_MOST_BITS = 2.0
_LABEL = 8


def print_view(view: View) -> None:
    """Prints what there is to see of a recording on stdout: drawn in a terminal, a line a frame elsewhere."""
    if not stdout.is_terminal:
        print_table(*list_frames(view))
        return
    coloured = stdout.color_system in ("256", "truecolor") and not stdout.no_color  # sixteen are too few
    for line in draw_view(view, stdout.width, coloured):
        stdout.print(line)


def list_frames(view: View) -> tuple[list[str], list[list[str]]]:
    """Returns the columns, and a row a frame: its start in seconds, its level, and what the network says of it."""
    columns = ["seconds", "decibels"]
    rows = [[f"{frame * view.frame_seconds:.2f}", f"{level:.1f}"] for frame, level in enumerate(view.levels)]
    if not view.symbols:
        return columns, rows
    for frame, row in enumerate(rows):
        middle = (frame + 0.5) * view.frame_seconds
        word = next((word.text for word in view.words if word.start <= middle < word.end), "")
        most = view.probabilities[frame].max()
        row += [view.best[frame], f"{most:.3f}", f"{view.blank[frame]:.3f}", f"{view.entropy[frame]:.2f}", word]
    return [*columns, "symbol", "probability", "blank", "entropy", "word"], rows


def draw_view(view: View, width: int, coloured: bool) -> Iterator[Text]:
    """Yields the lines of the drawing; what is wider than `width` goes on below."""
    shares, columns = view.shares, max(10, width - _LABEL)
    for first in range(0, len(shares), columns):
        part = slice(first, first + columns)
        yield from _draw_spectrogram(shares[part], coloured)
        if view.symbols:
            yield _label("letter", "".join(view.best[part]), "bold")
            yield _label("blank", _draw_bars(view.blank[part], 1.0))
            yield _label("entropy", _draw_bars(view.entropy[part], _MOST_BITS), "yellow")
            yield _label("words", _place_words(view, first, len(shares[part])), "bold cyan")
        yield _label("seconds", _draw_axis(view, first, len(shares[part])), "dim")
        yield Text()


def _draw_spectrogram(shares: Rows, coloured: bool) -> Iterator[Text]:
    """Yields a line for every two of sixteen bands, the highest first: half blocks in colour, else shades."""
    edges = np.linspace(0, shares.shape[1], _BANDS + 1).astype(int)[:-1]
    bands = np.maximum.reduceat(shares, edges, axis=1)
    for upper in range(_BANDS - 1, 0, -2):
        pairs = bands[:, [upper, upper - 1]]
        line = Text(f"{'mel' if upper == _BANDS - 1 else '':<{_LABEL}}")
        if coloured:
            for top, bottom in pairs:
                line.append("▀", Style(color=_colour(top), bgcolor=_colour(bottom)))
        else:
            line.append("".join(_pick(_SHADES, value) for value in pairs.mean(axis=1)))
        yield line


def _colour(share: float) -> str:
    red, green, blue, _ = colormaps["cividis"](share, bytes=True)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _draw_bars(values: Rows, most: float) -> str:
    return "".join(_pick(_BARS, value / most) for value in values)


def _pick(characters: str, share: float) -> str:
    return characters[min(len(characters) - 1, max(0, round(share * (len(characters) - 1))))]


def _place_words(view: View, first: int, count: int) -> str:
    line = [" "] * count
    for word in view.words:
        start = round(word.start / view.frame_seconds) - first
        for place, letter in enumerate(word.text, start):
            if 0 <= place < count:
                line[place] = letter
    return "".join(line)


def _draw_axis(view: View, first: int, count: int) -> str:
    """Returns a tick and its seconds every half second, at least where there is room."""
    line = [" "] * count
    every = 0.5 if view.frame_seconds > 0.02 else 0.2
    for tick in np.arange(np.ceil(first * view.frame_seconds / every), (first + count) * view.frame_seconds / every):
        place = round(tick * every / view.frame_seconds) - first
        for offset, character in enumerate(f"╵{tick * every:.1f}"):
            if 0 <= place + offset < count:
                line[place + offset] = character
    return "".join(line)


def _label(name: str, line: str, style: str = "") -> Text:
    return Text.assemble((f"{name:<{_LABEL}}", "dim"), (line, style))
