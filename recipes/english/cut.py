"""Cuts read speech into pieces of one to four words, for a network that shall also hear words by themselves.

    speechrnn transcribe --align MANIFEST --format json > aligned.jsonl
    python recipes/english/cut.py MANIFEST aligned.jsonl cuts.jsonl

Half of the pieces are kept, and none in which a letter takes too long or too short a time to be aligned rightly.
"""

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speechrnn.manifest import Utterance, read_manifest, write_manifest
from speechrnn.outputs import write_atomically

LENGTHS = (1, 1, 2, 3, 4)
"""Words of a piece, each as probable as it is often here."""

SECONDS_A_LETTER = (0.035, 0.2)
"""What a letter takes, spaces counted."""

MARGIN = 0.08
"""Greatest time that is left before and behind a piece, in seconds, no more than half of a pause."""


def cut(utterance: Utterance, words: list[dict[str, float | str]], rng: random.Random) -> Iterator[Utterance]:
    """Yields pieces of an utterance, whose words have a text, a start and an end in seconds."""
    place = 0
    while place < len(words):
        piece = words[place : place + rng.choice(LENGTHS)]
        before = float(words[place - 1]["end"]) if place else 0.0
        place += len(piece)
        first, last = float(piece[0]["start"]), float(piece[-1]["end"])
        after = float(words[place]["start"]) if place < len(words) else last
        start = first - min(rng.uniform(0, MARGIN), (first - before) / 2)
        end = last + min(rng.uniform(0, MARGIN), (after - last) / 2)
        text = " ".join(str(word["text"]) for word in piece)
        shortest, longest = SECONDS_A_LETTER
        if rng.random() < 0.5 and shortest <= (last - first) / len(text) <= longest:
            id = f"{utterance.id}@{place}"
            yield replace(utterance, id=id, text=text, offset=round(start, 3), duration=round(end - start, 3))


def main(manifest: Path, aligned: Path, out: Path) -> None:
    """Writes the pieces as a manifest."""
    rng = random.Random(0)
    with aligned.open(encoding="utf-8") as lines:
        said = {one["id"]: one["words"] for one in map(json.loads, lines)}
    pieces = [piece for one in read_manifest(manifest) if one.id in said for piece in cut(one, said[one.id], rng)]
    with write_atomically(out) as path:
        write_manifest(path, pieces)
    print(f"{len(pieces)} pieces, {sum(piece.duration or 0 for piece in pieces) / 3600:.2f} hours")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
