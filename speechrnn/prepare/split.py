"""Who is trained on, who is kept for dev and for test: whole speakers, unless the corpus or the user says otherwise."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.text import normalize

HELD_OUT = ("dev", "test")

_SHARE = 0.1
"""Of the utterances, how much goes to dev, and as much to test."""


def split_by_speaker(utterances: Sequence[Utterance]) -> dict[str, list[Utterance]]:
    """Returns train, dev and test without a common speaker; about a tenth of the utterances each in dev and test.

    The choice depends on the speakers' names only through a hash, so it is the same on every machine.

    Raises:
        CorpusError: There are fewer than three speakers.
    """
    counts = Counter(utterance.speaker for utterance in utterances)
    if len(counts) < 3:
        raise CorpusError(
            f"{len(counts)} speaker(s) cannot be split into train, dev and test without sharing one; choose --split"
            " sentences (whole sentences apart, speakers shared) or --split train (all in one split)"
        )
    free = sorted(counts, key=_hash)
    wanted = _SHARE * len(utterances)
    held_out = {
        "dev": _take_speakers(free, counts, wanted, keep=2),
        "test": _take_speakers(free, counts, wanted, keep=1),
    }
    return hold_out_speakers({"train": list(utterances)}, held_out)


def split_by_sentence(utterances: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    """Returns train, dev and test without a common sentence; speakers are shared."""
    splits: dict[str, list[Utterance]] = {"train": [], "dev": [], "test": []}
    for utterance in utterances:
        place = int(_hash(normalize(utterance.text, utterance.lang))[:8], 16) / 0x100000000
        splits["dev" if place < _SHARE else "test" if place < 2 * _SHARE else "train"].append(utterance)
    return splits


def hold_out_speakers(
    splits: Mapping[str, Sequence[Utterance]], held_out: Mapping[str, Collection[str]]
) -> dict[str, list[Utterance]]:
    """Returns splits in which dev or test is exactly what the named speakers said.

    A split for which speakers are named loses its other utterances to train; a split for which none are named
    keeps its own, without the speakers of others.

    Raises:
        CorpusError: Nobody has that name, or it is named for two splits.
    """
    places: dict[str, str] = {}
    for split, speakers in held_out.items():
        for speaker in speakers:
            if places.setdefault(speaker, split) != split:
                raise CorpusError(f"speaker {speaker!r} cannot be in {places[speaker]} and in {split}")
    known = {utterance.speaker for utterances in splits.values() for utterance in utterances}
    if unknown := sorted(places.keys() - known):
        raise CorpusError(f"no speaker is named {', '.join(map(repr, unknown))}; there is {_abridge(sorted(known))}")
    result: dict[str, list[Utterance]] = {split: [] for split in ("train", *splits, *held_out)}
    for split, utterances in splits.items():
        rest = "train" if held_out.get(split) else split
        for utterance in utterances:
            result[places.get(utterance.speaker, rest)].append(utterance)
    return {split: chosen for split, chosen in result.items() if chosen}


def _take_speakers(free: list[str], counts: Mapping[str, int], wanted: float, keep: int) -> list[str]:
    """Takes speakers off `free` until about `wanted` utterances are had; takes at least one and leaves `keep`."""
    taken: list[str] = []
    had = 0
    for speaker in list(free):
        if had < wanted and had + counts[speaker] <= 1.5 * wanted and len(taken) < len(free) - keep:
            taken.append(speaker)
            had += counts[speaker]
    taken = taken or [min(free, key=lambda speaker: counts[speaker])]
    for speaker in taken:
        free.remove(speaker)
    return taken


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _abridge(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
