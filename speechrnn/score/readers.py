"""Transcripts by id from the files that the field uses: JSON lines, NIST trn, Kaldi text."""

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from speechrnn.errors import ScoreError
from speechrnn.inputs import read_lines
from speechrnn.manifest import name_utterance, to_token

Role = Literal["reference", "hypothesis"]

_TRN_LINE = re.compile(r"(?P<text>.*?)\s*\((?P<id>[^()\s]+)\)")


def read_transcripts(path: Path, role: Role) -> dict[str, str]:
    """Returns texts by utterance id, in the file's order.

    Lines that begin with a brace are JSON objects: manifests, what `transcribe --format json` prints, and NeMo's
    output, where a hypothesis is `pred_text` beside the reference's `text`. Where every line ends with an id in
    parentheses, it is trn. Any other file is Kaldi's: an id, then words or none.

    Raises:
        ScoreError: The file cannot be read, a line is broken, or an id comes twice.
    """
    lines = [(number, line) for number, line in enumerate(read_lines(path, ScoreError), 1) if line.strip()]
    if not lines:
        raise ScoreError(f"{path}: holds no transcript")
    parse = _choose_parser([line for _, line in lines], role)
    transcripts: dict[str, str] = {}
    for number, line in lines:
        try:
            id, text = parse(line)
        except ValueError as error:
            raise ScoreError(f"{path}:{number}: {error}") from error
        if id in transcripts:
            raise ScoreError(f"{path}:{number}: id {id!r} comes a second time; each utterance is scored once")
        transcripts[id] = text
    return transcripts


def _choose_parser(lines: Sequence[str], role: Role) -> Callable[[str], tuple[str, str]]:
    if lines[0].lstrip().startswith("{"):
        return partial(_parse_json, role=role)
    if all(_TRN_LINE.fullmatch(line.strip()) for line in lines):
        return _parse_trn
    return _parse_kaldi


def _parse_json(line: str, role: Role) -> tuple[str, str]:
    try:
        record: Any = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(record, dict):
        raise ValueError("expected a JSON object with id and text")
    id, path, offset = record.get("id"), record.get("audio_filepath", ""), record.get("offset", 0.0)
    if not id and isinstance(path, str) and isinstance(offset, int | float):
        id = name_utterance(path, offset)
    text = record.get("pred_text", record.get("text")) if role == "hypothesis" else record.get("text")
    if not isinstance(id, str) or not id or not isinstance(text, str):
        raise ValueError("expected a JSON object with id (or audio_filepath) and text")
    return to_token(id), text


def _parse_trn(line: str) -> tuple[str, str]:
    match = _TRN_LINE.fullmatch(line.strip())
    if match is None:
        raise ValueError("expected words and an id in parentheses")
    return match["id"], match["text"]


def _parse_kaldi(line: str) -> tuple[str, str]:
    id, *words = line.split()
    return id, " ".join(words)
