"""Who is trained on, who is kept for dev and for test: whole speakers, unless the corpus or the user says otherwise."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

from speechrnn.config import PrepareConfig
from speechrnn.console import abridge, count_of
from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import UNSPLIT, Splits, find_split
from speechrnn.text import normalize
from speechrnn.utterances import UtteranceList

HELD_OUT = ("dev", "test")

_KEYS: Mapping[str, Callable[[Utterance], str]] = MappingProxyType(
    {
        "speakers": lambda utterance: utterance.speaker,
        "sentences": lambda utterance: normalize(utterance.text, utterance.lang),
        "utterances": lambda utterance: utterance.id,
    }
)
"""What no two splits may share."""


def choose_splits(read: Splits, config: PrepareConfig) -> dict[str, Sequence[Utterance]]:
    """Returns the corpus's own splits, or those that the settings ask for where it has none.

    A corpus with train and without dev has dev held out of train, unless one split is asked for.

    Raises:
        CorpusError: A speaker is not there, there are too few to split by, or another split is asked for than the
            corpus's own.
    """
    splits: Splits = {split: utterances for split, utterances in read.items() if split != UNSPLIT}
    named = {split: speakers for split in HELD_OUT if (speakers := getattr(config, f"{split}_speakers"))}
    one = config.split if config.split in ("train", *HELD_OUT) else None
    if UNSPLIT in read:
        everything = read[UNSPLIT]
        if named or one:
            splits = {**splits, "train" if named or not one else one: everything}
        else:
            splits = hold_out(everything, config.split, HELD_OUT, config.held_out)
    elif config.split != "speakers" and any(find_split(split) == "dev" for split in splits):
        raise CorpusError(
            f"--split {config.split}: this corpus has splits of its own ({', '.join(splits)}); leave it out"
        )
    splits = hold_out_speakers(splits, named)
    if "train" in splits and not one and not any(find_split(split) == "dev" for split in splits):
        splits = {**splits, **_hold_out_dev(splits["train"], config)}
    return {split: splits[split] for split in sorted(splits, key=_rank) if splits[split]}


def hold_out(utterances: Sequence[Utterance], by: str, names: Sequence[str], share: float) -> Splits:
    """Returns train and the splits `names`, about a share of the utterances in each of these and none of them empty.

    The choice depends on what is kept apart only through a hash, so it is the same on every machine.

    Args:
        utterances: All there are.
        by: What no two splits share: "speakers", "sentences" or "utterances".
        names: Of the splits that are held out.
        share: Of the utterances, how much goes to each of them.

    Raises:
        CorpusError: There are fewer speakers (or sentences) than splits.
    """
    key = _KEYS[by]
    counts = Counter(map(key, utterances))
    if len(counts) <= len(names):
        remedy = " sentences (whole sentences apart, speakers shared)" if by == "speakers" else " utterances"
        raise CorpusError(
            f"{count_of(len(counts), by.removesuffix('s'))} cannot be split into train, {' and '.join(names)} without"
            f" sharing one; choose --split{remedy} or --split train (all in one split)"
        )
    free = sorted(counts, key=_hash)
    places: dict[str, str] = {}
    for number, name in enumerate(names):
        for taken in _take(free, counts, share * len(utterances), keep=len(names) - number):
            places[taken] = name
    splits = {split: UtteranceList() for split in ("train", *names)}
    for utterance in utterances:
        splits[places.get(key(utterance), "train")].append(utterance)
    return splits


def hold_out_speakers(splits: Splits, held_out: Mapping[str, Collection[str]]) -> Splits:
    """Returns splits in which dev or test is exactly what the named speakers said.

    A split for which speakers are named loses its other utterances to train; a split for which none are named
    keeps its own, without the speakers of others.

    Raises:
        CorpusError: Nobody has that name, or it is named for two splits.
    """
    if not held_out:
        return {split: utterances for split, utterances in splits.items() if utterances}
    places: dict[str, str] = {}
    for split, speakers in held_out.items():
        for speaker in speakers:
            if places.setdefault(speaker, split) != split:
                raise CorpusError(f"speaker {speaker!r} cannot be in {places[speaker]} and in {split}")
    known = {utterance.speaker for utterances in splits.values() for utterance in utterances}
    if unknown := sorted(places.keys() - known):
        raise CorpusError(f"no speaker is named {', '.join(map(repr, unknown))}; there is {abridge(sorted(known), 10)}")
    result = {split: UtteranceList() for split in ("train", *splits, *held_out)}
    for split, utterances in splits.items():
        rest = "train" if held_out.get(split) else split
        for utterance in utterances:
            result[places.get(utterance.speaker, rest)].append(utterance)
    return {split: chosen for split, chosen in result.items() if chosen}


def _hold_out_dev(train: Sequence[Utterance], config: PrepareConfig) -> Splits:
    """Returns train and dev; the sentences of one speaker alone are kept apart, for want of speakers."""
    alone = len({utterance.speaker for utterance in train}) == 1
    by = "sentences" if config.split == "speakers" and alone else config.split
    return hold_out(train, by, ("dev",), config.held_out)


def _take(free: list[str], counts: Mapping[str, int], wanted: float, keep: int) -> list[str]:
    """Takes keys off `free` until about `wanted` utterances are had; takes at least one and leaves `keep`."""
    taken: list[str] = []
    had = 0
    for key in free:
        if had < wanted and had + counts[key] <= 1.5 * wanted and len(taken) < len(free) - keep:
            taken.append(key)
            had += counts[key]
    taken = taken or [min(free, key=lambda key: counts[key])]
    gone = set(taken)
    free[:] = [key for key in free if key not in gone]
    return taken


def _rank(split: str) -> tuple[int, str]:
    return ("train", *HELD_OUT).index(find_split(split) or "test"), split


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
