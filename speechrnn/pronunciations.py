"""How words sound: a pronunciation for each, in phones of one character.

English has a dictionary that ships (models/README.md says whence); words that it lacks are pronounced by the network
of hibari-tts, where that is installed (the extra `synth`). The phones are those of an American: A, I, O, W, Y are the
diphthongs of day, my, go, now and boy, T is the tapped t of water; the others are IPA. Stress is left out. A word has
one sound: of read, that of the present.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from types import MappingProxyType

from speechrnn.console import abridge, show_progress
from speechrnn.shipped import ENGLISH_PHONES
from speechrnn.text import Alphabet, base_language

PHONES = MappingProxyType({"en": "AIOTWYbdfhijklmnpstuvwzæðŋɑɔəɛɜɡɪɹʃʊʌʒʤʧθ"})
"""The phones of languages whose pronunciation we know."""

_SAID_AS = str.maketrans({"ɐ": "ə", "ᵻ": "ɪ", "ᵊ": "ə", "ˈ": "", "ˌ": ""})
"""Reduced vowels that hardly differ become one, and stress goes."""


def phones_of(lang: str) -> Alphabet | None:
    """Returns the phones of a language, after the space between words; None where we know none."""
    phones = PHONES.get(base_language(lang))
    return Alphabet((" ", *phones)) if phones else None


def spell_phones(transcription: str) -> str:
    """Returns a word's transcription in our phones, or nothing where it holds anything else."""
    phones = transcription.translate(_SAID_AS)
    return phones if set(phones) <= set(PHONES["en"]) else ""


def look_up_sounds(words: Iterable[str], lang: str) -> dict[str, str]:
    """Returns the phones of those words that the dictionary has, with or without an apostrophe at their end."""
    words = set(words)
    if base_language(lang) not in PHONES or not words:
        return {}
    dictionary = _read_dictionary()
    found = {word: dictionary.get(word) or dictionary.get(word.rstrip("'")) for word in words}
    return {word: phones for word, phones in found.items() if phones}


def pronounce(words: Iterable[str], lang: str) -> dict[str, str]:
    """Returns the phones of those words whose sound is known, or guessed by what is installed."""
    wanted = set(words)
    known = look_up_sounds(wanted, lang)
    missing = sorted(wanted - known.keys()) if base_language(lang) in PHONES else []
    return known | _guess(missing) if missing else known


def explain_unsaid(words: Sequence[str]) -> str:
    """Returns, for a message, that nobody knows how words are pronounced, and what would, unless that is installed."""
    remedy = "" if find_spec("hibari") else " (pip install 'speechrnn[synth]' brings what pronounces any word)"
    return f"no pronunciation is known of {abridge(words)}{remedy}"


@cache
def _read_dictionary() -> Mapping[str, str]:
    columns = iter(ENGLISH_PHONES.read_text(encoding="utf-8").split())
    return dict(zip(columns, columns, strict=True))


def _guess(words: Sequence[str]) -> dict[str, str]:
    """Returns what the network of hibari-tts makes of words; nothing where it is not installed."""
    try:
        from hibari.g2p import G2P
    except ImportError:
        return {}
    g2p, guessed = G2P(), {}
    with show_progress("Pronouncing", len(words), "words") as advance:
        for word in words:
            if phones := spell_phones(g2p(word)):
                guessed[word] = phones
            advance(1)
    return guessed
