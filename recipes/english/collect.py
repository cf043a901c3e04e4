"""Collects the speech that a model for everybody may learn from, as manifests for `speechrnn prepare nemo`.

    python recipes/english/collect.py CORPORA OUT [--spoken FOLDER...] [--share 0.5] [--pieces FILE...]

CORPORA holds a folder a corpus, OUT will hold a manifest a split; the other folders hold what `prepare synth` made of a
text; pieces are what cut.py cut, and what accents.py names. Licences: LibriSpeech CC BY 4.0, kathleen and Common Voice
CC0, LJSpeech public domain; the wake words, the male voice that reads LJSpeech's sentences, and the synthetic voices
Apache-2.0.
"""

import argparse
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from speechrnn.manifest import Utterance, read_manifest, write_manifest
from speechrnn.outputs import write_atomically
from speechrnn.prepare.corpora import find_corpus

STRANGERS = frozenset({"441a2d9b74a0", "4acac0472277", "6f8426eb924f", "cda14d47fc57"})
"""Speakers of Common Voice whom the model shall not know."""


def read_corpus(folder: Path, layout: str) -> list[Utterance]:
    """Returns all utterances of a folder, under ids that tell them from those of other folders."""
    splits = find_corpus(layout).read(folder, ())
    return [replace(one, id=f"{folder.name}/{one.id}") for utterances in splits.values() for one in utterances]


def draw(share: float, key: Callable[[Utterance], str]) -> Callable[[Utterance], bool]:
    """Returns a choice of about a share of all utterances, those alike in `key` together, the same every time."""
    return lambda one: int(hashlib.sha256(key(one).encode()).hexdigest()[:8], 16) / 2**32 < share


def part(utterances: Iterable[Utterance], held: Callable[[Utterance], bool]) -> tuple[list[Utterance], list[Utterance]]:
    """Returns those that are not held out, and those that are."""
    kept: tuple[list[Utterance], list[Utterance]] = ([], [])
    for one in utterances:
        kept[held(one)].append(one)
    return kept


def collect(corpora: Path, more: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    """Returns what is learned, `more` at its end, what choices are made on, and the tests, one a kind of speech."""
    books = {name: read_corpus(corpora / "LibriSpeech" / name, "librispeech") for name in ("mini-train", "mini-dev")}
    arctic, arctic_test = part(
        read_corpus(corpora / "kathleen", "tsv"), draw(0.06, lambda one: Path(one.audio_filepath).name[:12])
    )
    volunteers, strangers = part(read_corpus(corpora / "common-voice-en", "tsv"), lambda one: one.speaker in STRANGERS)
    # six phrases, two thousand times: a third is enough to know the voices, a tenth tells how well they are heard
    wake, wake_test = part(read_corpus(corpora / "wakewords", "tsv"), draw(0.1, lambda one: one.id))
    wake, _ = part(wake, draw(0.6, lambda one: f"learn {one.id}"))
    others = [
        one
        for name in ("ljspeech-part", "lj-sentences-male", "sentences")
        for one in read_corpus(corpora / name, "tsv")
    ]
    embedded = find_corpus("hello").source
    assert embedded is not None
    return {
        "train": [
            *books["mini-train"],
            *arctic,
            *volunteers,
            *wake,
            *others,
            *read_corpus(embedded, "hello"),
            *more,
        ],
        "dev": books["mini-dev"],
        "test-books": read_corpus(corpora / "LibriSpeech" / "mini-test", "librispeech"),
        "test-arctic": arctic_test,
        "test-volunteers": strangers,
        "test-wakewords": wake_test,
        "test-prompts": read_corpus(corpora / "asterisk-en", "tsv"),
    }


def main() -> None:
    """Writes a manifest a split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--spoken", type=Path, nargs="+", default=[], help="folders of synthesised speech")
    parser.add_argument("--share", type=float, default=1.0, help="of the first of them, which is taken")
    parser.add_argument("--pieces", type=Path, nargs="+", default=[], help="manifests of pieces of speech")
    options = parser.parse_args()
    spoken = [read_corpus(folder.resolve(), "tsv") for folder in options.spoken]
    if spoken:
        _, spoken[0] = part(spoken[0], draw(options.share, lambda one: one.id))
    pieces = chain.from_iterable(map(read_manifest, options.pieces))
    options.out.mkdir(parents=True, exist_ok=True)
    for split, utterances in collect(options.corpora.resolve(), [*chain(*spoken), *pieces]).items():
        with write_atomically(options.out / f"{split}.jsonl") as path:
            write_manifest(path, utterances)
        print(f"{split:<16} {len(utterances):>5} utterances")


if __name__ == "__main__":
    main()
