"""speechrnn adapt, and speechrnn record."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speechrnn.cli.arguments import refuse_beside_phrases

if TYPE_CHECKING:
    from speechrnn.score.assessment import Assessment


def adapt(
    recordings: Annotated[
        Path,
        typer.Argument(
            help="A folder of recordings with their texts (train, dev and test in it are splits), or a manifest;"
            " untranscribed, also one recording."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where the adapted model is kept, in the folder run there.")],
    model: Annotated[
        Path | None, typer.Option(help="The model that learns: a run's folder or a model file; English if left out.")
    ] = None,
    layout: Annotated[str, typer.Option(help="How the recordings are laid out, as prepare names it.")] = "",
    spell_numbers: Annotated[bool, typer.Option("--spell-numbers", help="Turn figures into words.")] = False,
    lm: Annotated[Path | None, typer.Option(help="Judge, or hear, with a language model: english ships.")] = None,
    untranscribed: Annotated[
        bool, typer.Option("--untranscribed", help="Learn from what the model hears: the recordings need no texts.")
    ] = False,
    words: Annotated[
        Path | None,
        typer.Option(help="With --untranscribed: a file with the only words there are; digits and commands ship."),
    ] = None,
    phrases: Annotated[
        Path | None,
        typer.Option(
            help="With --untranscribed: a file of which each recording says one line; digits and commands ship."
        ),
    ] = None,
    letters: Annotated[bool, typer.Option("--letters", help="With --untranscribed: read these by letters.")] = False,
    rounds: Annotated[
        int | None, typer.Option(min=1, max=100, help="With --untranscribed: how often it hears all and learns; 3.")
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: training.epochs=40.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Begin again although the folder holds a model.")] = False,
) -> None:
    """Teach a model a voice by a few minutes of it, and print what that brought on sentences kept apart."""
    from speechrnn.adapt.adaptation import adapt_model
    from speechrnn.shipped import ENGLISH_LM, ENGLISH_WEIGHTS
    from speechrnn.transcribe.reading import Reading

    if not untranscribed and (words or phrases or letters or rounds):
        raise typer.BadParameter("--words, --phrases, --letters and --rounds go with --untranscribed")
    refuse_beside_phrases(phrases, {"--lm": lm, "--words": words})
    learner = model or ENGLISH_WEIGHTS
    options: dict[str, Any] = {
        "layout": layout,
        "spell_numbers": spell_numbers,
        "overrides": settings or (),
        "force": force,
    }
    if untranscribed:
        from speechrnn.adapt.untranscribed import adapt_untranscribed

        if model is None and not (lm or words or phrases):
            lm = ENGLISH_LM
        reading = Reading(learner, lm=lm, words=words, phrases=phrases, letters=letters)
        reading.suggest_lm()
        assessment = adapt_untranscribed(reading, recordings, out, rounds=rounds or 3, **options)
    else:
        assessment = adapt_model(learner, recordings, out, lm=lm, **options)
    _print_gain(assessment)
    _print_use(out, {"--lm": "english" if lm == ENGLISH_LM else lm, "--words": words, "--phrases": phrases}, letters)


def _print_gain(assessment: "Assessment | None") -> None:
    from speechrnn.console import note, print_line
    from speechrnn.score.report import format_comparison, format_summary

    if assessment is None:
        note("what that brought is not known: speechrnn score tells, with recordings whose texts somebody wrote")
        return
    assert assessment.other
    assert assessment.comparison
    print_line(f"before\n{format_summary(assessment.other)}\nafter\n{format_summary(assessment.score)}")
    print_line(format_comparison(assessment.comparison))
    if assessment.comparison.difference >= 0:
        note("it is no better than before on what it did not hear; more recordings may help")


def _print_use(out: Path, known: Mapping[str, object], letters: bool) -> None:
    """Says how the adapted model reads with what is known of the words, by option."""
    from speechrnn.adapt.folder import RUN
    from speechrnn.console import name_command, note

    options = [str(part) for option, value in known.items() if value for part in (option, value)]
    command = [name_command(), "transcribe", "FILE", "--model", str(out / RUN), *options, *["--letters"] * letters]
    note(f"to use it: {shlex.join(command)}")


def record(
    prompts: Annotated[Path, typer.Argument(help="A sentence a line; english ships.")],
    out: Annotated[Path, typer.Option(help="The folder for the recordings.")],
) -> None:
    """Show sentences one by one, and keep what the microphone hears of each, for adapt."""
    from speechrnn.adapt.recording import record_prompts

    record_prompts(prompts, out)
