"""The Free Spoken Digit Dataset: recordings/DIGIT_SPEAKER_REPETITION.wav, 8 kHz."""

import re
from collections.abc import Collection
from pathlib import Path

from speechrnn.audio import is_audio
from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Archive, Corpus, Splits, refuse_subsets

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<repetition>\d+)")


def read_fsdd(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the recordings by split: repetitions 0 to 4 of each digit and speaker are the test set, as usual.

    Repetitions 5 to 9 are dev, the others train. So every speaker is in every split, as the corpus defines it.

    Raises:
        CorpusError: There are no recordings of that name in `source` or its folder `recordings`.
    """
    refuse_subsets(subsets, "fsdd")
    folder = source / "recordings" if (source / "recordings").is_dir() else source
    splits: dict[str, list[Utterance]] = {"train": [], "dev": [], "test": []}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = _NAME.fullmatch(path.stem)
        if name and is_audio(path):
            utterance = Utterance(str(path), DIGITS[int(name["digit"])], id=path.stem, speaker=name["speaker"])
            splits[_split_of(int(name["repetition"]))].append(utterance)
    if not any(splits.values()):
        raise CorpusError(f"{source}: no recordings named like 7_jackson_32.wav, neither here nor in recordings/")
    return splits


def _split_of(repetition: int) -> str:
    if repetition < 5:
        return "test"
    return "dev" if repetition < 10 else "train"


CORPORA = (
    Corpus(
        "fsdd",
        "Free Spoken Digit Dataset: ten English digits",
        read_fsdd,
        hours="0.36",
        speakers="6",
        licence="CC BY-SA 4.0",
        size="10 MB",
        archives={
            "v1.0.10": Archive(
                "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",
                member="free-spoken-digit-dataset-1.0.10/recordings",
                folder="recordings",
            )
        },
    ),
)
