"""A release of Mozilla's Common Voice in one language: train.tsv, dev.tsv and test.tsv beside clips/.

References:
    Ardila et al., Common Voice: a massively-multilingual speech corpus, LREC 2020.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Corpus, Splits, read_table, refuse_subsets
from speechrnn.utterances import UtteranceList

_SPLITS = ("train", "dev", "test")

_COLUMNS = ("client_id", "path", "sentence")


def read_common_voice(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the utterances of the release's own splits, which share no speaker.

    Their language is what the column `locale` says, or else the folder's name.

    Args:
        source: The folder of a language (cv-corpus-17.0-2024-03-15/es), or one that holds just one such folder.
        subsets: There are none.

    Raises:
        CorpusError: The folder is no release, holds several languages, or a table is broken.
    """
    refuse_subsets(subsets, "common_voice")
    folders = [source] if (source / "train.tsv").exists() else [path.parent for path in source.glob("*/train.tsv")]
    if len(folders) != 1:
        found = ", ".join(sorted(folder.name for folder in folders)) or "none"
        raise CorpusError(f"{source}: name the folder of one language, with train.tsv and clips/ in it; found {found}")
    folder = folders[0]
    return {split: UtteranceList(_read_split(folder, split)) for split in _SPLITS if (folder / f"{split}.tsv").exists()}


def _read_split(folder: Path, split: str) -> Iterator[Utterance]:
    for _, row in read_table(folder / f"{split}.tsv", _COLUMNS):
        yield Utterance(
            str(folder / "clips" / row["path"]),
            row["sentence"],
            id=Path(row["path"]).stem,
            speaker=row["client_id"],
            lang=(row.get("locale") or folder.name).partition("-")[0],
        )


CORPORA = (
    Corpus(
        "common_voice",
        "Mozilla Common Voice: volunteers read sentences, in many languages",
        read_common_voice,
        hours="varies",
        speakers="varies",
        lang="",
        licence="CC0",
        size="varies",
    ),
)
