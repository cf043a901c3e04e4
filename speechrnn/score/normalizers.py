"""What is made equal before words are compared: the normaliser is named, and applied to both sides."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from speechrnn.errors import ScoreError
from speechrnn.inputs import read_lines
from speechrnn.numerals import spell_numbers
from speechrnn.text import normalize

Normalizer = Callable[[str], str]

_CONTRACTIONS = {
    r"\bwon't\b": "will not",
    r"\bcan't\b": "can not",
    r"\bcannot\b": "can not",
    r"n't\b": " not",
    r"\b(i|you|we|they)'ve\b": r"\1 have",
    r"\b(i|you|he|she|it|we|they)'ll\b": r"\1 will",
    r"\b(you|we|they)'re\b": r"\1 are",
    r"\bi'm\b": "i am",
    r"\bmr\b": "mister",
    r"\bmrs\b": "missus",
    r"\bdr\b": "doctor",
    r"\bst\b": "saint",
    r"\bok\b": "okay",
    r"\b(?:uh|um|hmm|mm|mhm|uhm|er|erm)\b": "",
}
"""What English speakers write in two ways, and what they do not mean to say; 's and 'd are left, they are ambiguous."""


def normalize_english(text: str) -> str:
    """Returns a text in lower case, without punctuation and hesitations, numbers spelled, contractions written out."""
    plain = _spell_and_normalize(text, "en")
    for pattern, full in _CONTRACTIONS.items():
        plain = re.sub(pattern, full, plain)
    return " ".join(plain.split())


def normalize_spanish(text: str) -> str:
    """Returns a text in lower case, without punctuation, numbers spelled; accents stay."""
    return _spell_and_normalize(text, "es")


def _spell_and_normalize(text: str, lang: str) -> str:
    """Returns a normalised text; numbers are spelled before punctuation goes, which is part of them, and after."""
    plain = normalize(spell_numbers(text, lang), lang)
    return normalize(spell_numbers(plain, lang), lang)  # twenty-one is two words wherever it comes from


NORMALIZERS: Mapping[str, Normalizer] = MappingProxyType(
    {
        "none": str,
        "basic": partial(normalize, lang=""),
        "english": normalize_english,
        "spanish": normalize_spanish,
    }
)
"""By the names that `--normalize` takes: none; lower case without punctuation; and what two languages need."""


def choose_normalizer(name: str) -> Normalizer:
    """Returns a normaliser by its name, or one that applies a file's regular expressions in turn.

    Each line of the file is a pattern, a tab and what takes its place, which may be nothing; empty lines and those
    that begin with # are passed over.

    Raises:
        ScoreError: It is neither, or a line is no pattern.
    """
    if name in NORMALIZERS:
        return NORMALIZERS[name]
    path = Path(name)
    if not path.exists():
        raise ScoreError(f"--normalize {name}: neither a file nor one of {', '.join(NORMALIZERS)}")
    rules = []
    for number, line in enumerate(read_lines(path, ScoreError), 1):
        pattern, _, replacement = line.partition("\t")
        if not pattern or line.startswith("#"):
            continue
        try:
            rules.append((re.compile(pattern), replacement))
            re.sub(pattern, replacement, "")
        except (re.error, IndexError) as error:
            raise ScoreError(f"{path}:{number}: no regular expression and replacement ({error})") from error
    return partial(_apply, rules)


def _apply(rules: "list[tuple[re.Pattern[str], str]]", text: str) -> str:
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text
