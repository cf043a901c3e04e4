"""Long recordings cut into utterances by a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Splits, read_table
from speechrnn.utterances import UtteranceList

_COLUMNS = ("recording", "start", "end", "text")


def cut_by_table(splits: Splits, table: Path) -> Splits:
    """Returns the segments that a table names instead of the recordings that they are cut from.

    Args:
        splits: Recordings; those without a segment are left out.
        table: A header, then lines of recording (its id), start and end in seconds, and text, between tabs; columns
            speaker and id may follow.

    Raises:
        CorpusError: The table is broken, or names a recording that is not there.
    """
    segments: dict[str, list[Mapping[str, str]]] = {}
    places: dict[str, int] = {}
    for number, row in read_table(table, _COLUMNS):
        segments.setdefault(row["recording"], []).append(row | {"line": str(number)})
        places.setdefault(row["recording"], number)
    known = {utterance.id for utterances in splits.values() for utterance in utterances}
    if unknown := [recording for recording in segments if recording not in known]:
        raise CorpusError(f"{table}:{places[unknown[0]]}: no recording {unknown[0]!r} in the corpus")
    return {
        split: UtteranceList(
            segment for recording in recordings for segment in _cut(recording, segments.get(recording.id, ()), table)
        )
        for split, recordings in splits.items()
    }


def _cut(recording: Utterance, rows: Sequence[Mapping[str, str]], table: Path) -> Iterator[Utterance]:
    for row in rows:
        try:
            start, end = float(row["start"]), float(row["end"])
        except ValueError as error:
            raise CorpusError(f"{table}:{row['line']}: start and end must be seconds ({error})") from error
        if not 0 <= start < end:
            raise CorpusError(f"{table}:{row['line']}: must start at 0 s or later and end later, found {start}–{end}")
        yield replace(
            recording,
            text=row["text"],
            offset=round(recording.offset + start, 6),
            duration=round(end - start, 6),
            id=row.get("id") or f"{recording.id}-{start:.2f}-{end:.2f}",
            speaker=row.get("speaker") or recording.speaker,
        )
