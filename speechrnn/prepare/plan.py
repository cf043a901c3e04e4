"""What shall be prepared: a corpus read, in one language, in splits, its texts normalised; no audio is touched."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np

from speechrnn.config import PrepareConfig
from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance, is_utf8, to_utf8
from speechrnn.numerals import spell_numbers
from speechrnn.prepare.corpus import Corpus, Splits, require_readable
from speechrnn.prepare.perturb import perturb_utterances
from speechrnn.prepare.prepared import FORMAT_VERSION
from speechrnn.prepare.segments import cut_by_table
from speechrnn.prepare.split import choose_splits
from speechrnn.text import alphabet_of, find_look_alikes, normalize
from speechrnn.utterances import UtteranceList

_STAMPED = 1000
"""Recordings that are remembered: of one that is cut up, the utterances come one after the other."""


@dataclass(frozen=True, slots=True)
class CorpusPlan:
    """What shall be prepared.

    Attributes:
        corpus: Name of the corpus, or of its layout.
        source: Where it lies.
        config: The settings.
        lang: Language of all transcripts.
        letters: The alphabet's symbols, without the space.
        splits: The utterances, their texts normalised, each with an id of its own.
        refused: Why an utterance is set aside before its recording is looked at, by id.
        look_alikes: Characters that were taken for the letters they look like, and in how many transcripts.
    """

    corpus: str
    source: str
    config: PrepareConfig
    lang: str
    letters: str
    splits: Mapping[str, Sequence[Utterance]]
    refused: Mapping[str, str]
    look_alikes: Mapping[str, int]

    def take_shard(self, number: int, count: int) -> "CorpusPlan":
        """Returns shard `number`, from 1, of `count`: neighbouring utterances of each split."""
        splits = {
            split: utterances[len(utterances) * (number - 1) // count : len(utterances) * number // count]
            for split, utterances in self.splits.items()
        }
        return replace(self, splits=splits)


def plan_corpus(
    corpus: Corpus, source: Path | None, config: PrepareConfig, segments: Path | None = None, letters: str = ""
) -> CorpusPlan:
    """Returns what a corpus holds, as `config` wants it.

    Args:
        corpus: How it is laid out.
        source: Where it lies; None where it ships inside the package.
        config: Language, splits, perturbation.
        segments: A table that cuts its recordings into utterances, or None.
        letters: What its texts may be written with; empty for the language's letters, or those that train has.

    Raises:
        CorpusError: It is not laid out as expected, or mixes languages.
        TextError: Its language has no letters, or no rules for numbers that shall be spelled out.
    """
    folder = source or corpus.source
    if folder is None:
        raise CorpusError(f"{corpus.name}: say where the corpus lies: speechrnn prepare {corpus.name} SOURCE --out DIR")
    folder = folder.resolve()
    read = _read(corpus, folder, config, segments)
    lang = settle_language(corpus, read, config)
    look_alikes: Counter[str] = Counter()
    normal = {split: UtteranceList(_normalize(read[split], lang, config, look_alikes)) for split in read}
    del read
    splits = choose_splits(normal, config)
    if not letters:
        learned = [splits["train"]] if "train" in splits else splits.values()
        letters = "".join(alphabet_of(lang, (one.text for utterances in learned for one in utterances)).symbols[1:])
    if "train" in splits and (config.speeds != (1.0,) or config.volume):
        splits["train"] = UtteranceList(perturb_utterances(splits["train"], config.speeds, config.volume))
    unique, refused = _tell_apart(splits)
    return CorpusPlan(corpus.name, str(folder), config, lang, letters, unique, refused, look_alikes)


def fingerprint_plan(plan: CorpusPlan) -> str:
    """Returns a hash of the settings, of each utterance, and of each recording's size and time of change."""
    settings = asdict(plan.config)
    del settings["synth"]  # the recordings are what it made
    if plan.config.held_out == PrepareConfig().held_out:
        del settings["held_out"]  # as it always was, before it could be set
    return hash_splits(plan.splits, [FORMAT_VERSION, settings, plan.letters])


def hash_splits(splits: Splits, settings: object = None) -> str:
    """Returns a hash of each utterance, of its recording's size and time of change, and of settings, which JSON has."""
    digest = hashlib.sha256(json.dumps(settings).encode())
    stamp = lru_cache(_STAMPED)(_stamp)
    for split, utterances in splits.items():
        for utterance in utterances:
            entry = [split, *asdict(utterance).values(), stamp(utterance.audio_filepath)]
            digest.update(json.dumps(entry).encode())
    return digest.hexdigest()


def settle_language(corpus: Corpus, splits: Splits, config: PrepareConfig) -> str:
    """Returns the language that was asked for, or that of the transcripts, or the corpus's, or English.

    Raises:
        CorpusError: The transcripts are in several.
    """
    found = sorted({utterance.lang for utterances in splits.values() for utterance in utterances} - {""})
    if not config.lang and len(found) > 1:
        raise CorpusError(f"the transcripts are in {', '.join(found)}; a network learns one, name it with --lang")
    return config.lang or (found[0] if found else corpus.lang) or "en"


def _read(corpus: Corpus, folder: Path, config: PrepareConfig, segments: Path | None) -> Splits:
    """Returns the utterances as the corpus has them, or as a table cuts them."""
    require_readable(folder)
    splits = corpus.read(folder, config.subsets)
    if not any(splits.values()):
        raise CorpusError(f"{folder}: holds no utterances")
    if segments is not None:
        splits = cut_by_table(splits, segments)
        if not any(splits.values()):
            raise CorpusError(f"{segments}: holds no segments")
    return splits


def _normalize(
    utterances: Iterable[Utterance], lang: str, config: PrepareConfig, look_alikes: Counter[str]
) -> Iterator[Utterance]:
    """Yields utterances with their texts normalised, and counts what was taken for a letter it looks like."""
    for one in utterances:
        look_alikes.update(find_look_alikes(one.text, lang))
        text = spell_numbers(one.text, lang) if config.numbers == "spell" else one.text
        yield replace(one, lang=lang, text=normalize(text, lang))


def _tell_apart(splits: Splits) -> tuple[Splits, dict[str, str]]:
    """Returns utterances of which each has its own id, and why some of them are refused.

    Of utterances that are the same in all, the first is kept; those that share nothing but their id contradict each
    other, and none of them is kept.
    """
    everything = list(splits.values())
    hashes = np.fromiter((hash(one.id) for utterances in everything for one in utterances), np.int64)
    values, counts = np.unique(hashes, return_counts=True)
    repeated = set(values[counts > 1].tolist())  # of an id with one of these, there may be another
    alike: dict[str, list[Utterance]] = {}
    for one in chain.from_iterable(everything) if repeated else ():
        if hash(one.id) in repeated:
            alike.setdefault(one.id, []).append(one)
    refused: dict[str, str] = {}
    seen: Counter[str] = Counter()

    def rename(one: Utterance) -> Utterance:
        if not is_utf8(one.id + one.audio_filepath):
            id = to_utf8(one.id)
            refused[id] = "its name is not UTF-8; rename it"
            return replace(one, id=id)
        others = alike.get(one.id, ())
        if len(others) < 2:
            return one
        seen[one.id] += 1
        number = seen[one.id]
        id = one.id if number == 1 else f"{one.id}#{number}"
        if number > 1 or any(other != one for other in others):
            refused[id] = f"its id comes {len(others)} times; delete all but one"
        return replace(one, id=id)

    return {split: UtteranceList(map(rename, utterances)) for split, utterances in splits.items()}, refused


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)
