"""speechrnn info."""

from pathlib import Path
from typing import Annotated

import typer


def info(model: Annotated[Path, typer.Argument(help="A model file, or a run's folder.")]) -> None:
    """Print what a model is, what it was trained on, and how it scored."""
    from speechrnn.console import print_line
    from speechrnn.modelfile import describe_model, find_model

    print_line(describe_model(find_model(model)))
