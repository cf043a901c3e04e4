"""The ladder: perceptron, RNN, LSTM, bidirectional LSTM, each trained from nothing by the same recipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from textwrap import fill, shorten

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from speechrnn.config import Recipe
from speechrnn.console import name_command, note
from speechrnn.counts import ErrorCounts
from speechrnn.errors import CorpusError, OutputError
from speechrnn.explain.picture import COLOURS, SLIDE
from speechrnn.prepare.prepared import list_parts
from speechrnn.prepare.store import FeatureStore
from speechrnn.score.scoring import score_transcripts
from speechrnn.train.folder import RECIPE_FILE, read_run_recipe
from speechrnn.train.log import read_log
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.torch_listener import TorchListener

PICTURE = "ladder.png"
"""What the ladder leaves in its folder, beside a run for each rung and seed."""

RUNGS = {
    "perceptron": {"kind": "mlp", "bidirectional": False},
    "RNN": {"kind": "rnn", "bidirectional": False},
    "LSTM": {"kind": "lstm", "bidirectional": False},
    "bidirectional LSTM": {"kind": "lstm", "bidirectional": True},
}
"""What of the recipe's network each rung changes, in the order of the course: each takes one step more."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One network that was trained.

    Attributes:
        rung: Its name in `RUNGS`.
        seed: Of its weights and its training.
        words: Its errors on the test split.
        parameters: Its trained values.
        seconds: Spent on training steps.
        heard: What it makes of the utterance that all are shown with.
    """

    rung: str
    seed: int
    words: ErrorCounts
    parameters: int
    seconds: float
    heard: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """All attempts, and the id and text of the test utterance that each of them decodes."""

    id: str
    said: str
    attempts: Sequence[Attempt]

    def of(self, rung: str) -> list[Attempt]:
        """Returns the attempts at a rung, by seed."""
        return [attempt for attempt in self.attempts if attempt.rung == rung]


def climb(data: Path, recipe: Recipe, out: Path, seeds: int, utterance: str = "", force: bool = False) -> Ladder:
    """Trains and tests each rung with each seed; what is in `out` already is used, or finished.

    Args:
        data: A prepared corpus.
        recipe: Of which only the network's kind and direction and the seed are changed.
        out: The folder of the runs.
        seeds: How many, counted from the recipe's.
        utterance: The id of the test utterance that is shown; empty for the first.
        force: Train again what is there.

    Raises:
        CorpusError: There is no such utterance.
        OutputError: A run in `out` was made by another recipe.
    """
    id, said = _find_utterance(data, utterance)
    attempts = []
    for seed in range(recipe.training.seed, recipe.training.seed + seeds):
        for rung, change in RUNGS.items():
            network = replace(recipe.network, **change)  # type: ignore[arg-type]
            chosen = replace(recipe, network=network, training=replace(recipe.training, seed=seed))
            run = out / f"{rung.replace(' ', '-').lower()}-{seed}"
            note(f"\n{rung}, seed {seed}: {run}")
            attempts.append(_attempt(data, chosen, run, (rung, id), force))
    return Ladder(id, said, attempts)


def list_rows(ladder: Ladder) -> Iterator[list[str]]:
    """Yields a row of the table for each rung: name, weights, WER, its range over the seeds, time, what was heard."""
    for rung in RUNGS:
        attempts = ladder.of(rung)
        rates = [100 * attempt.words.rate for attempt in attempts]
        yield [
            rung,
            f"{attempts[0].parameters / 1e6:.2f} M",
            f"{fmean(rates):.2f}",
            f"{min(rates):.2f}–{max(rates):.2f}",
            f"{fmean(attempt.seconds for attempt in attempts):.0f}",
            attempts[0].heard,
        ]


COLUMNS = ("network", "weights", "%WER", "range", "seconds", "heard")


@rc_context(SLIDE)
def draw_ladder(ladder: Ladder, title: str) -> Figure:
    """Returns a picture with a line a rung: errors of each seed, weights, time, and the same utterance decoded."""
    figure = Figure(figsize=(16, 6.5), layout="constrained")
    figure.suptitle(title)
    rates, weights, times, heard = figure.subplots(1, 4, sharey=True, width_ratios=(4, 2, 2, 3.2))
    names = list(RUNGS)
    for place, rung in enumerate(names):
        attempts = ladder.of(rung)
        errors = [100 * attempt.words.rate for attempt in attempts]
        rates.plot([0, fmean(errors)], [place, place], color=COLOURS[0], linewidth=10, solid_capstyle="butt", alpha=0.3)
        rates.plot(errors, [place] * len(errors), "o", color=COLOURS[0], markersize=10, clip_on=False)
        rates.annotate(f"{fmean(errors):.1f} %", (max(errors), place), (12, -6), textcoords="offset points")
        weights.barh(place, attempts[0].parameters / 1e6, color=COLOURS[4], height=0.4)
        times.barh(place, fmean(attempt.seconds for attempt in attempts) / 60, color=COLOURS[2], height=0.4)
        heard.text(0, place, fill(attempts[0].heard, 24, max_lines=3) or "(nothing)", fontsize=18, va="center")
    rates.set_xlim(0, 1.25 * max(100 * attempt.words.rate for attempt in ladder.attempts) + 0.1)
    for axes, name in ((rates, "word error rate, %"), (weights, "weights, millions"), (times, "training, minutes")):
        axes.set_xlabel(name)
        axes.xaxis.set_major_locator(MaxNLocator(5 if axes is rates else 3))
    rates.set_yticks(range(len(names)), names)
    rates.invert_yaxis()
    heard.set_title(f"said: “{shorten(ladder.said, 30, placeholder=' …')}”")
    heard.set_axis_off()
    return figure


def _find_utterance(data: Path, wanted: str) -> tuple[str, str]:
    """Returns the id and the text of a test utterance."""
    utterances = FeatureStore(list_parts(data), "test").utterances
    for utterance in utterances:
        if wanted in (utterance.id, ""):
            return utterance.id, utterance.text
    raise CorpusError(f"{data}: no test utterance {wanted!r}; there is {utterances[0].id}, for example")


def _attempt(data: Path, recipe: Recipe, run: Path, shown: tuple[str, str], force: bool) -> Attempt:
    rung, id = shown
    if (run / RECIPE_FILE).exists() and not force and read_run_recipe(run) != recipe:
        raise OutputError(f"{run}: was trained by another recipe; --force trains it again, or choose another --out")
    again = f"the same {name_command()} explain ladder"
    model = train_model(data, recipe, run, resume=not force, force=force, again=again)
    references, hypotheses = transcribe_split(data, "test", TorchListener(model))
    words = score_transcripts(references, hypotheses).words
    return Attempt(
        rung, recipe.training.seed, words, model.network.count_parameters(), _count_seconds(run), hypotheses[id].text
    )


def _count_seconds(run: Path) -> float:
    return sum(record.wall_seconds for record in read_log(run))
