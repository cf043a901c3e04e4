"""Transcripts and alphabets: what is kept of a text, and its letters as numbers."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from speechrnn.errors import TextError

BLANK = 0
"""The class of CTC's blank; the symbols of an alphabet follow it."""

_APOSTROPHES = frozenset("'’‘ʼ`´′＇")

_PRONOUNCED = frozenset("%‰&@#§")
"""What Unicode calls punctuation though it is read aloud."""

_ABBREVIATION = re.compile(r"(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
"""The dot in e.g., a.m., U.S."""

_LOOK_ALIKES = {
    **dict(zip("авеһіјкмнорстухѕԁԛԝ", "abehijkmhopctyxsdqw", strict=True)),  # Cyrillic
    **dict(zip("οαι", "oai", strict=True)),  # Greek
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF41, 0xFF5B)},  # full width
    **{"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ſ": "s", "ı": "i"},
}
"""Characters that stray into Latin text and look as if they belonged there, in lower case."""

LETTERS = MappingProxyType(
    {
        "en": "'abcdefghijklmnopqrstuvwxyz",
        "es": "abcdefghijklmnopqrstuvwxyzáéíñóúü",
    }
)
"""The letters of languages whose alphabet we fix, without the space; all of them are Latin."""

_RARE = 1e-4
"""Where an alphabet is taken from texts: a letter that makes up less of them is not of the language."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The symbols that a network can emit, in the order of its output classes.

    Attributes:
        symbols: One character each; class `i + 1` is `symbols[i]`, class 0 is the blank.
    """

    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.symbols)) != len(self.symbols) or any(len(symbol) != 1 for symbol in self.symbols):
            raise ValueError("an alphabet needs different symbols of one character each")

    @property
    def classes(self) -> int:
        """Number of output classes, the blank included."""
        return len(self.symbols) + 1

    def encode(self, text: str) -> list[int]:
        """Returns the class of each character.

        Raises:
            TextError: A character is not in the alphabet.
        """
        classes = {symbol: number for number, symbol in enumerate(self.symbols, BLANK + 1)}
        require_symbols(text, classes)
        return [classes[character] for character in text]

    def decode(self, tokens: Iterable[int]) -> str:
        """Returns the text of a sequence of classes without blanks."""
        return "".join(self.symbols[token - 1] for token in tokens)


def alphabet_of(lang: str, texts: Iterable[str] = ()) -> Alphabet:
    """Returns the alphabet of a language: the space, then its letters in the order of `LETTERS`.

    The letters of any other language are those of its normalised texts, rare ones left out, in Unicode's order.

    Raises:
        TextError: We fix no alphabet for the language, and the texts have no letters.
    """
    return Alphabet((" ", *(LETTERS.get(base_language(lang)) or _count_letters(lang, texts))))


def base_language(lang: str) -> str:
    """Returns a language code without its region: es for es-MX, zh for zh_Hant."""
    return re.split("[-_]", lang)[0].lower()


def normalize(text: str, lang: str) -> str:
    """Returns a transcript as it is trained on and scored: lower case, NFC, words and single spaces.

    Punctuation becomes a space, dots within abbreviations and the quotation marks around a word vanish, apostrophes
    stay ("dogs'") where the language writes them. Look-alikes in a Latin alphabet become what they look like. What is
    pronounced but not spelled ("4", "%", "&") and foreign letters stay: `require_symbols` names them.
    """
    lowered = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    if base_language(lang) in LETTERS:
        lowered = "".join(_LOOK_ALIKES.get(character, character) for character in lowered)
    plain = "".join(map(_spell, _ABBREVIATION.sub("", lowered)))
    if "'" not in LETTERS.get(base_language(lang), "'"):
        plain = plain.replace("'", "")
    words = plain.split()
    return " ".join(word for word in map(_unquote, words) if word)


@cache
def _spell(character: str) -> str:
    """Returns what is kept of a character: apostrophes become one, punctuation a space, what nobody sees vanishes."""
    category = unicodedata.category(character)
    if character in _APOSTROPHES:
        return "'"
    if character == "·" or category == "Cf":  # col·lecció
        return ""
    return " " if character == "~" or (category.startswith("P") and character not in _PRONOUNCED) else character


def find_look_alikes(text: str, lang: str) -> list[str]:
    """Returns the characters that `normalize` takes for Latin letters though they are not, each once."""
    if base_language(lang) not in LETTERS:
        return []
    return sorted({character for character in unicodedata.normalize("NFC", text).lower() if character in _LOOK_ALIKES})


def require_symbols(text: str, symbols: Iterable[str], place: str = "", remedy: str = "spell them out") -> None:
    """Checks that a text is not empty and holds no character beside `symbols`.

    Args:
        text: A normalised text.
        symbols: The characters that are allowed.
        place: Where the text stands; the message begins with it.
        remedy: What can be done; the message ends with it.

    Raises:
        TextError: Names the characters, with their Unicode names.
    """
    where = f"{place}: " if place else ""
    if not text:
        raise TextError(f"{where}the transcript is empty")
    allowed = set(symbols)
    foreign = sorted({character for character in text if character not in allowed})
    if foreign:
        raise TextError(f"{where}characters outside the alphabet: {describe_characters(foreign)}; {remedy}")


def describe_characters(characters: Sequence[str]) -> str:
    """Returns the characters with their Unicode names, the first few of them."""
    named = ", ".join(f"{character!r} ({unicodedata.name(character, 'unnamed')})" for character in characters[:8])
    return named + (f" and {len(characters) - 8} more" if len(characters) > 8 else "")


def _count_letters(lang: str, texts: Iterable[str]) -> list[str]:
    counts = Counter(character for text in texts for character in text if _is_letter(character))
    if not counts:
        raise TextError(f"language {lang!r}: the transcripts have no letters to make an alphabet of")
    return sorted(letter for letter, count in counts.items() if count >= _RARE * counts.total())


def _is_letter(character: str) -> bool:
    return character == "'" or unicodedata.category(character)[0] in "LM"


def _unquote(word: str) -> str:
    return word.strip("'") if word.startswith("'") and word.endswith("'") else word
