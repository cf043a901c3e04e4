"""speechrnn score."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speechrnn.cli.arguments import refuse_beside_phrases, refuse_greedy, split_names
from speechrnn.limits import MOST_WARPS, WIDEST_BEAM

if TYPE_CHECKING:
    from speechrnn.score.entries import Entry
    from speechrnn.transcribe.reading import Reading


def score(
    reference: Annotated[Path, typer.Argument(help="References: manifest, Kaldi text or trn; or a prepared folder.")],
    hypothesis: Annotated[Path | None, typer.Argument(help="Hypotheses, in any of these.")] = None,
    model: Annotated[Path | None, typer.Option(help="Recognise the prepared folder with this model.")] = None,
    split: Annotated[str, typer.Option(help="The split of the prepared folder.")] = "test",
    beam: Annotated[
        int | None, typer.Option(min=1, max=WIDEST_BEAM, help="With --model: beam search; 1 is greedy.")
    ] = None,
    lm: Annotated[Path | None, typer.Option(help="With --model: a language model, ours or ARPA.")] = None,
    words: Annotated[
        Path | None, typer.Option(help="With --model: a file with the only words there are; digits and commands ship.")
    ] = None,
    phrases: Annotated[
        Path | None,
        typer.Option(help="With --model: a file of which each utterance says one line; digits and commands ship."),
    ] = None,
    letters: Annotated[
        bool, typer.Option("--letters", help="With --model: read these by letters, also where it has learned phones.")
    ] = False,
    warps: Annotated[
        int,
        typer.Option(min=1, max=MOST_WARPS, help="With --model: hear as so many vocal tracts, take the mean."),
    ] = 1,
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
    from speechrnn.score.assessment import assess
    from speechrnn.score.exports import Outputs, to_json
    from speechrnn.score.readers import read_transcripts
    from speechrnn.score.report import print_assessment

    if (hypothesis is None) == (model is None):
        raise typer.BadParameter("give a file of hypotheses, or a prepared folder with --model")
    if hypothesis is not None and (beam or lm or words or phrases or letters or warps > 1):
        raise typer.BadParameter(
            "--beam, --lm, --words, --phrases, --letters and --warps go with --model; these hypotheses are read already"
        )
    refuse_greedy(beam, lm, words)
    refuse_beside_phrases(phrases, {"--beam": beam, "--lm": lm, "--words": words})
    keys, outputs = _parse_keys(by), Outputs(html, html_audio, trn, ctm, force)
    outputs.refuse_existing()
    if model is not None:
        from speechrnn.transcribe.reading import Reading

        reading = Reading(model, beam, lm, words, phrases, letters=letters, warps=warps)
        reading.suggest_lm()
        references, hypotheses = _recognize(reference, split, reading)
    elif hypothesis is not None:
        listed = reference / f"{split}.jsonl" if reference.is_dir() else reference
        references = read_transcripts(listed, "reference", plain)
        hypotheses = read_transcripts(hypothesis, "hypothesis", plain)
    others = read_transcripts(vs, "hypothesis", plain) if vs else None
    assessment = assess(
        references, hypotheses, normalizer=normalize, keys=keys, others=others, other_name=str(vs or "")
    )
    outputs.write(assessment)
    if as_json:
        print_line(to_json(assessment))
    else:
        print_assessment(assessment, worst, calibration)


def _parse_keys(listed: str) -> list[str]:
    from speechrnn.score.breakdown import KEYS

    keys = split_names(listed)
    if unknown := [key for key in keys if key not in KEYS]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(KEYS)}", param_hint="--by")
    return keys


def _recognize(folder: Path, split: str, reading: "Reading") -> "tuple[dict[str, Entry], dict[str, Entry]]":
    from speechrnn.transcribe.corpus import transcribe_split

    recognizer = reading.open()
    return transcribe_split(folder, split, recognizer.listener, recognizer.decoder)
