"""Digits as those say them who learned English later: spelled for voices of other languages, and turned back.

    python recipes/english/accents.py spell fr > fr.txt
    speechrnn prepare synth fr.txt --out runs/fr --split train --set 'lang="fr"' --set 'synth.voices=["pico-*"]'
    python recipes/english/accents.py name runs/fr.audio ... > accents.jsonl

The first command writes 800 lines for one language, single digits and strings of two or three, in an order that chance
decides; the last one a manifest in which the recordings say English words.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from speechrnn.errors import SpeechRnnError
from speechrnn.manifest import Utterance, json_line
from speechrnn.prepare.corpora import find_corpus

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

SPELLINGS = {
    "de": "siro,sero wann,uann tu,tuu srie,trie foor,for faif,feif six säwen,sewen äit,eet nain",
    "es": "zirou,siro uan,guan tu,chu zri,tri for,foar faif,faiv six,sics seven,sebn eit nain",
    "fr": "zirau,zéro ouane,ouonne tou sri,fri faur,for faïve sixe sévène,sevenne éïte,ète naïne",
    "it": "ziro,sero uan,uon tu tri,sri for,foor faiv,faif six seven,sevn eit nain",
}
"""How the digits are written in a language so that its readers about say the English words."""

SINGLE, STRINGS = 60, 200


def spell(lang: str) -> Iterator[str]:
    """Yields lines for a voice of that language."""
    rng, spellings = random.Random(lang), SPELLINGS[lang].split()
    lines = [[digit] for digit in range(len(WORDS)) for _ in range(SINGLE)]
    lines += [rng.choices(range(len(WORDS)), k=rng.randint(2, 3)) for _ in range(STRINGS)]
    rng.shuffle(lines)
    for line in lines:
        yield " ".join(rng.choice(spellings[digit].split(",")) for digit in line)


def name(folder: Path) -> Iterator[Utterance]:
    """Yields what a voice said, in English words, under ids that tell a folder's recordings from others'."""
    digits = [(word, each) for line in SPELLINGS.values() for word, each in zip(WORDS, line.split(), strict=True)]
    meant = {spelling: word for word, each in digits for spelling in each.split(",")}
    for utterances in find_corpus("tsv").read(folder.resolve(), ()).values():
        for one in utterances:
            text = " ".join(meant[word] for word in one.text.split())
            yield replace(one, id=f"{folder.name}/{one.id}", text=text, lang="en")


def main() -> None:
    """Prints lines or a manifest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("spell").add_argument("lang", choices=SPELLINGS)
    acts.add_parser("name").add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    if options.act == "spell":
        sys.stdout.writelines(f"{line}\n" for line in spell(options.lang))
        return
    try:
        for folder in options.folders:
            sys.stdout.writelines(map(json_line, name(folder)))
    except (SpeechRnnError, KeyError) as error:
        sys.exit(f"{folder}: {error} (no folder of digits that `prepare synth` made of `spell`)")


if __name__ == "__main__":
    main()
