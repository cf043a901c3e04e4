"""Google's Speech Commands: WORD/SPEAKER_nohash_N.wav, one second each, and lists of what validates and tests.

References:
    Warden, Speech Commands: a dataset for limited-vocabulary speech recognition, 2018.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from speechrnn.audio import is_audio, measure_duration
from speechrnn.errors import CorpusError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Archive, Corpus, Splits

KEYWORDS = frozenset({"yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"})
"""What the task of twelve labels tells apart; the other two labels are unknown words and silence."""

_NOISE = "_background_noise_"

_LISTS = {"dev": "validation_list.txt", "test": "testing_list.txt"}

_RARE = 0.1
"""Unknown words and silences, each, per keyword utterance."""

_NOISE_SHARES = {"train": (0.0, 0.8), "dev": (0.8, 0.9), "test": (0.9, 1.0)}
"""Of each noise recording, which part a split's silences are cut from."""


def read_speech_commands(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the recordings of all words by the official lists; background noise is left aside.

    Where the lists are missing, each speaker's split is computed as they were: from a hash of the speaker's name.

    Raises:
        CorpusError: There are no recordings in this layout.
    """
    folder = _find_words(source, subsets)
    listed = {
        line.strip(): split
        for split, name in _LISTS.items()
        if (folder / name).exists()
        for line in read_lines(folder / name, CorpusError)
    }
    splits: dict[str, list[Utterance]] = {"train": [], "dev": [], "test": []}
    for path in sorted(folder.glob("*/*_nohash_*")):
        word, speaker = path.parent.name, path.stem.partition("_nohash_")[0]
        if is_audio(path) and word != _NOISE:
            split = listed.get(f"{word}/{path.stem}.wav", "train") if listed else _hash_split(speaker)
            splits[split].append(Utterance(str(path), word, id=f"{word}/{path.stem}", speaker=speaker))
    return splits


def read_twelve_labels(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns ten keywords, some other words as "unknown", and some background noise as "silence".

    Raises:
        CorpusError: There are no recordings in this layout.
    """
    splits = read_speech_commands(source, subsets)
    noises = sorted((_find_words(source, subsets) / _NOISE).glob("*.wav"))
    return {
        split: [*_relabel(utterances), *_cut_silences(noises, split, _count_rare(utterances))]
        for split, utterances in splits.items()
    }


def _find_words(source: Path, versions: Collection[str]) -> Path:
    """Returns the folder that holds a folder for each word: `source`, or one in it, the latest or the one asked for."""
    if len(versions) > 1:
        raise CorpusError(f"speech_commands: one version at a time, not {','.join(versions)}")
    ending = "".join(versions)
    found = sorted((path for path in source.glob(f"speech_commands*{ending}") if path.is_dir()), reverse=True)
    candidates = found if ending and not source.name.endswith(ending) else [source, *found]
    for folder in candidates:
        if any(folder.glob("*/*_nohash_*")):
            return folder
    raise CorpusError(f"{source}: no recordings like yes/0a7c2a8d_nohash_0.wav")


def _hash_split(speaker: str) -> str:
    """Returns the split of a speaker, by the function in the paper's README."""
    most = 2**27 - 1
    percentage = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (most + 1) * (100.0 / most)
    return "dev" if percentage < 10 else "test" if percentage < 20 else "train"


def _count_rare(utterances: Sequence[Utterance]) -> int:
    return round(_RARE * sum(utterance.text in KEYWORDS for utterance in utterances))


def _relabel(utterances: Sequence[Utterance]) -> Iterator[Utterance]:
    """Yields the keywords' utterances, and as many others as `_RARE` allows, chosen by a hash of their ids."""
    others = []
    for utterance in utterances:
        if utterance.text in KEYWORDS:
            yield utterance
        else:
            others.append(utterance)
    others.sort(key=lambda utterance: hashlib.sha1(utterance.id.encode()).digest())
    for other in others[: _count_rare(utterances)]:
        yield Utterance(other.audio_filepath, "unknown", id=other.id, speaker=other.speaker)


def _cut_silences(noises: Sequence[Path], split: str, count: int) -> Iterator[Utterance]:
    """Yields `count` pieces of one second, spread evenly over the split's share of the noise recordings.

    Recordings of which that share is shorter are passed over; where all are, there are no pieces.
    """
    first, last = _NOISE_SHARES[split]
    lengths = {path: measure_duration(path) for path in noises}
    enough = [(path, seconds) for path, seconds in lengths.items() if (last - first) * seconds >= 1.0]
    for number, (path, seconds) in enumerate(enough):
        pieces = len(range(number, count, len(enough)))
        room = (last - first) * seconds - 1.0
        for piece in range(pieces):
            offset = round(first * seconds + room * piece / pieces, 3)
            id = f"silence/{path.stem}-{split}-{piece}"
            yield Utterance(str(path), "silence", 1.0, offset, id=id, speaker="noise")


def _offer(version: str, sha256: str) -> Archive:
    name = f"speech_commands_{version}"
    return Archive(f"https://download.tensorflow.org/data/{name}.tar.gz", sha256, folder=name)


_ARCHIVES = {
    "v0.01": _offer("v0.01", "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d"),
    "v0.02": _offer("v0.02", "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"),
}

_WORDS = Corpus(
    "speech_commands",
    "35 English words (30 in v0.01)",
    read_speech_commands,
    hours="29",
    speakers="2,618",
    licence="CC BY 4.0",
    size="2.3 GB",
    archives=_ARCHIVES,
    default_archives=("v0.02",),
)

_TWELVE = replace(
    _WORDS,
    name="speech_commands_12",
    description="the same as twelve labels: ten words, unknown, silence",
    read=read_twelve_labels,
    hours="12",
)

CORPORA = (_WORDS, _TWELVE)
