"""Transcripts by id from the files that the field uses: JSON lines, NIST trn and ctm, Kaldi text, plain lines."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from speechrnn.errors import ScoreError
from speechrnn.inputs import read_lines
from speechrnn.manifest import name_utterance, to_token
from speechrnn.score.entries import Entry

Role = Literal["reference", "hypothesis"]

_TRN_LINE = re.compile(r"(?:(?P<text>.*\S)\s+)?\((?P<id>[^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)")

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"

_CTM_LINE = re.compile(
    rf"(?P<id>\S+)\s+(?P<channel>\S+)\s+(?P<start>{_NUMBER})\s+(?P<length>{_NUMBER})\s+(?P<word>\S+)"
    rf"(?:\s+(?:NA|(?P<confidence>{_NUMBER}))(?:\s+\S+)*)?"
)

_JSON_ARRAY = re.compile(r"\s*\[\s*(?:\{|$|\]\s*$)")

_OPEN_TRN_WORDS = re.compile(r"(?:^|\s)(?:[{}]|\(\S*\))(?=\s|$)")
"""What trn has for words that may be said or not, or one way or another."""

Lines = Sequence[tuple[int, str]]
"""Lines that are not empty, with their numbers from 1."""


def read_transcripts(path: Path, role: Role, plain: bool = False) -> dict[str, Entry]:
    """Returns what a file says of each utterance, by its id, in the file's order.

    Lines that begin with a brace are JSON objects: manifests, what `transcribe --format json` prints, and NeMo's
    output, where a hypothesis is `pred_text` beside the reference's `text`. Where the name ends in .trn, or every line
    with an id in parentheses, it is trn; where the name ends in .ctm, or every line has an id, a channel, two numbers,
    one of them with a point, and a word, it is ctm. Any other file is Kaldi's: an id, then words or none. Lines that
    begin with two semicolons are comments.

    Args:
        path: The file.
        role: Which side it is.
        plain: Each line is an utterance without an id, also where it is empty; its number becomes its id.

    Raises:
        ScoreError: The file cannot be read, a line is broken, or an id comes twice.
    """
    if path.suffix == ".stm":
        raise ScoreError(f"{path}: stm is not read; give trn, ctm, a manifest or Kaldi text")
    lines = list(enumerate(read_lines(path, ScoreError), 1))
    if plain:
        return {f"line-{number}": Entry(" ".join(line.split())) for number, line in lines}
    lines = [(number, line) for number, line in lines if line.strip() and not line.startswith(";;")]
    if not lines:
        raise ScoreError(f"{path}: holds no transcript")
    if path.suffix == ".ctm" or all(_is_ctm(line) for _, line in lines):
        return _read_ctm(path, lines)
    if _JSON_ARRAY.match(lines[0][1]):
        raise ScoreError(f"{path}: is one JSON array; write one object a line (jq -c '.[]' does)")
    parse = _choose_parser(path, [line for _, line in lines], role)
    transcripts: dict[str, Entry] = {}
    for number, line in lines:
        try:
            id, entry = parse(line)
        except ValueError as error:
            raise ScoreError(f"{path}:{number}: {error}") from error
        if id in transcripts:
            raise ScoreError(
                f"{path}:{number}: id {id!r} comes a second time; each utterance is scored once (--plain takes lines"
                " without ids)"
            )
        transcripts[id] = entry
    return transcripts


def _read_ctm(path: Path, lines: Lines) -> dict[str, Entry]:
    """Returns the words of each recording; one of two channels has the channel's name behind its id."""
    found: list[re.Match[str]] = []
    for number, line in lines:
        if (match := _CTM_LINE.fullmatch(line.strip())) is None:
            raise ScoreError(f"{path}:{number}: expected an id, a channel, start and length in seconds, and a word")
        found.append(match)
    channels: dict[str, set[str]] = defaultdict(set)
    for match in found:
        channels[match["id"]].add(match["channel"])
    entries: dict[str, Entry] = {}
    for (id, channel), group in groupby(found, lambda match: (match["id"], match["channel"])):
        rows = list(group)
        name = f"{id}-{channel}" if len(channels[id]) > 1 else id
        if name in entries:
            raise ScoreError(f"{path}: the words of {name} do not stand together; sort the file")
        starts = [float(row["start"]) for row in rows]
        known = all(row["confidence"] for row in rows)
        confidences = tuple(float(row["confidence"]) for row in rows) if known else ()
        if wrong := [one for one in confidences if not 0 <= one <= 1]:
            raise ScoreError(f"{path}: {name}: confidence {wrong[0]} is not from 0 to 1")
        entries[name] = Entry(
            " ".join(row["word"] for row in rows),
            tuple((start, start + float(row["length"])) for start, row in zip(starts, rows, strict=True)),
            confidences,
        )
    return entries


def _is_ctm(line: str) -> bool:
    """Returns whether a line looks like ctm's, and not like digits that somebody has said."""
    match = _CTM_LINE.fullmatch(line.strip())
    return match is not None and "." in match["start"] + match["length"]


def _choose_parser(path: Path, lines: Sequence[str], role: Role) -> Callable[[str], tuple[str, Entry]]:
    if path.suffix == ".trn" or all(_TRN_LINE.fullmatch(line.strip()) for line in lines):
        return _parse_trn
    if lines[0].lstrip().startswith("{"):
        # a manifest's paths start at its folder, those that `transcribe` prints where it was called
        return partial(_parse_json, role=role, folder=path.parent if role == "reference" else Path())
    return _parse_kaldi


def _parse_json(line: str, role: Role, folder: Path) -> tuple[str, Entry]:
    try:
        record: Any = json.loads(line, parse_constant=_read_finite, parse_float=_read_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError("expected a JSON object with id and text")
    given = record.get("id")
    id = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    path, offset = record.get("audio_filepath", ""), record.get("offset", 0.0)
    if not id and isinstance(path, str) and isinstance(offset, int | float):
        id = name_utterance(path, offset)
    text = record.get("pred_text", record.get("text")) if role == "hypothesis" else record.get("text")
    if not isinstance(id, str) or not id or not isinstance(text, str):
        raise ValueError("expected a JSON object with id (or audio_filepath) and text")
    words = _read_words(record.get("words"), text)
    return to_token(id), Entry(
        text,
        tuple((word["start"], word["end"]) for word in words if {"start", "end"} <= word.keys()),
        tuple(word["confidence"] for word in words if "confidence" in word),
        speaker=_pick(record, "speaker", str, ""),
        lang=_pick(record, "lang", str, ""),
        duration=_pick(record, "duration", int | float, None),
        audio_filepath=str(folder / path) if path and isinstance(path, str) else "",
        offset=_pick(record, "offset", int | float, 0.0),
    )


def _read_finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number} is no finite number")
    return value


def _read_words(words: Any, text: str) -> list[dict[str, Any]]:
    """Returns a JSON line's words where they are those of its text; all of them have the same keys, or none counts."""
    if not isinstance(words, list) or not all(isinstance(word, dict) for word in words):
        return []
    numbers = [{k: v for k, v in word.items() if isinstance(v, int | float)} for word in words]
    same = len({frozenset(one) for one in numbers}) == 1
    if wrong := [one["confidence"] for one in numbers if not 0 <= one.get("confidence", 0) <= 1]:
        raise ValueError(f"confidence {wrong[0]} is not from 0 to 1")
    return numbers if same and [word.get("text", word.get("word")) for word in words] == text.split() else []


def _pick(record: dict[str, Any], key: str, kind: Any, otherwise: Any) -> Any:
    """Returns a value that scoring can do without: another kind of value is none."""
    value = record.get(key)
    return value if isinstance(value, kind) else otherwise


def _parse_trn(line: str) -> tuple[str, Entry]:
    match = _TRN_LINE.fullmatch(line.strip())
    if match is None:
        raise ValueError("expected words and an id in parentheses")
    text = match["text"] or ""
    if found := _OPEN_TRN_WORDS.search(text):
        raise ValueError(f"{found[0].strip()}: words that may be left out, or be others, are not read; leave one text")
    return match["id"], Entry(text)


def _parse_kaldi(line: str) -> tuple[str, Entry]:
    id, *words = line.split()
    return id, Entry(" ".join(words))
