"""The embedded corpus of the course's third case: synthetic voices that say "hello world" and 39 other phrases."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from speechrnn.manifest import Utterance, read_manifest, resolve_audio
from speechrnn.prepare.corpus import Corpus, Splits, refuse_subsets

SOURCE = Path(__file__).parent / "hello_audio"

_DEV = ("af_nova", "am_eric", "bm_daniel")
_TEST = ("af_bella", "af_sky", "am_adam", "am_liam", "bf_emma", "bm_george")
"""Voices that training never hears: women and men, American (a) and British (b)."""


def read_hello(source: Path, subsets: Collection[str] = ()) -> Splits:
    """Returns the phrases by split; whole voices are held out."""
    refuse_subsets(subsets, "hello")
    splits: dict[str, list[Utterance]] = {"train": [], "dev": [], "test": []}
    for utterance in read_manifest(source / "manifest.jsonl"):
        found = replace(utterance, audio_filepath=str(resolve_audio(utterance, source)))
        split = "dev" if utterance.speaker in _DEV else "test" if utterance.speaker in _TEST else "train"
        splits[split].append(found)
    return splits


CORPORA = (
    Corpus(
        "hello",
        "synthetic voices say 40 short phrases; in the package",
        read_hello,
        hours="0.40",
        speakers="28",
        licence="Apache-2.0",
        source=SOURCE,
    ),
)
