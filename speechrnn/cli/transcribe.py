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
    beam: Annotated[int | None, typer.Option(min=1, help="Beam search with so many prefixes; 1 is greedy.")] = None,
    lm: Annotated[Path | None, typer.Option(help="A language model, ours or ARPA.")] = None,
    words: Annotated[Path | None, typer.Option(help="A file with the only words there are.")] = None,
    hotword: Annotated[
        list[str] | None, typer.Option(help="A favoured word or phrase, or WORD:BOOST; may be repeated.")
    ] = None,
) -> None:
    """Print what is said in recordings; for more than one, each line begins with the recording's id."""
    from speechrnn.transcribe.files import print_transcripts
    from speechrnn.transcribe.recognizer import Recognizer

    recognizer = Recognizer.load(model)
    if beam or lm or words or hotword:
        from speechrnn.transcribe.decoding import make_decoder  # imports numba, which greedy decoding needs not

        recognizer.decoder = make_decoder(recognizer.info, beam=beam, lm=lm, words=words, hotwords=hotword or ())
    if print_transcripts(recognizer, recordings, as_json=format is Format.JSON):
        raise typer.Exit(1)
