"""LibriSpeech and what shares its layout: SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt beside the audio.

References:
    Panayotov, Chen, Povey and Khudanpur, LibriSpeech: an ASR corpus based on public domain audio books, ICASSP 2015.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from speechrnn.audio import is_audio
from speechrnn.errors import CorpusError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Archive, Corpus, Splits, find_split, gather_splits
from speechrnn.utterances import UtteranceList


def read_librispeech(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the utterances by split, in the order of their ids.

    A subset whose name has train, dev or test as a part (train-clean-100, mini-test) belongs to that split.

    Args:
        source: The folder that holds the subsets, or one subset.
        subsets: Names of those that are wanted; none for all.

    Raises:
        CorpusError: The folder has no transcripts in this layout, or lacks a subset that is wanted.
    """
    found = _find_subsets(source)
    if nameless := [name for name in subsets or found if name in found and not find_split(name)]:
        raise CorpusError(
            f"{source}: {nameless[0]!r} says neither train, dev nor test; rename it, or choose others with --subsets"
        )
    if absent := sorted(set(subsets) - found.keys()):
        raise CorpusError(f"{source}: no subset {', '.join(absent)}; there is {', '.join(found) or 'none'}")
    splits = gather_splits({name: UtteranceList(_read_subset(found[name])) for name in subsets or found})
    if not any(splits.values()):
        raise CorpusError(
            f"{source}: no LibriSpeech subset with transcripts; expected folders like train-clean-100/19/198/ with"
            " 19-198.trans.txt and its audio"
        )
    return splits


def _find_subsets(source: Path) -> dict[str, Path]:
    """Returns subset folders by name: `source` itself, those in it, or those in its folder LibriSpeech."""
    if any(source.glob("*/*/*.trans.txt")):
        return {source.name: source}
    folder = source / "LibriSpeech" if (source / "LibriSpeech").is_dir() else source
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return {path.name: path for path in entries if any(path.glob("*/*/*.trans.txt"))}


def _read_subset(folder: Path) -> Iterator[Utterance]:
    for transcript in sorted(folder.glob("*/*/*.trans.txt")):
        audio = {path.stem: path for path in sorted(transcript.parent.iterdir()) if is_audio(path)}
        said = {}
        for number, line in enumerate(read_lines(transcript, CorpusError), 1):
            id, _, text = line.strip().partition(" ")
            if "/" in id or "\0" in id:
                raise CorpusError(f"{transcript}:{number}: {id!r} cannot be an id; expected ID TEXT")
            if id:
                said[id] = text
        for id in sorted(said.keys() | audio.keys()):  # what lacks its text or its audio is set aside by id
            path = audio.get(id, transcript.with_name(f"{id}.flac"))
            yield Utterance(str(path), said.get(id, ""), id=id, speaker=id.partition("-")[0])


def _offer(subset: str, release: int, sha256: str = "") -> Archive:
    folder = f"LibriSpeech/{subset}"
    return Archive(f"https://www.openslr.org/resources/{release}/{subset}.tar.gz", sha256, folder, folder)


CORPORA = (
    Corpus(
        "librispeech",
        "English books, read aloud",
        read_librispeech,
        hours="982",
        speakers="2,484",
        licence="CC BY 4.0",
        size="60 GB",
        archives={
            subset: _offer(subset, 12, sha256)
            for subset, sha256 in {
                "train-clean-100": "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
                "train-clean-360": "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
                "train-other-500": "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
                "dev-clean": "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
                "dev-other": "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
                "test-clean": "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
                "test-other": "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
            }.items()
        },
        default_archives=("train-clean-100", "dev-clean", "test-clean"),
    ),
    Corpus(
        "mini_librispeech",
        "a small part of LibriSpeech, for trying things out",
        read_librispeech,
        hours="7",
        speakers="56",
        licence="CC BY 4.0",
        size="0.5 GB",
        archives={subset: _offer(subset, 31) for subset in ("train-clean-5", "dev-clean-2")},
    ),
)
