"""LibriSpeech and what shares its layout: SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt beside the audio.

References:
    Panayotov, Chen, Povey and Khudanpur, LibriSpeech: an ASR corpus based on public domain audio books, ICASSP 2015.
"""

from collections.abc import Iterator
from pathlib import Path

from speechrnn.audio import AUDIO_SUFFIXES
from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance

_SPLITS = ("train", "dev", "test")


def read_librispeech(source: Path) -> dict[str, list[Utterance]]:
    """Returns the utterances by split, in the order of their ids.

    A subset whose name has train, dev or test as a part (train-clean-100, mini-test) belongs to that split. All
    training subsets become one split; where there are several dev or several test subsets they stay apart under
    their own names (dev-clean, dev-other), because one word error rate over both would be nobody's figure.

    Raises:
        CorpusError: The folder has no transcripts in this layout, or one is broken.
    """
    subsets = _find_subsets(source)
    grouped: dict[str, list[str]] = {split: [] for split in _SPLITS}
    for name in subsets:
        if split := _split_of(name):
            grouped[split].append(name)
    splits: dict[str, list[Utterance]] = {}
    for split, names in grouped.items():
        for name in names:
            key = split if split == "train" or len(names) == 1 else name
            splits.setdefault(key, []).extend(_read_subset(subsets[name]))
    if not any(splits.values()):
        raise CorpusError(
            f"{source}: no LibriSpeech subset with transcripts; expected folders like train-clean-100/19/198/ with"
            " 19-198.trans.txt and its audio"
        )
    return splits


def _find_subsets(source: Path) -> dict[str, Path]:
    """Returns subset folders by name: `source` itself, those in it, or those in its folder LibriSpeech."""
    if _split_of(source.name) and any(source.glob("*/*/*.trans.txt")):
        return {source.name: source}
    folder = source / "LibriSpeech" if (source / "LibriSpeech").is_dir() else source
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir()} if folder.is_dir() else {}


def _split_of(name: str) -> str | None:
    parts = name.lower().replace("_", "-").split("-")
    return next((split for split in _SPLITS if split in parts), None)


def _read_subset(folder: Path) -> Iterator[Utterance]:
    for transcript in sorted(folder.glob("*/*/*.trans.txt")):
        audio = {path.stem: path for path in sorted(transcript.parent.iterdir()) if path.suffix in AUDIO_SUFFIXES}
        for line in transcript.read_text(encoding="utf-8").splitlines():
            id, _, text = line.strip().partition(" ")
            path = audio.get(id, transcript.with_name(f"{id}.flac"))  # where there is none, it is set aside by id
            yield Utterance(str(path), text, id=id, speaker=id.partition("-")[0])
