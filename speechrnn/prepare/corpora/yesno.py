"""YesNo: one man says eight times yes or no in Hebrew, sixty times; 8 kHz; the file's name is the transcript."""

import re
from collections.abc import Collection
from pathlib import Path

from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Archive, Corpus, Splits, refuse_subsets

_NAME = re.compile(r"[01](_[01])*")

_WORDS = {"0": "no", "1": "yes"}

_TRAIN, _DEV = 25, 6
"""Kaldi's recipe trains on the first 31 recordings and tests on the other 29; the last six of the 31 are dev here."""


def read_yesno(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the recordings by split; the man is in all three.

    Raises:
        CorpusError: There are no recordings named like 0_1_0_1_1_0_0_1.wav.
    """
    refuse_subsets(subsets, "yesno")
    folder = source / "waves_yesno" if (source / "waves_yesno").is_dir() else source
    found = [path for path in sorted(folder.glob("*.wav")) if _NAME.fullmatch(path.stem)]
    if not found:
        raise CorpusError(f"{source}: no recordings named like 0_1_0_1_1_0_0_1.wav, neither here nor in waves_yesno/")
    utterances = [
        Utterance(str(path), " ".join(_WORDS[digit] for digit in path.stem.split("_")), id=path.stem, speaker="global")
        for path in found
    ]
    end = _TRAIN + _DEV
    return {"train": utterances[:_TRAIN], "dev": utterances[_TRAIN:end], "test": utterances[end:]}


CORPORA = (
    Corpus(
        "yesno",
        "eight times yes or no, in Hebrew",
        read_yesno,
        hours="0.1",
        speakers="1",
        licence="CC BY 4.0",
        size="5 MB",
        archives={
            "release1": Archive(
                "https://www.openslr.org/resources/1/waves_yesno.tar.gz",
                "c3f49e0cca421f96b75b41640749167b52118f232498667ca7a5f9416aef8e73",
                "waves_yesno",
                "waves_yesno",
            )
        },
    ),
)
