"""What can be prepared and what was, as a person reads it."""

from collections.abc import Iterable
from pathlib import Path

from speechrnn.console import count_of, note, print_table, warn_each
from speechrnn.prepare.corpus import Corpus
from speechrnn.prepare.plan import CorpusPlan
from speechrnn.prepare.prepared import PreparedCorpus, list_parts
from speechrnn.prepare.store import read_set_aside
from speechrnn.text import describe_characters


def report_corpora(corpora: Iterable[Corpus]) -> None:
    """Prints the table of the corpora that `prepare` knows, on stdout."""
    print_table(
        ("corpus", "what", "hours", "speakers", "language", "licence", "size", "downloads"),
        [
            (
                corpus.name,
                corpus.description,
                corpus.hours,
                corpus.speakers,
                corpus.lang or "any",
                corpus.licence,
                corpus.size or "–",
                "yes" if corpus.archives else "ships" if corpus.source else "no",
            )
            for corpus in corpora
        ],
    )


def report_plan(plan: CorpusPlan) -> None:
    """Says on stderr what reading the transcripts took liberties with."""
    for character, count in sorted(plan.look_alikes.items()):
        letter, transcripts = describe_characters([character]), count_of(count, "transcript")
        note(f"{letter} in {transcripts} is taken for the Latin letter it looks like")


def report_prepared(folder: Path, prepared: PreparedCorpus) -> None:
    """Prints the splits on stdout, and on stderr the utterances that were set aside, with reasons."""
    report_set_aside(folder, prepared)
    print_table(
        ("split", "utterances", "hours", "speakers", "set aside"),
        [
            (split, str(one.utterances), f"{one.seconds / 3600:.2f}", str(one.speakers), str(one.set_aside))
            for split, one in prepared.splits.items()
        ],
    )


def report_set_aside(folder: Path, prepared: PreparedCorpus) -> None:
    """Says on stderr which utterances were set aside, and why."""
    for split in prepared.splits:
        set_aside = [one for part in list_parts(folder) for one in read_set_aside(part, split)]
        warn_each([f"set aside {one.id}: {one.reason}" for one in set_aside], f" in {split}.set_aside.jsonl")
