"""Sentences shown one after the other, read aloud, and kept: a folder that `adapt` and `prepare folder` read."""

import hashlib
from pathlib import Path

import numpy as np
import soundfile

from speechrnn.audio import SAMPLE_RATE, Signal, resample, to_mono
from speechrnn.console import note, stderr
from speechrnn.errors import AudioError, CorpusError
from speechrnn.inputs import read_lines
from speechrnn.outputs import claim, explain_disk_errors, write_atomically
from speechrnn.shipped import PROMPTS, find_shipped
from speechrnn.transcribe.sources import open_microphone

_SOFT, _LOUD = 0.02, 0.99
"""Of full scale: a peak below is hardly heard, one above is cut off."""

_HOW = "Read each sentence aloud. Ctrl-C stops; the same command goes on where it was."


def record_prompts(prompts: Path, out: Path) -> None:
    """Asks for each sentence that `out` does not hold yet, and writes it there with its text beside it.

    Args:
        prompts: A sentence a line, or the name of a list that ships.
        out: The folder; it may hold earlier recordings of the same list.

    Raises:
        AudioError: There is no microphone, or it cannot be opened.
        CorpusError: There are no sentences.
        OutputError: The disk is full, or another process records into the folder.
    """
    sentences = _read_prompts(find_shipped(prompts, PROMPTS))
    with explain_disk_errors(out):
        missing = [(name, text) for name, text in sentences if not (out / f"{name}.wav").exists()]
    note(f"{len(sentences) - len(missing)} of {len(sentences)} sentences are recorded in {out}")
    if missing:
        with open_microphone(lambda _: None):  # before anybody speaks, and before there is a folder
            note(_HOW)
    with explain_disk_errors(out), claim(out):
        for name, text in missing:
            note(f"\n{text}")
            signal = _record_until_kept()
            with write_atomically(out / f"{name}.txt") as path:
                path.write_text(f"{text}\n", encoding="utf-8")
            with write_atomically(out / f"{name}.wav") as path:  # the recording last: what is there is whole
                soundfile.write(path, signal, SAMPLE_RATE, format="WAV", subtype="PCM_16")


def _read_prompts(prompts: Path) -> list[tuple[str, str]]:
    """Returns a name for each sentence, by its words wherever it stands, and the sentence."""
    lines = dict.fromkeys(" ".join(line.split()) for line in read_lines(prompts, CorpusError))
    sentences = [(f"{prompts.stem}-{hashlib.sha256(line.encode()).hexdigest()[:8]}", line) for line in lines if line]
    if not sentences:
        raise CorpusError(f"{prompts}: holds no sentences; write one a line")
    return sentences


def _record_until_kept() -> Signal:
    while True:
        _ask("Enter to start")
        heard: list[Signal] = []
        with open_microphone(heard.append) as rate:
            _ask("recording; Enter to end")
        samples = np.concatenate([*heard, np.zeros(0, np.float32)])
        signal = resample(to_mono(samples[:, None], Path("the microphone")), rate)
        answer = "?"
        while answer not in ("", "r"):
            answer = _ask(f"{_describe(signal)}; Enter to keep it, r and Enter to record it again")
        if not answer:
            return signal


def _ask(question: str) -> str:
    stderr.print(f"  {question} ", end="")
    try:
        return input().strip()
    except EOFError as error:
        raise AudioError("record: nobody answers; run it in a terminal") from error


def _describe(signal: Signal) -> str:
    peak = float(np.abs(signal).max(initial=0.0))
    verdict = "too soft, go nearer" if peak < _SOFT else "too loud, cut off" if peak > _LOUD else "good"
    return f"{len(signal) / SAMPLE_RATE:.1f} s, loudest {20 * np.log10(max(peak, 1e-5)):.0f} dB: {verdict}"
