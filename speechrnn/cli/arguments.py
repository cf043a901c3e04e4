"""What several commands read alike from their arguments."""

from collections.abc import Mapping

import typer


def split_names(listed: str) -> list[str]:
    """Returns names that stand with commas between, without what is empty."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def check_corpus(name: str) -> str:
    """Returns the name of a corpus that `prepare` knows, or nothing where none is named; another is wrong usage."""
    from speechrnn.prepare.corpora import CORPORA

    if name and name not in CORPORA:
        raise typer.BadParameter(f"unknown corpus {name!r}; there is {', '.join(CORPORA)}")
    return name


def refuse_greedy(beam: int | None, *known: object) -> None:
    """Refuses a greedy beam beside something that only a search hears of."""
    if beam == 1 and any(known):
        raise typer.BadParameter("--beam 1 is greedy, and hears of no language model or words; take 10 or more")


def refuse_beside_phrases(phrases: object, others: Mapping[str, object]) -> None:
    """Refuses options, by name, that know of other words, beside phrases that are all that is said."""
    if phrases and (given := [option for option, value in others.items() if value]):
        raise typer.BadParameter(f"--phrases are all that is said; leave out {', '.join(given)}")
