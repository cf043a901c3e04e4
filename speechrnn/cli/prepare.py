"""speechrnn prepare."""

from pathlib import Path
from typing import Annotated

import typer


def prepare(
    corpus: Annotated[str, typer.Argument(help="The corpus's layout: librispeech, fsdd, tsv or hello.")],
    source: Annotated[Path | None, typer.Argument(help="Where the corpus lies; hello brings its own.")] = None,
    *,
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    lang: Annotated[str, typer.Option(help="Language of the transcripts.")] = "en",
    split: Annotated[
        str,
        typer.Option(
            help="Where a corpus has no splits: speakers or sentences kept apart, or all in train, dev or test."
        ),
    ] = "speakers",
    dev_speakers: Annotated[str, typer.Option(help="Who makes up dev, with commas between.")] = "",
    test_speakers: Annotated[str, typer.Option(help="Who makes up test, with commas between.")] = "",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Another setting: features.mels=80.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0 for one a core.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace what was prepared otherwise.")] = False,
) -> None:
    """Turn a corpus into manifests and MFCC features."""
    from speechrnn.config import PrepareConfig, build_settings
    from speechrnn.prepare.corpora import find_reader
    from speechrnn.prepare.pipeline import prepare_corpus
    from speechrnn.prepare.report import report_prepared

    options = {
        "lang": lang,
        "split": split,
        "dev_speakers": _names(dev_speakers),
        "test_speakers": _names(test_speakers),
    }
    config = build_settings(PrepareConfig, options, settings or (), "prepare")
    report_prepared(out, prepare_corpus(find_reader(corpus), source, out, config, workers=workers, force=force))


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]
