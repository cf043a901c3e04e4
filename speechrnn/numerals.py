"""Numbers in figures, spelled out as they are read aloud."""

import re
from functools import cache

from unicode_rbnf import FormatPurpose, RbnfEngine

from speechrnn.errors import TextError
from speechrnn.text import base_language

_NUMBER = re.compile(r"(?<![\w:/$€£#.,-])(?:\d[\d.,\u00a0\u202f]*\d|\d)(?![\w:/%°$€£]|-\d)")
"""Figures that stand by themselves: no part of a word, a time, a date, a price or a code."""

_MOST = 15
"""Figures of a number; some languages' rules end there, and English's with 17."""

_COMMA_GROUPS = frozenset({"en", "ja", "ko", "zh", "th", "he"})
"""Languages that write 1,000.5; the others write 1.000,5."""

_FIRST_YEAR, _LAST_YEAR = 1100, 1999
"""Four figures without a separator that are read as a year."""


def spell_numbers(text: str, lang: str) -> str:
    """Returns a text in which whole numbers and decimal fractions are words, by Unicode's rules for the language.

    Where a language tells years from other numbers, 1100 to 1999 without a separator are years. Ordinals, times,
    prices and codes are left as they are: nothing says how they were read.

    Raises:
        TextError: Unicode has no rules for the language.
    """
    return _NUMBER.sub(lambda match: _spell(match[0], base_language(lang)), text)


def _spell(figures: str, lang: str) -> str:
    group, point = (",", ".") if lang in _COMMA_GROUPS else (".", ",")
    plain = re.sub(rf"[\u00a0\u202f{re.escape(group)}](?=\d{{3}}(?!\d))", "", figures)
    whole, _, fraction = plain.partition(point)
    if not (whole + fraction).isdecimal() or (len(whole) > 1 and whole[0] == "0") or len(whole + fraction) > _MOST:
        return figures
    engine = _engine(lang)
    purpose = FormatPurpose.CARDINAL
    if figures.isdecimal() and _FIRST_YEAR <= int(figures) <= _LAST_YEAR:
        purpose = FormatPurpose.YEAR
    words = engine.format_number(f"{whole}.{fraction}" if fraction else int(whole), purpose).text
    return str(words)


@cache
def _engine(lang: str) -> RbnfEngine:
    try:
        return RbnfEngine.for_language(lang)
    except ValueError as error:
        raise TextError(f"numbers cannot be spelled out in language {lang!r}; spell them out by hand") from error
