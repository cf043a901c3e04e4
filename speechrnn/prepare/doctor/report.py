"""A diagnosis as a person reads it, and as a program does."""

import json
from collections.abc import Sequence

import numpy as np

from speechrnn.console import note, print_line, print_table
from speechrnn.prepare.doctor.cases import Finding
from speechrnn.prepare.doctor.doctor import Diagnosis

_BINS = (0.5, 1, 2, 3, 5, 8, 12, 16, 20, 30, 60)
"""Edges of the histogram of durations, in seconds."""

_BAR = 40
_EXAMPLES = 2


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Prints the findings as a table on stdout, and around it on stderr the durations and the batches."""
    seconds, (batches, padding) = diagnosis.seconds, diagnosis.batches
    note(f"{diagnosis.patient.name}: {len(diagnosis.cases)} utterances, {sum(seconds) / 3600:.2f} hours")
    for line in draw_durations(seconds):
        note(line)
    if batches:
        note(f"an epoch: {batches} batches, {100 * padding:.1f} % padding\n")
    if not diagnosis.findings:
        print_line("nothing found")
        return
    total = len(diagnosis.cases)
    print_table(
        ("severity", "what", "utterances", "for example", "what to do"),
        [
            (
                finding.rule.severity,
                finding.rule.what,
                f"{len(finding.details)} ({100 * len(finding.details) / total:.1f} %)",
                _give_examples(finding),
                finding.rule.remedy,
            )
            for finding in diagnosis.findings
        ],
    )


def format_json(diagnosis: Diagnosis) -> str:
    """Returns all that was found as one JSON object."""
    batches, padding = diagnosis.batches
    counts = _count_durations(diagnosis.seconds)
    report = {
        "corpus": diagnosis.patient.name,
        "utterances": len(diagnosis.cases),
        "hours": round(sum(diagnosis.seconds) / 3600, 4),
        "splits": {split: len(utterances) for split, utterances in diagnosis.patient.splits.items()},
        "batches": {"count": batches, "padding": round(padding, 4)},
        "durations": [{"up_to_seconds": edge, "utterances": count} for edge, count in counts],
        "findings": [
            {
                "kind": finding.rule.kind,
                "severity": finding.rule.severity,
                "what": finding.rule.what,
                "remedy": finding.rule.remedy,
                "utterances": [{"id": id, "detail": detail} for id, detail in finding.details.items()],
            }
            for finding in diagnosis.findings
        ],
    }
    return json.dumps(report, ensure_ascii=False, indent=2)


def draw_durations(seconds: Sequence[float]) -> list[str]:
    """Returns a histogram of durations, a line a class that has any."""
    counts = _count_durations(seconds)
    most = max((count for _, count in counts), default=0)
    return [
        f"{'over' if edge is None else 'up to'} {edge or _BINS[-1]:>4g} s {count:>7} {'█' * round(_BAR * count / most)}"
        for edge, count in counts
        if count
    ]


def _count_durations(seconds: Sequence[float]) -> list[tuple[float | None, int]]:
    """Returns how many durations lie up to each edge, and (None) beyond the last."""
    classes = np.bincount(np.searchsorted(_BINS, seconds), minlength=len(_BINS) + 1).tolist()
    return list(zip((*_BINS, None), classes, strict=True))


def _give_examples(finding: Finding) -> str:
    return "; ".join(f"{id}: {detail}" for id, detail in list(finding.details.items())[:_EXAMPLES])
