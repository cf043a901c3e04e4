"""speechrnn info."""

from pathlib import Path
from typing import Annotated

import typer

from speechrnn.shipped import EXPORTED


def info(model: Annotated[Path, typer.Argument(help="A model file, or a run's folder.")]) -> None:
    """Print what a model is, what it was trained on, and how it scored."""
    from speechrnn.console import print_line
    from speechrnn.modelfile import describe_model, read_model_info
    from speechrnn.modelinfo import find_model

    file = find_model(model)
    if file.suffix == EXPORTED:
        from speechrnn.transcribe.onnx_listener import OnnxListener

        print_line(describe_model(file, OnnxListener.load(file).info))
    else:
        print_line(describe_model(file, read_model_info(file)))
