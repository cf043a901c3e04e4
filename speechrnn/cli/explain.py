"""speechrnn explain: the course, made visible."""

from pathlib import Path
from typing import Annotated

import typer

explain = typer.Typer(no_args_is_help=True, help="The course, made visible: networks, gates, gradients, memory.")


@explain.command()
def ladder(
    data: Annotated[Path | None, typer.Option(help="A prepared folder; the embedded voices if left out.")] = None,
    recipe: Annotated[str, typer.Option(help="A TOML file, or the name of a shipped recipe.")] = "hello",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: training.epochs=10.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Networks that are trained of each kind.")] = 3,
    utterance: Annotated[str, typer.Option(help="The test utterance, by its id, that each network decodes.")] = "",
    out: Annotated[Path, typer.Option(help="The folder of the runs and of the picture.")] = Path("runs/ladder"),
    force: Annotated[bool, typer.Option("--force", help="Train again what is there.")] = False,
) -> None:
    """Train a perceptron, an RNN, an LSTM and a bidirectional LSTM by one recipe, and compare them."""
    from speechrnn.console import note, print_table
    from speechrnn.explain.ladder import COLUMNS, PICTURE, climb, draw_ladder, list_rows, prepare_hello
    from speechrnn.outputs import write_atomically
    from speechrnn.settings import load_recipe

    chosen = load_recipe(recipe, settings or ())
    climbed = climb(data or prepare_hello(out), chosen, out, seeds, utterance, force)
    print_table(COLUMNS, list(list_rows(climbed)))
    with write_atomically(out / PICTURE) as path:
        draw_ladder(climbed, "The same data and recipe, one step more each time").savefig(path, format="png", dpi=120)
    note(f"{climbed.id} was said: {climbed.said}\n{out / PICTURE}")
