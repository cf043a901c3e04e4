"""A folder with metadata.tsv: a header, then path, speaker and text, tab-separated and never quoted."""

from pathlib import Path

from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance

UNSPLIT = "all"

_COLUMNS = ("path", "speaker", "text")


def read_tsv(source: Path) -> dict[str, list[Utterance]]:
    """Returns the utterances in the table's order, not split; the id is the path without its ending.

    Args:
        source: The folder of metadata.tsv, or the table itself. Paths in it start at its folder.

    Raises:
        CorpusError: The table is missing, lacks a column, has a broken line or names a path twice.
    """
    table = source / "metadata.tsv" if source.is_dir() else source
    try:
        lines = [line.rstrip("\r") for line in table.read_text(encoding="utf-8-sig").split("\n")]
    except OSError as error:
        raise CorpusError(f"{table}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{table}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    header = lines[0].split("\t")
    if missing := [column for column in _COLUMNS if column not in header]:
        raise CorpusError(
            f"{table}:1: the header lacks {', '.join(missing)}; expected {' '.join(_COLUMNS)}, tab-separated"
        )
    utterances: dict[str, Utterance] = {}
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        utterance = _read_row(dict(zip(header, line.split("\t"), strict=False)), table, number)
        if utterance.id in utterances:
            raise CorpusError(f"{table}:{number}: {utterance.id} comes a second time; delete one of the lines")
        utterances[utterance.id] = utterance
    return {UNSPLIT: list(utterances.values())}


def _read_row(row: dict[str, str], table: Path, number: int) -> Utterance:
    if absent := [column for column in _COLUMNS if column not in row]:
        raise CorpusError(
            f"{table}:{number}: no {', '.join(absent)}; a line needs {len(_COLUMNS)} columns between tabs"
        )
    if not row["path"]:
        raise CorpusError(f"{table}:{number}: the path is empty")
    path = table.parent / row["path"]
    return Utterance(str(path), row["text"], id=str(Path(row["path"]).with_suffix("")), speaker=row["speaker"])
