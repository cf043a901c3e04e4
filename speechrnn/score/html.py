"""A score as one page that opens from disk: figures, tables, each utterance with its sound; nothing is fetched."""

import base64
import io
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.console import count_of, show_progress, warn
from speechrnn.counts import ErrorCounts
from speechrnn.outputs import write_atomically
from speechrnn.score.assessment import Assessment
from speechrnn.score.breakdown import Group
from speechrnn.score.recordings import read_recording
from speechrnn.score.scoring import Score, ScoredUtterance
from speechrnn.score.significance import REPLICATES

_TEMPLATE = "report.html"


def write_page(assessment: Assessment, path: Path, heard: int) -> None:
    """Writes a page, over what is there.

    Args:
        assessment: What is shown.
        path: The page.
        heard: Utterances whose recordings go into the page, as MP3, those with most errors first.

    Raises:
        OutputError: The page cannot be written.
    """
    score, normalizer = assessment.score, assessment.normalizer
    sounds = _encode_sounds(score, heard)
    numbers = {id: number for number, id in enumerate(sounds)}
    data = {
        "title": f"{path.stem}: word error rate {100 * score.words.rate:.2f} %",
        "figures": _list_figures(score),
        "notes": f"Normalised on both sides: {normalizer}." if normalizer != "none" else "",
        "tables": [_make_table(key, groups) for key, groups in assessment.groups.items()],
        "utterances": [_describe(one, numbers.get(one.id)) for one in score.utterances],
    }
    audio = "\n".join(
        f'<script id="audio-{numbers[id]}" type="text/plain">{coded}</script>' for id, coded in sounds.items()
    )
    template = files("speechrnn.score").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    page = template.replace("/*AUDIO*/", audio, 1).replace("/*DATA*/", to_script(data), 1)  # texts may hold anything
    with write_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def to_script(data: object) -> str:
    """Returns JSON that no text within it can end or comment out."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _list_figures(score: Score) -> list[tuple[str, str, str]]:
    words, characters, wrong = score.words, score.characters, len(score.wrong_utterances)
    low, high = 100 * score.interval.low, 100 * score.interval.high
    drawn = "speakers" if score.speakers else "utterances"
    figures = [
        ("word error rate", f"{100 * words.rate:.2f} %", f"{words.errors} of {words.reference_length}"),
        ("95 % interval", f"{low:.1f} to {high:.1f}", f"{REPLICATES} bootstraps over {drawn}"),
        ("other words", str(words.substitutions), "substitutions"),
        ("left out", str(words.deletions), "deletions"),
        ("put in", str(words.insertions), "insertions"),
        ("character error rate", f"{100 * characters.rate:.2f} %", f"{characters.errors} characters"),
        ("utterances with an error", f"{100 * wrong / len(score.utterances):.1f} %", f"{wrong} utterances"),
    ]
    if score.calibration:
        figures.append(("calibration error", f"{100 * score.calibration.error:.1f} %", "of the words' confidences"))
    return figures


def _make_table(key: str, groups: Sequence[Group]) -> dict[str, object]:
    rows = [[one.name, one.utterances, one.words.reference_length, _percent(one.words)] for one in groups]
    return {"title": f"by {key}", "columns": [key, "utterances", "words", "%WER"], "bar": 3, "rows": rows}


def _percent(counts: ErrorCounts) -> float:
    return round(100 * min(counts.rate, 1e6), 2)


def _describe(utterance: ScoredUtterance, audio: int | None) -> dict[str, object]:
    return {
        "id": utterance.id,
        "errors": utterance.counts.errors,
        "words": utterance.counts.reference_length,
        "rate": min(utterance.counts.rate, 1e6),
        "speaker": utterance.reference.speaker,
        "duration": utterance.reference.duration,
        "pairs": _place_pairs(utterance),
        "audio": audio,
    }


def _place_pairs(utterance: ScoredUtterance) -> list[list[object]]:
    """Returns the alignment's columns with start and end in seconds: the hypothesis' times, or the reference's.

    A word that was left out lies between its neighbours; without any times, words have none.
    """
    heard, spoken = iter(utterance.hypothesis.times), iter(utterance.reference.times)
    rows: list[list[object]] = []
    now = 0.0
    for pair in utterance.alignment.pairs:
        times = next(heard, None) if pair.kind != "delete" else None
        said = next(spoken, None) if pair.kind != "insert" else None
        start, end = times or said or ((now, now) if utterance.hypothesis.times else (None, None))
        now = end if end is not None else now
        rows.append([pair.kind, pair.reference, pair.hypothesis, start, end])
    return rows


def _encode_sounds(score: Score, count: int) -> dict[str, str]:
    """Returns the recordings of so many utterances by id, as MP3 in base 64; those that cannot be read are left out."""
    wrong = score.wrong_utterances
    right = [one for one in score.utterances if not one.counts.errors]
    sounds = {}
    chosen = [*wrong, *right][:count]
    with show_progress("recordings", len(chosen), "utterances") as advance:
        for utterance in chosen:
            signal = read_recording(utterance)
            if signal is not None:
                sounds[utterance.id] = base64.b64encode(encode_sound(signal)).decode("ascii")
            advance(1)
    if len(sounds) < len(chosen):
        warn(f"{len(chosen) - len(sounds)} of {count_of(len(chosen), 'recording')} cannot be heard: not named, or gone")
    return sounds


def encode_sound(signal: Signal) -> bytes:
    """Returns a signal, (samples,) at 16 kHz, as MP3."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(signal, -1, 1), SAMPLE_RATE, format="MP3", compression_level=0.8)
    return buffer.getvalue()
