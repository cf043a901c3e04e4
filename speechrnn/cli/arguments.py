"""What several commands read alike from their arguments."""

import typer

WIDEST_BEAM, MOST_WARPS = 100_000, 15
"""As speechrnn.config says, which takes longer to import than a command's help."""


def split_names(listed: str) -> list[str]:
    """Returns names that stand with commas between, without what is empty."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def check_corpus(name: str) -> str:
    """Returns the name of a corpus that `prepare` knows, or nothing where none is named; another is wrong usage."""
    from speechrnn.prepare.corpora import CORPORA

    if name and name not in CORPORA:
        raise typer.BadParameter(f"unknown corpus {name!r}; there is {', '.join(CORPORA)}")
    return name
