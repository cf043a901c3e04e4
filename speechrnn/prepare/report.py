"""What was prepared, as a person reads it."""

from pathlib import Path

from speechrnn.console import print_table, warn
from speechrnn.prepare.pipeline import PreparedCorpus
from speechrnn.prepare.store import read_set_aside

_NAMED = 10
"""Utterances that are named one by one before the rest is only counted."""


def report_prepared(folder: Path, prepared: PreparedCorpus) -> None:
    """Prints the splits on stdout, and on stderr the utterances that were set aside, with reasons."""
    for split, summary in prepared.splits.items():
        for note in read_set_aside(folder, split)[:_NAMED]:
            warn(f"set aside {note.id}: {note.reason}")
        if summary.set_aside > _NAMED:
            warn(f"... and {summary.set_aside - _NAMED} more in {folder / f'{split}.set_aside.jsonl'}")
    print_table(
        ("split", "utterances", "hours", "speakers", "set aside"),
        [
            (split, str(one.utterances), f"{one.seconds / 3600:.2f}", str(one.speakers), str(one.set_aside))
            for split, one in prepared.splits.items()
        ],
    )
