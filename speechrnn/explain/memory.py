"""The lag at which a cell stops remembering: a word is said, others follow, and at the end the first is asked for.

"Mi coche está estropeado, ahora voy en ___": what decides the blank was said four words before. "Soy francés ... hablo
fluidamente español y ___": it may have been said any number of words before.

References:
    Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 1997, section 5.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from speechrnn.explain.listening import KINDS
from speechrnn.explain.picture import COLOURS, SLIDE
from speechrnn.hardware import use_threads
from speechrnn.network import CELLS

WORDS = 8
"""Words that may come first, one of which is asked for in the end."""

_FILLERS = 8
_VOCABULARY = WORDS + _FILLERS + 1
"""The words, as many others that say nothing, and the question."""

_UNITS = 32
_BATCH = 32
_STEPS = 500
_LEARNING_RATE = 0.01
_TESTED = 1000
_LEARNED = 50
"""Batches without an error in a row after which there is nothing left to learn."""

_NEAR, _COURSE = 4, ("Mi coche está estropeado, ahora voy en …", "Soy francés … hablo fluidamente español y …")
"""The course's sentences: in the first, autobús is the fourth word behind estropeado."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What a cell remembers.

    Attributes:
        kind: "rnn" or "lstm".
        lag: Steps from the word to the answer, the longest in its lessons and the one it is tested at.
        accuracies: Of the network of each seed; guessing gives 1/8.
    """

    kind: str
    lag: int
    accuracies: Sequence[float]


def draw_sentences(lag: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Returns sentences, one-hot (lag + 1, count, words), and the word that each begins with, (count,).

    Between the first word and the question, which is the last, there are lag - 1 others, drawn anew.
    """
    first = torch.randint(WORDS, (count,), generator=generator)
    sentence = torch.randint(WORDS, WORDS + _FILLERS, (lag + 1, count), generator=generator)
    sentence[0], sentence[-1] = first, _VOCABULARY - 1
    return F.one_hot(sentence, _VOCABULARY).float(), first


def measure_recall(kind: str, lag: int, seed: int, short_first: bool = False) -> float:
    """Returns the share of sentences with that lag that a network answers, after lessons with lags of up to it.

    Args:
        kind: "rnn" or "lstm".
        lag: In steps.
        seed: Of the weights and the sentences.
        short_first: In the lessons short lags are as frequent as long ones on a log scale; else all are equally so.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        cell, read_out = CELLS[kind](_VOCABULARY, _UNITS), nn.Linear(_UNITS, WORDS)
    _teach(cell, read_out, lag, generator, short_first)
    with torch.no_grad():
        sentences, first = draw_sentences(lag, _TESTED, generator)
        return float((read_out(cell(sentences)[0][-1]).argmax(dim=1) == first).float().mean())


def _teach(cell: nn.Module, read_out: nn.Module, lag: int, generator: torch.Generator, short_first: bool) -> None:
    parameters = [*cell.parameters(), *read_out.parameters()]
    optimizer = torch.optim.Adam(parameters, _LEARNING_RATE)
    right = 0
    for _ in range(_STEPS):
        drawn = torch.rand((), generator=generator).item()
        lesson = round(lag**drawn) if short_first else 1 + int(drawn * lag)
        sentences, first = draw_sentences(lesson, _BATCH, generator)
        answers = read_out(cell(sentences)[0][-1])
        right = right + 1 if (answers.argmax(dim=1) == first).all() else 0
        if right == _LEARNED:
            break
        optimizer.zero_grad()
        F.cross_entropy(answers, first).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()


def compare_recall(
    lags: Sequence[int], seeds: int, short_first: bool, advance: Callable[[float], None] = lambda steps: None
) -> list[Recall]:
    """Returns what an RNN and an LSTM remember at each lag; `advance` is called after every network."""
    recalls = []
    with use_threads(1):  # these networks are too small to be shared out
        for lag in lags:
            for kind in KINDS:
                accuracies = []
                for seed in range(seeds):
                    accuracies.append(measure_recall(kind, lag, seed, short_first))
                    advance(1)
                recalls.append(Recall(kind, lag, accuracies))
    return recalls


def find_limit(recalls: Sequence[Recall], kind: str) -> int:
    """Returns the largest lag up to which a cell's median network is right more often than wrong; 0 for none."""
    limit = 0
    for recall in sorted((one for one in recalls if one.kind == kind), key=lambda one: one.lag):
        if np.median(recall.accuracies) <= 0.5:
            break
        limit = recall.lag
    return limit


COLUMNS = ("lag", *(f"{kind.upper()}, {what}" for kind in KINDS for what in ("median", "range")))


def list_rows(recalls: Sequence[Recall]) -> Iterator[list[str]]:
    """Yields a row of the table for each lag: percent right of each cell, the median and the range over seeds."""
    for lag in sorted({recall.lag for recall in recalls}):
        row = [str(lag)]
        for kind in KINDS:
            rates = next(100 * np.array(one.accuracies) for one in recalls if (one.kind, one.lag) == (kind, lag))
            row += [f"{np.median(rates):.0f} %", f"{rates.min():.0f}–{rates.max():.0f}"]
        yield row


@rc_context(SLIDE)
def draw_recall(recalls: Sequence[Recall], title: str) -> Figure:
    """Returns a picture of accuracy against lag: median, range and each network, and the course's sentences."""
    figure = Figure(figsize=(14, 8), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots()
    lags = sorted({recall.lag for recall in recalls})
    for kind, colour, width in zip(KINDS, (COLOURS[1], COLOURS[0]), (9, 4), strict=True):  # one may hide the other
        mine = sorted((one for one in recalls if one.kind == kind), key=lambda one: one.lag)
        rates = 100 * np.array([one.accuracies for one in mine])
        axes.fill_between(lags, rates.min(axis=1), rates.max(axis=1), color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            lags,
            np.median(rates, axis=1),
            "-o",
            color=colour,
            linewidth=width,
            markersize=6 + width,
            label=kind.upper(),
        )
        axes.plot(lags, rates, ".", color=colour, markersize=8)
    axes.axhline(100 / WORDS, color="0.6", linestyle="--")
    axes.annotate("guessing", (lags[0], 100 / WORDS), (0, 6), textcoords="offset points", color="0.4", fontsize=16)
    if lags[0] <= _NEAR <= lags[-1]:
        axes.axvline(_NEAR, color="0.8", zorder=0)
        axes.annotate(f"“{_COURSE[0]}”", (_NEAR, 118), ha="left", fontsize=15)
    axes.annotate(f"“{_COURSE[1]}” →", (lags[-1], 108), ha="right", fontsize=15)
    axes.set_xscale("log", base=2)
    axes.set_xticks(lags, map(str, lags))
    axes.set(xlabel="lag: steps from the word to the answer that needs it", ylabel="right answers, %", ylim=(0, 125))
    axes.set_yticks(range(0, 101, 25))
    axes.legend(loc="center left")
    return figure
