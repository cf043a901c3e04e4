"""Writes the dictionary that ships: python recipes/english/pronounce.py english.lm > speechrnn/models/english.phones

Its words are those of hibari-tts's lexicon and of the language model; its network pronounces what its lexicon lacks.
"""

import gzip
import json
import sys
from importlib.resources import files
from pathlib import Path

from hibari.g2p import G2P

from speechrnn.pronunciations import spell_phones
from speechrnn.text import LETTERS
from speechrnn.transcribe.lm.files import load_lm
from speechrnn.transcribe.lm.ngrams import SPECIAL


def read_lexicon() -> set[str]:
    """Returns the words of hibari-tts's American lexicon, as it writes them."""
    words: set[str] = set()
    for grade in ("gold", "silver"):
        with (files("hibari") / "assets" / f"lexicon_us_{grade}.json.gz").open("rb") as file:
            words.update(json.loads(gzip.decompress(file.read())))
    return words


def main() -> None:
    """Prints a line a word: the word, and its phones."""
    lexicon, g2p = read_lexicon(), G2P()
    spoken = {word.lower(): word for word in sorted(lexicon)}  # of Polish and polish, the latter
    spoken |= {word: word for word in load_lm(Path(sys.argv[1])).words[len(SPECIAL) :] if word not in spoken}
    letters = set(LETTERS["en"])
    for word in sorted(word for word in spoken if set(word) <= letters):
        if phones := spell_phones(g2p(spoken[word])):
            print(word, phones)


if __name__ == "__main__":
    main()
