"""speechrnn score."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from speechrnn.score.entries import Entry


def score(
    reference: Annotated[Path, typer.Argument(help="References: manifest, Kaldi text or trn; or a prepared folder.")],
    hypothesis: Annotated[Path | None, typer.Argument(help="Hypotheses, in any of these.")] = None,
    model: Annotated[Path | None, typer.Option(help="Recognise the prepared folder with this model.")] = None,
    split: Annotated[str, typer.Option(help="The split of the prepared folder.")] = "test",
    beam: Annotated[int | None, typer.Option(min=1, help="With --model: beam search; 1 is greedy.")] = None,
    lm: Annotated[Path | None, typer.Option(help="With --model: a language model, ours or ARPA.")] = None,
    words: Annotated[Path | None, typer.Option(help="With --model: a file with the only words there are.")] = None,
    vs: Annotated[Path | None, typer.Option(help="Hypotheses of another recogniser: is it better?")] = None,
    normalize: Annotated[
        str, typer.Option(help="What is made equal first, on both sides: none, basic, english, spanish, or a file.")
    ] = "none",
    plain: Annotated[bool, typer.Option("--plain", help="Lines without ids, which belong together in order.")] = False,
    by: Annotated[str, typer.Option(help="Tables by speaker, lang, duration, rate, snr (commas between).")] = "",
    calibration: Annotated[bool, typer.Option("--calibration", help="A table of words by confidence.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page to look at and listen to.")] = None,
    html_audio: Annotated[int, typer.Option(min=0, help="With --html: recordings in the page, worst first.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON instead.")] = False,
    trn: Annotated[Path | None, typer.Option(help="Write ref.trn and hyp.trn into this folder, for sclite.")] = None,
    ctm: Annotated[Path | None, typer.Option(help="The same as ctm, of the words that have times.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    worst: Annotated[int, typer.Option(min=0, help="Utterances to show, those with most errors first.")] = 10,
) -> None:
    """Print the word error rate, and the utterances with most errors."""
    from speechrnn.console import print_line
    from speechrnn.score.breakdown import KEYS, break_down
    from speechrnn.score.exports import to_json, write_sides
    from speechrnn.score.normalizers import choose_normalizer
    from speechrnn.score.readers import read_transcripts
    from speechrnn.score.report import Details, print_comparison, print_score
    from speechrnn.score.scoring import score_transcripts

    if (hypothesis is None) == (model is None):
        raise typer.BadParameter("give a file of hypotheses, or a prepared folder with --model")
    if hypothesis is not None and (beam or lm or words):
        raise typer.BadParameter("--beam, --lm and --words go with --model; these hypotheses are read already")
    keys = [key.strip() for key in by.split(",") if key.strip()]
    if unknown := [key for key in keys if key not in KEYS]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(KEYS)}", param_hint="--by")
    normalizer = choose_normalizer(normalize)
    if hypothesis is not None:
        references = read_transcripts(reference, "reference", plain)
        hypotheses = read_transcripts(hypothesis, "hypothesis", plain)
    elif model is not None:
        references, hypotheses = _recognize(reference, split, model, beam, lm, words)
    scored = score_transcripts(references, hypotheses, normalizer)
    theirs = read_transcripts(vs, "hypothesis", plain) if vs else None
    other = score_transcripts(references, theirs, normalizer) if theirs else None
    if trn:
        write_sides(scored, trn, "trn", force)
    if ctm:
        write_sides(scored, ctm, "ctm", force)
    groups = {key: break_down(scored.utterances, key) for key in keys}
    if html:
        from speechrnn.score.html import write_page

        notes = [f"Normalised on both sides: {normalize}."] if normalize != "none" else []
        write_page(scored, html, tables=groups, heard=html_audio, notes=notes, force=force)
    if as_json:
        print_line(to_json(scored))
        return
    print_score(scored, Details(worst, normalize, calibration, groups))
    if other is not None:
        print_comparison(scored, other, str(vs))


def _recognize(
    folder: Path, split: str, model: Path, beam: int | None, lm: Path | None, words: Path | None
) -> "tuple[dict[str, Entry], dict[str, Entry]]":
    from speechrnn.transcribe.corpus import transcribe_split
    from speechrnn.transcribe.decoding import make_decoder
    from speechrnn.transcribe.listener import open_listener

    listener = open_listener(model)
    return transcribe_split(folder, split, listener, make_decoder(listener.info, beam=beam, lm=lm, words=words))
