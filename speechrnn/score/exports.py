"""A score for other programs: JSON, and what NIST's sclite reads."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from speechrnn.counts import ErrorCounts
from speechrnn.outputs import refuse_existing, write_atomically
from speechrnn.score.entries import Entry
from speechrnn.score.scoring import Score

Form = Literal["trn", "ctm"]


def to_json(score: Score) -> str:
    """Returns a score as JSON: counts, rates in percent, the interval, and each utterance with its alignment."""
    return json.dumps(
        {
            "words": _describe(score.words),
            "characters": _describe(score.characters),
            "utterances": len(score.utterances),
            "wrong_utterances": len(score.wrong_utterances),
            "interval_percent": [100 * score.interval.low, 100 * score.interval.high],
            "missing": score.missing,
            "unexpected": score.unexpected,
            "by_utterance": [
                {
                    "id": one.id,
                    "reference": one.reference.text,
                    "hypothesis": one.hypothesis.text,
                    **asdict(one.counts),
                    "alignment": [[pair.kind, pair.reference, pair.hypothesis] for pair in one.alignment.pairs],
                }
                for one in score.utterances
            ],
        },
        ensure_ascii=False,
    )


def write_sides(score: Score, folder: Path, form: Form, force: bool = False) -> None:
    """Writes `ref` and `hyp` with the form's ending into a folder, as they were compared, for sclite.

    ctm has the words that have times; trn has every utterance.

    Raises:
        OutputError: A file is there already, or cannot be written.
    """
    render = _render_trn if form == "trn" else _render_ctm
    paths = {side: folder / f"{side}.{form}" for side in ("ref", "hyp")}
    for path in paths.values():
        refuse_existing(path, force)
    for side, path in paths.items():
        with write_atomically(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            for one in score.utterances:
                file.writelines(render(one.id, one.reference if side == "ref" else one.hypothesis))


def _describe(counts: ErrorCounts) -> dict[str, float | None]:
    return {**asdict(counts), "percent": 100 * counts.rate if math.isfinite(counts.rate) else None}


def _render_trn(id: str, entry: Entry) -> Iterator[str]:
    yield f"{entry.text} ({id})\n"


def _render_ctm(id: str, entry: Entry) -> Iterator[str]:
    confidences = entry.confidences or ("",) * len(entry.times)
    for word, (start, end), confidence in zip(entry.text.split(), entry.times, confidences, strict=False):
        yield f"{id} 1 {start:.3f} {end - start:.3f} {word} {confidence}".rstrip() + "\n"
