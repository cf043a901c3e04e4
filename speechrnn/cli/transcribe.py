"""speechrnn transcribe."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How transcripts are written."""

    TXT = "txt"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    TSV = "tsv"
    CTM = "ctm"
    TEXTGRID = "textgrid"
    ALL = "all"


def transcribe(
    recordings: Annotated[
        list[Path] | None, typer.Argument(help="Files, folders with files, or - for stdin.", readable=False)
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="A model file, exported or not, or a run's folder; English as it ships where none is named."),
    ] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Listen to the microphone until Ctrl-C.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Read stdin as it comes: WAV, or raw 16-bit samples at 16 kHz.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", "-f", help="Text, or what other programs read.")] = Format.TXT,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", "-o", help="Write a file for each recording into this folder.")
    ] = None,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out what that folder has of the same audio and model.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files in that folder.")] = False,
    align: Annotated[
        Path | None, typer.Option(help="The text, or a manifest with the texts: print when each word is said.")
    ] = None,
    beam: Annotated[int | None, typer.Option(min=1, help="Beam search with so many prefixes; 1 is greedy.")] = None,
    lm: Annotated[Path | None, typer.Option(help="A language model, ours or ARPA; english ships.")] = None,
    words: Annotated[
        Path | None, typer.Option(help="A file with the only words there are; digits and commands ship.")
    ] = None,
    hotword: Annotated[
        list[str] | None, typer.Option(help="A favoured word or phrase, or WORD:BOOST; may be repeated.")
    ] = None,
) -> None:
    """Print what is said in recordings; for more than one, each line begins with the recording's id."""
    from speechrnn.console import note
    from speechrnn.shipped import ENGLISH_LM, ENGLISH_MODEL, LM, WORDS, find_shipped
    from speechrnn.transcribe.files import Reader, open_stdin, print_transcripts, write_transcripts
    from speechrnn.transcribe.formats import FORMATS
    from speechrnn.transcribe.ledger import hash_reader
    from speechrnn.transcribe.recognizer import Recognizer

    if align and (beam or lm or words or hotword):
        raise typer.BadParameter("--align knows the words; leave out --beam, --lm, --words and --hotword")
    if (mic or live) and (align or output_dir or format is not Format.TXT):
        raise typer.BadParameter("--mic and --live print text; leave out --align, --format and --output-dir")
    if (mic and (live or recordings)) or (live and recordings != [Path("-")]):
        raise typer.BadParameter("--mic takes no recordings, and --live takes - alone")
    if not (mic or recordings):
        raise typer.BadParameter("name recordings, or - for stdin, or add --mic")
    if output_dir is None and (skip_existing or force or format is Format.ALL):
        raise typer.BadParameter("--skip-existing, --force and --format all are about files: add --output-dir")
    if model is None:
        model, told = ENGLISH_MODEL, "model english"
        if not (align or beam == 1 or lm or words or hotword):
            lm, told = ENGLISH_LM, "model english and language model english"
        note(f"{told}; --model names another")
    lm, words = lm and find_shipped(lm, LM), words and find_shipped(words, WORDS)
    recognizer = Recognizer.load(model)
    if beam or lm or words or hotword:
        from speechrnn.transcribe.decoding import make_decoder  # imports numba, which greedy decoding needs not

        recognizer.decoder = make_decoder(recognizer.info, beam=beam, lm=lm, words=words, hotwords=hotword or ())
    if mic or live:
        from speechrnn.transcribe.live import transcribe_live
        from speechrnn.transcribe.sources import listen_to_microphone, read_live

        transcribe_live(recognizer, listen_to_microphone() if mic else read_live(sys.stdin.buffer))
        return
    reader: Reader = recognizer
    if align:
        from speechrnn.transcribe.forced import Aligner

        reader = Aligner(recognizer, align)
    with open_stdin(recordings or []) as paths:
        if output_dir is None:
            failures = print_transcripts(reader, paths, format)
        else:
            formats = list(FORMATS) if format is Format.ALL else [format.value]
            key = hash_reader([Path(recognizer.name), lm, words, align], [beam, *(hotword or ())])
            failures = write_transcripts(reader, paths, output_dir, formats, key, skip=skip_existing, force=force)
    if failures:
        raise typer.Exit(1)
