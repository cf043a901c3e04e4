"""Language models and texts in files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from speechrnn.config import BeamConfig
from speechrnn.console import abridge, note, show_progress
from speechrnn.errors import ModelError, TextError
from speechrnn.inputs import read_lines
from speechrnn.numerals import spell_numbers
from speechrnn.pronunciations import explain_unsaid, pronounce
from speechrnn.shipped import LM, find_shipped, list_shipped
from speechrnn.text import normalize
from speechrnn.transcribe.lm.arpa import is_arpa, load_arpa, save_arpa
from speechrnn.transcribe.lm.ngrams import SPECIAL, SPELLINGS, NgramModel, load_ngrams

_MARKS = re.compile(r"(?<!\S)</?s>(?!\S)", re.IGNORECASE)
"""What other toolkits' texts have at both ends of a sentence, which is a line here."""


def load_lm(path: Path) -> NgramModel:
    """Returns the language model in a file, or that ships under a name: ours, or ARPA where the name says so.

    Raises:
        ModelError: It cannot be read.
    """
    path = find_shipped(path, LM)
    if not path.exists():
        raise ModelError(f"{path}: no such language model; what ships is named {list_shipped(LM)}")
    return load_arpa(path) if is_arpa(path) else load_ngrams(path)


def save_lm(model: NgramModel, path: Path, lang: str) -> None:
    """Writes a language model: ours, which keeps how its words sound, or ARPA where the name says so.

    Raises:
        OutputError: The file cannot be written.
    """
    if is_arpa(path):
        save_arpa(model, path)
    else:
        _add_sounds(model, lang).save(path)


def read_sentences(paths: Sequence[Path], lang: str) -> Iterator[list[str]]:
    """Yields the words of each line that has any, spelled and normalised like transcripts, without `<s>` and `</s>`.

    Raises:
        TextError: A file cannot be read, or none holds a word.
    """
    empty = True
    with show_progress("Reading", sum(map(_measure, paths)), "MB") as advance:
        for path in paths:
            for line in read_lines(path, TextError):
                advance(len(line) / 1e6)
                if words := normalize(spell_numbers(_MARKS.sub(" ", line), lang), lang).split():
                    empty = False
                    yield words
    if empty:
        raise TextError(f"{abridge(list(map(str, paths)))}: no words in {lang!r}; is it plain text?")


def describe_lm(path: Path) -> str:
    """Returns what a person wants to know of a language model's file, a line a fact; errors as `load_lm`."""
    shipped = find_shipped(path.with_suffix(""), LM)
    path = shipped if shipped.exists() and not path.exists() else path
    model = load_lm(path)
    sounds = sum(map(bool, model.sounds))
    facts = {
        "file": f"{path}, {path.stat().st_size / 1e6:.1f} MB",
        "n-grams": ", ".join(f"{count} {number}-grams" for number, count in enumerate(model.orders, 1)),
        "words": f"{len(model.words) - len(SPECIAL)}, " + (f"{sounds} of known sound" if sounds else "without sounds"),
    }
    for spelling in SPELLINGS:
        tuned = model.beams.get(spelling)
        facts[f"by {spelling}"] = describe_weights(tuned) if tuned else "not tuned yet; lm tune finds its weights"
    return "\n".join(f"{name + ':':<12}{fact}" for name, fact in facts.items())


def describe_weights(config: BeamConfig) -> str:
    """Returns in a line how a search weighs what it knows."""
    return (
        f"lm_weight {config.lm_weight:.2f}  word_bonus {config.word_bonus:+.2f}"
        f"  unknown_penalty {config.unknown_penalty:+.1f}  prior_weight {config.prior_weight:.2f}"
    )


def _add_sounds(model: NgramModel, lang: str) -> NgramModel:
    words = model.words[len(SPECIAL) :]
    known = {word: phones for word, phones in zip(model.words, model.sounds, strict=False) if phones}
    sounds = pronounce([word for word in words if word not in known], lang) | known
    if not sounds:
        return model
    if unsaid := [word for word in words if word not in sounds]:
        note(f"{len(unsaid)} of {len(words)} words are not written where phones are read; {explain_unsaid(unsaid)}")
    return replace(model, sounds=tuple(sounds.get(word, "") for word in model.words))


def _measure(path: Path) -> float:
    return path.stat().st_size / 1e6 if path.is_file() else 0.0
