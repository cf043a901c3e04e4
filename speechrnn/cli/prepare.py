"""speechrnn prepare."""

import re
from pathlib import Path
from typing import Annotated

import typer

from speechrnn.cli.arguments import check_corpus, split_names
from speechrnn.limits import SplitBy


def _list_corpora(wanted: bool) -> None:
    if wanted:
        from speechrnn.prepare.corpora import CORPORA
        from speechrnn.prepare.report import report_corpora

        report_corpora(CORPORA.values())
        raise typer.Exit


def prepare(
    corpus: Annotated[str, typer.Argument(help="The corpus, or its layout; --list shows them.", callback=check_corpus)],
    source: Annotated[
        Path | None,
        typer.Argument(help="Where the corpus lies, or shall lie after --download (data/CORPUS); the text for synth."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    download: Annotated[bool, typer.Option("--download", help="Fetch what is not there yet.")] = False,
    subsets: Annotated[str, typer.Option(help="Parts to take: train-clean-100,dev-clean.")] = "",
    lang: Annotated[str, typer.Option(help="Language of the transcripts, if the corpus does not say it.")] = "",
    spell_numbers: Annotated[bool, typer.Option("--spell-numbers", help="Turn figures into words.")] = False,
    split: Annotated[
        SplitBy,
        typer.Option(
            help="Where a corpus has no splits: speakers, sentences or utterances kept apart, or all in train, dev or"
            " test."
        ),
    ] = "speakers",
    dev_speakers: Annotated[str, typer.Option(help="Who makes up dev, with commas between.")] = "",
    test_speakers: Annotated[str, typer.Option(help="Who makes up test, with commas between.")] = "",
    segments: Annotated[
        Path | None, typer.Option(help="A table that cuts recordings: recording start end text.")
    ] = None,
    speed: Annotated[str, typer.Option(help="Take training speech at each of these speeds: 0.9,1.0,1.1.")] = "1.0",
    volume: Annotated[bool, typer.Option("--volume", help="Make each training utterance louder or softer.")] = False,
    shard: Annotated[str, typer.Option(help="Prepare one part of several: 3/64.")] = "",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Another setting: features.mels=80.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0 for one a core.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace what was prepared otherwise.")] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Show the corpora.", is_eager=True, callback=_list_corpora)
    ] = False,
) -> None:
    """Turn a corpus into manifests and MFCC features."""
    from speechrnn.config import PrepareConfig
    from speechrnn.prepare.corpora import find_corpus
    from speechrnn.prepare.pipeline import prepare_corpus
    from speechrnn.prepare.plan import plan_corpus
    from speechrnn.prepare.prepared import name_shard
    from speechrnn.prepare.report import report_plan, report_prepared
    from speechrnn.settings import build_settings

    options = {
        "lang": lang,
        "numbers": "spell" if spell_numbers else "refuse",
        "subsets": split_names(subsets),
        "split": split,
        "dev_speakers": split_names(dev_speakers),
        "test_speakers": split_names(test_speakers),
        "speeds": _numbers(speed),
        "volume": volume,
    }
    config = build_settings(PrepareConfig, options, settings or (), "prepare")
    part = _parse_shard(shard) if shard else None
    found = find_corpus(corpus)
    if download:
        from speechrnn.prepare.download import download_corpus

        source = source or Path("data") / corpus
        download_corpus(found, source, config.subsets)
    if found.make and source:
        source = found.make(source, out, config, workers=workers, force=force)
    plan = plan_corpus(found, source, config, segments)
    report_plan(plan)
    prepared = prepare_corpus(plan, out, workers=workers, force=force, shard=part)
    report_prepared(out / name_shard(*part) if part else out, prepared)


def _numbers(listed: str) -> list[float]:
    try:
        return [float(number) for number in listed.split(",")]
    except ValueError as error:
        raise typer.BadParameter("expected numbers with commas between, like 0.9,1.0,1.1") from error


def _parse_shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise typer.BadParameter("expected a part of several, like 3/64")
    return int(match[1]), int(match[2])
