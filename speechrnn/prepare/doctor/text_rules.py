"""Faults of single transcripts, by themselves and against the time that they take."""

from collections.abc import Sequence

import numpy as np

from speechrnn.ctc import count_required_input, explain_unlearnable
from speechrnn.prepare.doctor.cases import Case, Context, Details, Rule, Suspicion, examined
from speechrnn.text import describe_characters, find_look_alikes

_FEWEST_LETTERS = 8
"""Shorter texts have no pace worth the name."""

_SPREADS = 6
"""How many median deviations of the logarithm a pace may lie from the median."""


def _find_empty(cases: Sequence[Case], context: Context) -> Details:
    return {case.id: repr(case.utterance.text) for case in cases if not case.text}


def _find_foreign(cases: Sequence[Case], context: Context) -> Details:
    found = {case.id: sorted(set(case.text).difference(context.alphabet.symbols)) for case in cases}
    return {id: describe_characters(foreign) for id, foreign in found.items() if foreign}


def _find_unlearnable(cases: Sequence[Case], context: Context) -> Details:
    found = {}
    for case, _ in examined(cases):
        if case.text and not set(case.text).difference(context.alphabet.symbols):
            labels = context.alphabet.encode(case.text)
            if 0 < case.frames < count_required_input(labels, context.stack):
                found[case.id] = explain_unlearnable(case.frames, labels, context.stack)
    return found


def _find_too_fast(cases: Sequence[Case], context: Context) -> Details:
    middle, factor = _measure_pace(cases)
    return {
        case.id: f"{len(case.text)} letters in {measured.seconds:.1f} s; usual are {middle:.0f} in one"
        for case, measured in examined(cases)
        if len(case.text) >= _FEWEST_LETTERS and len(case.text) > middle * factor * measured.seconds
    }


def _find_too_slow(cases: Sequence[Case], context: Context) -> Details:
    middle, factor = _measure_pace(cases)
    return {
        case.id: f"{len(case.text)} letters in {measured.speech_seconds:.1f} s of sound; usual are {middle:.0f} in one"
        for case, measured in examined(cases)
        if case.text
        and measured.speech_seconds > 2
        and len(case.text) * factor < middle * (measured.speech_seconds - 1)
    }


def _measure_pace(cases: Sequence[Case]) -> tuple[float, float]:
    """Returns the corpus's letters a second, and the factor beyond which a pace is suspicious."""
    paces = [
        len(case.text) / measured.seconds for case, measured in examined(cases) if len(case.text) >= _FEWEST_LETTERS
    ]
    if len(paces) < 5:
        return 12.0, 4.0  # too few to tell: what English readers have, generously
    middle = float(np.median(paces))
    spread = float(np.median(np.abs(np.log(np.array(paces) / middle))))
    return middle, float(np.exp(max(_SPREADS * spread, 0.8)))


def _find_look_alikes(cases: Sequence[Case], context: Context) -> Details:
    found = {case.id: find_look_alikes(case.utterance.text, case.utterance.lang) for case in cases}
    return {id: describe_characters(characters) for id, characters in found.items() if characters}


def _find_suspects(cases: Sequence[Case], context: Context) -> Details:
    return {
        case.id: f"“{case.text[:60]}”, heard “{suspicion.heard[:60]}” ({_describe_margin(suspicion)})"
        for case in cases
        if (suspicion := context.suspicions.get(case.id))
    }


def _describe_margin(suspicion: Suspicion) -> str:
    if np.isinf(suspicion.margin):
        return "the model has too few frames for the transcript"
    return f"{suspicion.margin:.1f} nats a letter likelier"


TEXT_RULES: tuple[Rule, ...] = (
    Rule("empty_text", "error", "transcripts without words", "transcribe them, or leave them out", _find_empty, True),
    Rule(
        "foreign_characters",
        "error",
        "characters outside the alphabet",
        "--spell-numbers, --lang, or spell them out",
        _find_foreign,
        True,
    ),
    Rule(
        "unlearnable",
        "error",
        "more characters than CTC can emit in that time",
        "correct the text, or lower network.stack",
        _find_unlearnable,
        True,
    ),
    Rule(
        "suspect_label",
        "warning",
        "texts far less likely than what the model hears",
        "listen to them",
        _find_suspects,
        True,
    ),
    Rule(
        "too_fast",
        "warning",
        "texts too long for their time",
        "listen: the text or the cut is wrong",
        _find_too_fast,
        True,
    ),
    Rule("too_slow", "warning", "texts too short for their time", "listen: words are missing", _find_too_slow, True),
    Rule(
        "look_alike",
        "note",
        "letters of another alphabet that look right",
        "nothing: they are replaced",
        _find_look_alikes,
    ),
)
