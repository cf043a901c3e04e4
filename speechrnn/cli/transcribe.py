"""speechrnn transcribe."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speechrnn.cli.arguments import refuse_beside_phrases, refuse_greedy
from speechrnn.limits import MOST_WARPS, WIDEST_BEAM

if TYPE_CHECKING:
    from speechrnn.transcribe.files import Reader
    from speechrnn.transcribe.known import KnownTexts
    from speechrnn.transcribe.recognizer import Recognizer

_NOTHING = "name recordings, or - for stdin, or add --mic; --align MANIFEST has its own"


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
        Path | None,
        typer.Option(
            help="The text, or a manifest with texts and recordings: when each word is said, in --format ctm, say."
        ),
    ] = None,
    beam: Annotated[
        int | None, typer.Option(min=1, max=WIDEST_BEAM, help="Beam search with so many prefixes; 1 is greedy.")
    ] = None,
    lm: Annotated[Path | None, typer.Option(help="A language model, ours or ARPA; english ships.")] = None,
    words: Annotated[
        Path | None, typer.Option(help="A file with the only words there are; digits and commands ship.")
    ] = None,
    phrases: Annotated[
        Path | None,
        typer.Option(
            help="A file of whose lines one is said between two pauses, and nothing else; digits and commands ship."
        ),
    ] = None,
    letters: Annotated[
        bool,
        typer.Option(
            "--letters", help="Read --lm, --words and --phrases by letters, also where the model has learned phones."
        ),
    ] = False,
    warps: Annotated[
        int,
        typer.Option(
            min=1, max=MOST_WARPS, help="Hear as so many vocal tracts (3, say), take the mean; no gain with --lm."
        ),
    ] = 1,
    one_speaker: Annotated[
        bool,
        typer.Option("--one-speaker", help="All are one person's: take that voice's mean (input.cmvn = speaker)."),
    ] = False,
    hotword: Annotated[
        list[str] | None, typer.Option(help="A favoured word or phrase, or WORD:BOOST; may be repeated.")
    ] = None,
) -> None:
    """Print what is said in recordings; for more than one, each line begins with the recording's id."""
    from speechrnn.transcribe.files import open_stdin, print_transcripts, write_transcripts
    from speechrnn.transcribe.formats import FORMATS
    from speechrnn.transcribe.known import KnownTexts
    from speechrnn.transcribe.reading import Reading

    if align and (beam or lm or words or phrases or hotword or letters):
        raise typer.BadParameter(
            "--align knows the words; leave out --beam, --lm, --words, --phrases, --letters and --hotword"
        )
    refuse_greedy(beam, lm, words, hotword)
    refuse_beside_phrases(phrases, {"--beam": beam, "--lm": lm, "--words": words, "--hotword": hotword})
    if output_dir is None and (skip_existing or force or format is Format.ALL):
        raise typer.BadParameter("--skip-existing, --force and --format all are about files: add --output-dir")
    if one_speaker and skip_existing:
        raise typer.BadParameter("--one-speaker reads all recordings anew; take --force instead of --skip-existing")
    if mic or live:
        _check_live(mic, live, recordings, plain=not (align or output_dir or one_speaker) and format is Format.TXT)
    texts = KnownTexts.read(align) if align else None
    ids = texts.name_recordings() if texts and not recordings else {}
    recordings = recordings or list(ids)
    if not (recordings or mic or live):
        raise typer.BadParameter(_NOTHING)
    if texts and texts.text is not None and (len(recordings) > 1 or recordings[0].is_dir()):
        raise typer.BadParameter(f"{align} says what one recording says; name that one alone, or --align a manifest")
    reading = Reading.choose(
        model,
        bool(align),
        beam=beam,
        lm=lm,
        words=words,
        phrases=phrases,
        hotwords=tuple(hotword or ()),
        letters=letters,
        warps=warps,
    )
    if model is None:
        reading.introduce_default()
    elif not align:
        reading.suggest_lm()
    recognizer = reading.open()
    if mic or live:
        _transcribe_live(recognizer, mic)
        return
    with open_stdin(recordings) as paths:
        reader, paths = _make_reader(recognizer, paths, texts, one_speaker)
        if output_dir is None:
            failures = print_transcripts(reader, paths, format, ids)
        else:
            formats = list(FORMATS) if format is Format.ALL else [format.value]
            key = reading.hash(recognizer, align, one_speaker)
            failures = write_transcripts(
                reader, paths, output_dir, formats, key, skip=skip_existing, force=force, ids=ids
            )
    if failures:
        raise typer.Exit(1)


def _transcribe_live(recognizer: "Recognizer", mic: bool) -> None:
    from speechrnn.transcribe.live import transcribe_live
    from speechrnn.transcribe.sources import listen_to_microphone, read_live

    transcribe_live(recognizer, listen_to_microphone() if mic else read_live(sys.stdin.buffer))


def _make_reader(
    recognizer: "Recognizer", paths: list[Path], texts: "KnownTexts | None", one_speaker: bool
) -> "tuple[Reader, list[Path]]":
    """Returns what reads recordings, of known texts or by one known speaker, and the recordings."""
    if one_speaker:
        from speechrnn.transcribe.files import find_recordings
        from speechrnn.transcribe.speaker import know_speaker

        found, empty = find_recordings(paths)
        recognizer, paths = know_speaker(recognizer, found), [*found, *empty]
    if texts is None:
        return recognizer, paths
    from speechrnn.transcribe.forced import Aligner

    return Aligner(recognizer, texts), paths


def _check_live(mic: bool, live: bool, recordings: list[Path] | None, plain: bool) -> None:
    if mic and (live or recordings):
        raise typer.BadParameter("--mic listens to the microphone alone; leave out recordings and --live")
    if live and recordings not in (None, [], [Path("-")]):
        raise typer.BadParameter("--live reads stdin alone; leave out recordings")
    if not plain:
        raise typer.BadParameter(
            "--mic and --live print text; leave out --align, --format, --output-dir and --one-speaker"
        )
