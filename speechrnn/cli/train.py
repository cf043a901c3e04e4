"""speechrnn train."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[Path, typer.Argument(help="A folder that prepare made.")],
    out: Annotated[Path, typer.Option(help="The run's folder.")],
    recipe: Annotated[str, typer.Option(help="A TOML file, or the name of a shipped recipe.")] = "",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: network.units=320.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    init: Annotated[Path | None, typer.Option(help="Begin with a model's weights instead of fresh ones.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")] = "auto",
    force: Annotated[bool, typer.Option("--force", help="Start again although the folder holds a run.")] = False,
) -> None:
    """Train a network on a prepared corpus; the best by dev word error rate is kept."""
    from speechrnn.settings import list_recipes, load_recipe
    from speechrnn.train.folder import read_run_recipe
    from speechrnn.train.run import train_model

    if not recipe and not resume:
        known = ", ".join(list_recipes())
        raise typer.BadParameter(f"name one ({known}, or your own file), or --resume a run", param_hint="--recipe")
    chosen = load_recipe(recipe, settings or ()) if recipe else read_run_recipe(out, settings or ())
    train_model(data, chosen, out, resume=resume, force=force, device=device, init=init)
