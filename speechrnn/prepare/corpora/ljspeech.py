"""LJSpeech: one reader, seven books; metadata.csv with id|text|text with numbers spelled out, and wavs/.

References:
    Ito and Johnson, The LJ Speech Dataset, 2017.
"""

from collections.abc import Collection
from pathlib import Path

from speechrnn.errors import CorpusError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Archive, Corpus, Splits, refuse_subsets

_HELD_OUT = {"LJ049": "dev", "LJ050": "test"}
"""The last two chapters; a chapter is nowhere split, but the reader is in all three."""


def read_ljspeech(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the utterances by split: the last chapter is test, the one before it dev.

    Raises:
        CorpusError: There is no metadata.csv, or a line of it is broken.
    """
    refuse_subsets(subsets, "ljspeech")
    folder = source / "LJSpeech-1.1" if (source / "LJSpeech-1.1").is_dir() else source
    table = folder / "metadata.csv"
    splits: dict[str, list[Utterance]] = {"train": [], "dev": [], "test": []}
    for number, line in enumerate(read_lines(table, CorpusError), 1):
        columns = line.split("|")
        if len(columns) != 3:
            raise CorpusError(f"{table}:{number}: expected id|text|normalized text, found {len(columns)} columns")
        id, _, text = columns
        utterance = Utterance(str(folder / "wavs" / f"{id}.wav"), text, id=id, speaker="LJ")
        splits[_HELD_OUT.get(id.partition("-")[0], "train")].append(utterance)
    return splits


CORPORA = (
    Corpus(
        "ljspeech",
        "one English reader, seven books",
        read_ljspeech,
        hours="24",
        speakers="1",
        licence="public domain",
        size="2.6 GB",
        archives={
            "1.1": Archive(
                "https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",
                "be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
                "LJSpeech-1.1",
                "LJSpeech-1.1",
            )
        },
    ),
)
