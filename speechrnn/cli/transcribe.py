"""speechrnn transcribe."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How transcripts are printed."""

    TXT = "txt"
    JSON = "json"


def transcribe(
    recordings: Annotated[list[Path], typer.Argument(help="Files, and folders with files.", readable=False)],
    model: Annotated[Path, typer.Option(help="A model file, or a run's folder.")],
    format: Annotated[Format, typer.Option(help="Text alone, or a JSON object a line.")] = Format.TXT,
) -> None:
    """Print what is said in recordings; for more than one, each line begins with the recording's id."""
    from speechrnn.transcribe.files import print_transcripts
    from speechrnn.transcribe.recognizer import Recognizer

    if print_transcripts(Recognizer.load(model), recordings, as_json=format is Format.JSON):
        raise typer.Exit(1)
