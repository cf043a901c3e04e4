"""AN4, the CMU census database: people spell names and addresses and say commands; SPHERE files at 16 kHz.

References:
    Acero, Acoustical and environmental robustness in automatic speech recognition, 1990.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from speechrnn.errors import CorpusError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Archive, Corpus, Splits, refuse_subsets

_LINE = re.compile(r"(?:<s>)?\s*(?P<text>.*?)\s*(?:</s>)?\s*\((?P<id>[^()\s]+)\)")


def read_an4(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the utterances of AN4's own training and test set; it has no dev set.

    Raises:
        CorpusError: The folder has no etc/an4_train.transcription, or a line of a list is broken.
    """
    refuse_subsets(subsets, "an4")
    folder = source / "an4" if (source / "an4").is_dir() else source
    return {split: list(_read_split(folder, f"an4_{split}")) for split in ("train", "test")}


def _read_split(folder: Path, name: str) -> Iterator[Utterance]:
    transcripts = folder / "etc" / f"{name}.transcription"
    audio = {Path(line).name: line.strip() for line in read_lines(folder / "etc" / f"{name}.fileids", CorpusError)}
    for number, line in enumerate(read_lines(transcripts, CorpusError), 1):
        match = _LINE.fullmatch(line.strip())
        if match is None or match["id"] not in audio:
            raise CorpusError(f"{transcripts}:{number}: expected words and an id of {name}.fileids in parentheses")
        place = audio[match["id"]]
        yield Utterance(
            str(folder / "wav" / f"{place}.sph"), match["text"], id=match["id"], speaker=Path(place).parent.name
        )


CORPORA = (
    Corpus(
        "an4",
        "CMU AN4: English names and numbers spelled out, commands; 1,078 utterances",
        read_an4,
        hours="about 1",
        speakers="–",
        licence="free, by CMU",
        size="65 MB",
        archives={
            "sphere": Archive(
                "https://dldata-public.s3.us-east-2.amazonaws.com/an4_sphere.tar.gz", member="an4", folder="an4"
            )
        },
    ),
)
