"""speechrnn info."""

from pathlib import Path
from typing import Annotated

import typer

from speechrnn.shipped import EXPORTED, LM


def info(model: Annotated[Path, typer.Argument(help="A model file, a run's folder, or a language model.")]) -> None:
    """Print what a model is, what it was trained on, and how it scored; of a language model, what it holds."""
    from speechrnn.console import print_line

    if model.suffix in (LM, ".arpa"):
        from speechrnn.transcribe.lm.files import describe_lm

        print_line(describe_lm(model))
        return
    from speechrnn.modelfile import describe_model, read_model_info
    from speechrnn.modelinfo import find_model

    file = find_model(model)
    if file.suffix == EXPORTED:
        from speechrnn.transcribe.onnx_listener import OnnxListener

        print_line(describe_model(file, OnnxListener.load(file).info))
    else:
        print_line(describe_model(file, read_model_info(file)))
