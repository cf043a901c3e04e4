"""A score for other programs, and as files: JSON, what NIST's sclite reads, a page."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from speechrnn.console import note
from speechrnn.counts import ErrorCounts
from speechrnn.outputs import refuse_existing, write_atomically
from speechrnn.score.assessment import Assessment
from speechrnn.score.entries import Entry
from speechrnn.score.html import write_page
from speechrnn.score.scoring import Score

Form = Literal["trn", "ctm"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files that are to be written.

    Attributes:
        html: A page.
        html_audio: Recordings in it at most, those of the utterances with most errors first.
        trn: A folder for `ref.trn` and `hyp.trn`.
        ctm: A folder for `ref.ctm` and `hyp.ctm`.
        force: Whether files that are there may be written over.
    """

    html: Path | None = None
    html_audio: int = 200
    trn: Path | None = None
    ctm: Path | None = None
    force: bool = False

    def refuse_existing(self) -> None:
        """Raises OutputError where a file is there already; before it takes its time to find out what goes in."""
        for folder, form in self._sides():
            for path in name_sides(folder, form).values():
                refuse_existing(path, self.force)
        if self.html:
            refuse_existing(self.html, self.force)

    def write(self, assessment: Assessment) -> None:
        """Writes them.

        Raises:
            OutputError: One is there already, or cannot be written.
        """
        self.refuse_existing()
        for folder, form in self._sides():
            write_sides(assessment.score, folder, form)
        if self.html:
            write_page(assessment, self.html, self.html_audio)

    def _sides(self) -> list[tuple[Path, Form]]:
        sides: list[tuple[Path | None, Form]] = [(self.trn, "trn"), (self.ctm, "ctm")]
        return [(folder, form) for folder, form in sides if folder]


def to_json(assessment: Assessment) -> str:
    """Returns everything as JSON: counts, rates in percent, the interval, groups, each utterance with its alignment."""
    score, comparison = assessment.score, assessment.comparison
    everything = {
        "normalizer": assessment.normalizer,
        "words": _describe(score.words),
        "characters": _describe(score.characters),
        "utterances": len(score.utterances),
        "wrong_utterances": len(score.wrong_utterances),
        "interval_percent": [100 * score.interval.low, 100 * score.interval.high],
        "calibration": asdict(score.calibration) if score.calibration else None,
        "missing": score.missing,
        "unexpected": score.unexpected,
        "groups": {
            key: [{"name": one.name, "utterances": one.utterances, **_describe(one.words)} for one in groups]
            for key, groups in assessment.groups.items()
        },
        "against": asdict(comparison) | {"name": assessment.other_name} if comparison else None,
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
    }
    return json.dumps(_to_json_values(everything), ensure_ascii=False, allow_nan=False)


def name_sides(folder: Path, form: Form) -> dict[str, Path]:
    """Returns the files of references and hypotheses in a folder, by "ref" and "hyp"."""
    return {side: folder / f"{side}.{form}" for side in ("ref", "hyp")}


def write_sides(score: Score, folder: Path, form: Form) -> None:
    """Writes references and hypotheses into a folder, as they were compared, for sclite, over what is there.

    ctm has the words that have times, and a side without any is said, and not written; trn has every utterance.

    Raises:
        OutputError: A file cannot be written.
    """
    render = _render_trn if form == "trn" else _render_ctm
    for side, path in name_sides(folder, form).items():
        entries = [(one.id, one.reference if side == "ref" else one.hypothesis) for one in score.utterances]
        if form == "ctm" and not any(entry.times for _, entry in entries):
            path.unlink(missing_ok=True)  # of an earlier score
            note(f"{path}: not written, for no word has times")
            continue
        with (
            write_atomically(path) as temporary,
            temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
        ):
            for id, entry in entries:
                file.writelines(render(id, entry))


def _to_json_values(value: Any) -> Any:
    """Returns what can be written as JSON, with null for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _to_json_values(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json_values(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _describe(counts: ErrorCounts) -> dict[str, float]:
    return {**asdict(counts), "percent": 100 * counts.rate}


def _render_trn(id: str, entry: Entry) -> Iterator[str]:
    yield f"{entry.text} ({id})\n"


def _render_ctm(id: str, entry: Entry) -> Iterator[str]:
    confidences = [f"{one:.4f}" for one in entry.confidences] or [""] * len(entry.times)
    for word, (start, end), confidence in zip(entry.text.split(), entry.times, confidences, strict=False):
        yield f"{id} 1 {start:.3f} {end - start:.3f} {word} {confidence}".rstrip() + "\n"
