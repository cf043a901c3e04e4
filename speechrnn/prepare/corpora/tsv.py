"""A folder with metadata.tsv: a header, then path, speaker and text, tab-separated and never quoted."""

from collections.abc import Collection, Iterator
from pathlib import Path

from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import UNSPLIT, Corpus, Splits, read_table, refuse_subsets
from speechrnn.utterances import UtteranceList

_COLUMNS = ("path", "speaker", "text")


def read_tsv(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the utterances in the table's order, not split; the id is the path without its ending.

    Args:
        source: The folder of metadata.tsv, or the table itself. Paths in it start at its folder.
        subsets: There are none.

    Raises:
        CorpusError: The table is missing, lacks a column or has a broken line.
    """
    refuse_subsets(subsets, "tsv")
    return {UNSPLIT: UtteranceList(_read_rows(source / "metadata.tsv" if source.is_dir() else source))}


def _read_rows(table: Path) -> Iterator[Utterance]:
    for number, row in read_table(table, _COLUMNS):
        if not Path(row["path"]).stem:
            raise CorpusError(f"{table}:{number}: the path {row['path']!r} names no file")
        id = str(Path(row["path"]).with_suffix(""))
        yield Utterance(str(table.parent / row["path"]), row["text"], id=id, speaker=row["speaker"])


CORPORA = (Corpus("tsv", "your recordings, and metadata.tsv with path, speaker, text", read_tsv, lang=""),)
