"""ARPA files: what SRILM, KenLM and others write and read. Logarithms are to base 10 there, natural here.

References:
    Stolcke, SRILM - an extensible language modeling toolkit, ICSLP 2002; its manual page ngram-format(5).
"""

import gzip
import math
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from speechrnn.errors import ModelError
from speechrnn.outputs import write_atomically
from speechrnn.transcribe.lm.ngrams import BOS, SPECIAL, Level, NgramModel, assemble

_LN10 = math.log(10)

_NEVER = -99.0
"""What ARPA files write for log 0."""

_ROUNDING = 1e-3
"""By which log10 of a probability may exceed 0."""

Rows = NDArray[np.int64]
Values = NDArray[np.float64]


def is_arpa(path: Path) -> bool:
    """Returns whether a file's name says that it is ARPA, packed or not."""
    return path.name.lower().endswith((".arpa", ".arpa.gz"))


def save_arpa(model: NgramModel, path: Path) -> None:
    """Writes a model as ARPA text.

    Raises:
        OutputError: The file cannot be written.
    """
    packed = path.suffix.lower() == ".gz"
    with write_atomically(path) as temporary, _open(temporary, "wt", packed) as file:
        file.write("\\data\\\n")
        file.writelines(f"ngram {order}={count}\n" for order, count in enumerate(model.orders, 1))
        for order, lines in enumerate(_format_levels(model), 1):
            file.write(f"\n\\{order}-grams:\n")
            file.writelines(lines)
        file.write("\n\\end\\\n")


def load_arpa(path: Path) -> NgramModel:
    """Returns the model in an ARPA file, plain or packed with gzip.

    A file in capitals, as LibriSpeech's are, is read in small letters.

    N-grams that the file lacks although others begin or end with them are added with the probability that backing off
    gives them, so that nothing changes.

    Raises:
        ModelError: The file cannot be read, or a line of it is broken.
    """
    try:
        with _open(path, "rt", path.suffix.lower() == ".gz") as file:
            sections = _read_sections(path, enumerate(file, 1))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ModelError(f"{path}: cannot be read ({reason})") from error
    listed = sorted({ngram[0] for ngram, _, _ in sections[0]} - set(SPECIAL))
    numbers = {word: number for number, word in enumerate([*SPECIAL, *listed])}
    words = [*SPECIAL, *_lower(listed)]
    rows, values = [], []
    for order, section in enumerate(sections, 1):
        try:
            row = [[numbers[word] for word in ngram] for ngram, _, _ in section]
        except KeyError as error:
            raise ModelError(f"{path}: {error} is in a {order}-gram, but not among the 1-grams") from error
        rows.append(np.asarray(row, dtype=np.int64).reshape(len(row), order))
        values.append(np.asarray([value[1:] for value in section], dtype=np.float64).reshape(len(row), 2) * _LN10)
    return assemble(words, _make_levels(rows, values, len(words)))


def _open(path: Path, mode: str, packed: bool) -> IO[str]:
    """Opens a file, packed with gzip or not; its name alone does not say so while it is written."""
    opened = gzip.open(path, mode, encoding="utf-8") if packed else path.open(mode, encoding="utf-8")  # noqa: SIM115
    return cast(IO[str], opened)


def _format_levels(model: NgramModel) -> Iterator[Iterator[str]]:
    names: Sequence[str] = [""]
    start = 1
    for number, count in enumerate(model.orders):
        inner = number + 1 < len(model.orders)
        above = start - len(names)
        sizes = np.diff(model.trie.first_child[above : start + 1])
        parents = np.repeat(np.arange(len(names)), sizes)[:count]
        nodes = range(start, start + count)
        texts = [
            f"{names[parent]} {model.words[model.trie.word[node]]}".lstrip()
            for parent, node in zip(parents.tolist(), nodes, strict=True)
        ]
        yield (_format_line(model, node, text, inner) for node, text in zip(nodes, texts, strict=True))
        names, start = texts, start + count


def _format_line(model: NgramModel, node: int, text: str, inner: bool) -> str:
    log_prob = _NEVER if node == 1 + BOS else model.trie.log_prob[node] / _LN10
    backoff = f"\t{model.trie.backoff[node] / _LN10 + 0.0:.7g}" if inner else ""
    return f"{log_prob:.7g}\t{text}{backoff}\n"


Section = list[tuple[tuple[str, ...], float, float]]


def _read_sections(path: Path, lines: Iterator[tuple[int, str]]) -> list[Section]:
    """Returns each order's n-grams, log-probabilities and back-off weights."""
    expected: list[int] = []
    sections: list[Section] = []
    ended = False
    for number, raw in lines:
        line = raw.strip()
        if match := re.fullmatch(r"ngram\s+\d+\s*=\s*(\d+)", line):
            expected.append(int(match[1]))
        elif match := re.fullmatch(r"\\(\d+)-grams:", line):
            sections.append([])
            if int(match[1]) != len(sections):
                raise ModelError(f"{path}:{number}: expected the {len(sections)}-grams; is part of it missing?")
        elif line == "\\end\\":
            ended = True
            break
        elif line and sections:
            sections[-1].append(_read_ngram(path, number, line, len(sections)))
    if not ended or [len(section) for section in sections] != expected or not sections:
        found = ", ".join(str(len(section)) for section in sections) or "none"
        raise ModelError(f"{path}: no ARPA file, or cut short: {found} n-grams instead of {expected}; copy it again")
    return sections


def _read_ngram(path: Path, number: int, line: str, order: int) -> tuple[tuple[str, ...], float, float]:
    fields = line.split()
    try:
        if not order + 1 <= len(fields) <= order + 2:
            raise ValueError
        log_prob, backoff = _read_log(fields[0]), _read_log(fields[order + 1]) if len(fields) > order + 1 else 0.0
        if log_prob > _ROUNDING:
            raise ValueError
        return tuple(fields[1 : order + 1]), min(log_prob, 0.0), backoff
    except ValueError as error:
        raise ModelError(
            f"{path}:{number}: expected log10 of a probability, {order} words and a back-off weight"
        ) from error


def _read_log(number: str) -> float:
    """Returns a logarithm to base 10, that of 0 as ARPA files write it; raises ValueError where it is none."""
    value = float(number)
    if math.isnan(value) or value > -_NEVER:
        raise ValueError
    return max(value, _NEVER)


def _lower(words: Sequence[str]) -> list[str]:
    """Returns words in small letters where none has any; marks like <noise> and [laughter] do not count."""
    shouted = all(word == word.upper() for word in words if word[0] not in "<[")
    return [word.lower() for word in words] if shouted else list(words)


def _make_levels(rows: list[Rows], values: list[Values], vocabulary: int) -> list[Level]:
    rows[0], values[0] = _complete(rows[0], values[0], np.arange(vocabulary)[:, None])
    values[0][np.isnan(values[0])] = _NEVER * _LN10
    for order in range(len(rows) - 1, 0, -1):
        needed = np.concatenate([rows[order][:, :-1], rows[order][:, 1:]])
        rows[order - 1], values[order - 1] = _complete(rows[order - 1], values[order - 1], needed)
    levels: list[Level] = []
    keys = np.arange(0)
    for order, (row, value) in enumerate(zip(rows, values, strict=True)):
        if order == 0:
            parent = suffix = np.zeros(vocabulary, dtype=np.int64)
        else:
            parent, suffix = _find(levels, vocabulary, row[:, :-1]), _find(levels, vocabulary, row[:, 1:])
        keys = parent * vocabulary + row[:, -1]
        ranked = np.argsort(keys, kind="stable")
        log_prob, backoff = value[ranked, 0], value[ranked, 1]
        parent, suffix = parent[ranked], suffix[ranked]
        if order:
            above = levels[-1]
            log_prob = np.where(np.isnan(log_prob), above.backoff[parent] + above.log_prob[suffix], log_prob)
        levels.append(Level(parent, suffix, row[ranked, -1], log_prob, np.nan_to_num(backoff)))
    return levels


def _complete(rows: Rows, values: Values, needed: Rows) -> tuple[Rows, Values]:
    """Returns n-grams with those that are needed besides, whose values are not known."""
    both, first = np.unique(np.concatenate([rows, needed]), axis=0, return_index=True)
    known = np.full((len(rows) + len(needed), 2), np.nan)
    known[: len(rows)] = values
    return both, known[first]


def _find(levels: Sequence[Level], vocabulary: int, rows: Rows) -> Rows:
    """Returns the number of each n-gram within its level."""
    numbers = rows[:, 0]
    for order in range(1, rows.shape[1]):
        level = levels[order]
        keys = level.parent * vocabulary + level.word
        numbers = np.searchsorted(keys, numbers * vocabulary + rows[:, order])
    return numbers
