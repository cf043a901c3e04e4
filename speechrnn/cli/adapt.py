"""speechrnn adapt, and speechrnn record."""

from pathlib import Path
from typing import Annotated

import typer


def adapt(
    recordings: Annotated[Path, typer.Argument(help="A folder of recordings with their texts, or a manifest.")],
    out: Annotated[Path, typer.Option(help="Where the adapted model is kept.")],
    model: Annotated[
        Path | None, typer.Option(help="The model that learns: a run's folder or a model file; English if left out.")
    ] = None,
    layout: Annotated[str, typer.Option(help="How the recordings are laid out, as prepare names it.")] = "",
    spell_numbers: Annotated[bool, typer.Option("--spell-numbers", help="Turn figures into words.")] = False,
    lm: Annotated[Path | None, typer.Option(help="Judge with a language model: english ships.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: training.epochs=40.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Begin again although the folder holds a model.")] = False,
) -> None:
    """Teach a model a voice by a few minutes of it, and print what that brought on sentences kept apart."""
    from speechrnn.adapt.adaptation import RUN, adapt_model
    from speechrnn.console import name_command, note, print_line
    from speechrnn.score.report import format_comparison, format_summary
    from speechrnn.shipped import ENGLISH_WEIGHTS

    assessment = adapt_model(
        model or ENGLISH_WEIGHTS,
        recordings,
        out,
        layout=layout,
        spell_numbers=spell_numbers,
        overrides=settings or (),
        lm=lm,
        force=force,
    )
    assert assessment.other
    assert assessment.comparison
    print_line(f"before\n{format_summary(assessment.other)}\nafter\n{format_summary(assessment.score)}")
    print_line(format_comparison(assessment.comparison))
    if assessment.comparison.difference >= 0:
        note("it is no better than before on what it did not hear; more recordings may help")
    note(f"to use it: {name_command()} transcribe FILE --model {out / RUN}" + (f" --lm {lm}" if lm else ""))


def record(
    prompts: Annotated[Path, typer.Argument(help="A sentence a line; english ships.")],
    out: Annotated[Path, typer.Option(help="The folder for the recordings.")],
) -> None:
    """Show sentences one by one, and keep what the microphone hears of each, for adapt."""
    from speechrnn.adapt.recording import record_prompts

    record_prompts(prompts, out)
