"""speechrnn export."""

from pathlib import Path
from typing import Annotated

import typer

from speechrnn.shipped import EXPORTED, WEIGHTS


def export(
    model: Annotated[Path, typer.Argument(help="A model file, or a run's folder.")],
    out: Annotated[Path, typer.Option(help="The file to write: model.onnx, or model.safetensors for half precision.")],
    int8: Annotated[bool, typer.Option("--int8", help="Weights as 8-bit integers.")] = False,
    data: Annotated[Path | None, typer.Option(help="A prepared folder; both models are scored on it.")] = None,
    split: Annotated[str, typer.Option(help="The split of that folder.")] = "dev",
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write a model as one ONNX file, which opens at once and needs no torch; or its weights, to let it learn on."""
    from speechrnn.transcribe.export import export_model, export_weights

    if out.suffix == EXPORTED:
        export_model(model, out, int8=int8, data=data, split=split, force=force)
    elif out.suffix != WEIGHTS:
        raise typer.BadParameter("--out must end in .onnx or .safetensors")
    elif int8 or data:
        raise typer.BadParameter("--int8 and --data go with an --out that ends in .onnx")
    else:
        export_weights(model, out, force)
