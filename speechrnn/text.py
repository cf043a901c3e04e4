"""Transcripts and alphabets: what is kept of a text, and its letters as numbers."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from speechrnn.errors import TextError

BLANK = 0
"""The class of CTC's blank; the symbols of an alphabet follow it."""

_SPELLING = str.maketrans(
    dict.fromkeys("’‘ʼ`´′＇", "'") | dict.fromkeys("-‐‑‒–—―/_", " ") | dict.fromkeys('.,;:!?¡¿…"“”„«»‹›()[]{}', "")
)
"""Apostrophes become one, what joins words becomes a space, punctuation that nobody pronounces vanishes."""

LETTERS = MappingProxyType(
    {
        "en": "'abcdefghijklmnopqrstuvwxyz",
        "es": "abcdefghijklmnopqrstuvwxyzáéíñóúü",
    }
)
"""The letters of each language, without the space."""


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


def alphabet_of(lang: str) -> Alphabet:
    """Returns the alphabet of a language: the space, then its letters in the order of `LETTERS`."""
    return Alphabet((" ", *_letters_of(lang)))


def normalize(text: str, lang: str) -> str:
    """Returns a transcript as it is trained on and scored: lower case, NFC, words and single spaces.

    Dashes become spaces, punctuation and the quotation marks around a word vanish, apostrophes stay ("dogs'").
    What is pronounced but not spelled ("4", "%", "&") and foreign letters stay too: `require_symbols` names them.

    Raises:
        TextError: The language has no alphabet.
    """
    _letters_of(lang)
    words = unicodedata.normalize("NFC", text).lower().translate(_SPELLING).split()
    return " ".join(word for word in map(_unquote, words) if word)


def require_symbols(text: str, symbols: Iterable[str]) -> None:
    """Checks that a text is not empty and holds no character beside `symbols`.

    Raises:
        TextError: Names the characters, with their Unicode names.
    """
    if not text:
        raise TextError("the transcript is empty")
    allowed = set(symbols)
    foreign = sorted({character for character in text if character not in allowed})
    if foreign:
        raise TextError(f"characters outside the alphabet: {_describe(foreign)}; spell them out")


def _letters_of(lang: str) -> str:
    if lang not in LETTERS:
        raise TextError(f"no alphabet for language {lang!r}; there is {', '.join(LETTERS)}")
    return LETTERS[lang]


def _unquote(word: str) -> str:
    return word.strip("'") if word.startswith("'") and word.endswith("'") else word


def _describe(characters: Sequence[str]) -> str:
    return ", ".join(f"{character!r} ({unicodedata.name(character, 'unnamed')})" for character in characters[:8])
