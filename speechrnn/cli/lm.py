"""speechrnn lm: word n-gram models."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from speechrnn.limits import WIDEST_BEAM

_Small = Annotated[
    bool, typer.Option("--small", help="Write some 12 bytes an n-gram instead of 20: probabilities in half precision.")
]

lm = typer.Typer(no_args_is_help=True, help="Build, tune, test and convert word n-gram language models.")


@lm.command()
def build(
    texts: Annotated[list[Path], typer.Argument(help="Plain text, a sentence a line.")],
    out: Annotated[Path, typer.Option(help="The model; ARPA if it ends in .arpa.")],
    order: Annotated[int, typer.Option(min=1, max=10, help="Words of the longest n-gram.")] = 4,
    prune: Annotated[
        str, typer.Option(help="By order, n-grams this rare are left out: 0,0,1; single words stay.")
    ] = "",
    min_count: Annotated[int, typer.Option(min=1, help="Rarer words are unknown words.")] = 1,
    lang: Annotated[str, typer.Option(help="Language of the texts.")] = "en",
    small: _Small = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Build a model from text: interpolated modified Kneser-Ney."""
    from speechrnn.console import note
    from speechrnn.outputs import refuse_existing
    from speechrnn.transcribe.lm.files import read_sentences, save_lm
    from speechrnn.transcribe.lm.kneser_ney import build_ngrams

    _refuse_small_arpa(small, out)
    refuse_existing(out, force)
    model = build_ngrams(read_sentences(texts, lang), order, _counts(prune), min_count)
    save_lm(replace(model, small=small), out, lang)
    sizes = ", ".join(f"{count} {number}-grams" for number, count in enumerate(model.orders, 1))
    note(f"{out}: {sizes}, {out.stat().st_size / 1e6:.1f} MB")


@lm.command()
def perplexity(
    model: Annotated[Path, typer.Argument(help="A language model.")],
    texts: Annotated[list[Path], typer.Argument(help="Plain text, a sentence a line, that the model has not seen.")],
    lang: Annotated[str, typer.Option(help="Language of the texts.")] = "en",
) -> None:
    """Print how well a model foresees a text."""
    from speechrnn.console import print_line
    from speechrnn.transcribe.lm.files import load_lm, read_sentences
    from speechrnn.transcribe.lm.perplexity import measure_perplexity

    print_line(str(measure_perplexity(load_lm(model), read_sentences(texts, lang))))


@lm.command()
def tune(
    data: Annotated[Path, typer.Argument(help="A prepared folder.")],
    model: Annotated[Path, typer.Option(help="The recogniser: a model file, or a run's folder.")],
    lm: Annotated[Path, typer.Option("--lm", help="The language model; the weights found are kept in it.")],
    split: Annotated[str, typer.Option(help="The split to tune on.")] = "dev",
    beam: Annotated[int, typer.Option(min=1, max=WIDEST_BEAM, help="Prefixes kept at each frame.")] = 50,
    letters: Annotated[
        bool, typer.Option("--letters", help="Tune for letters, also where the model has learned phones.")
    ] = False,
) -> None:
    """Find the weights with the fewest word errors on dev, and keep them in the language model."""
    from speechrnn.transcribe.lm.tune import tune_lm

    tune_lm(data, split, model, lm, beam, letters)


@lm.command()
def convert(
    source: Annotated[Path, typer.Argument(help="A language model, ours or ARPA.")],
    out: Annotated[Path, typer.Option(help="The model; ARPA if it ends in .arpa.")],
    lang: Annotated[str, typer.Option(help="Language of its words, whose sounds are kept with them.")] = "en",
    small: _Small = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Turn ARPA into our form, which opens at once, or back."""
    from speechrnn.outputs import refuse_existing
    from speechrnn.transcribe.lm.files import load_lm, save_lm

    _refuse_small_arpa(small, out)
    refuse_existing(out, force)
    save_lm(replace(load_lm(source), small=small), out, lang)


def _refuse_small_arpa(small: bool, out: Path) -> None:
    from speechrnn.transcribe.lm.arpa import is_arpa

    if small and is_arpa(out):
        raise typer.BadParameter(f"--small is of our own form; {out} is ARPA, by its ending")


def _counts(listed: str) -> list[int]:
    try:
        counts = [int(number) for number in listed.split(",") if number.strip()]
    except ValueError as error:
        raise typer.BadParameter("expected numbers with commas between, like 0,0,1") from error
    if counts != sorted(counts) or any(count < 0 for count in counts):
        raise typer.BadParameter("must not fall from one order to the next, like 0,0,1")
    return counts
