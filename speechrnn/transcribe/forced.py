"""A known text laid over its recording: when each word is said."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE
from speechrnn.ctc import Hypothesis, count_required_frames
from speechrnn.errors import AudioError, TextError
from speechrnn.inputs import read_lines
from speechrnn.manifest import read_manifest, resolve_audio
from speechrnn.text import BLANK, normalize, require_symbols
from speechrnn.transcribe.align import align
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import cut_recording
from speechrnn.transcribe.transcript import Transcript, make_transcript
from speechrnn.words import read_words

_MOST_CELLS = 2_000_000_000
"""Frames times states that are kept, one byte each: about half an hour of talk."""


class Aligner:
    """Lays known texts over recordings; stands in a recogniser's place."""

    def __init__(self, recognizer: Recognizer, source: Path) -> None:
        """Takes the model, and a manifest with the recordings' texts or a file with the text of one recording.

        Raises:
            ManifestError: The manifest is broken.
            TextError: The text cannot be read.
        """
        self._recognizer = recognizer
        self._source = source
        self._text: str | None = None
        self._by_path: dict[Path, str] = {}
        self._by_id: dict[str, str] = {}
        if source.suffix in (".json", ".jsonl"):
            listed = read_manifest(source)
            self._by_path = {resolve_audio(one, source.parent).resolve(): one.text for one in listed}
            self._by_id = {one.id: one.text for one in listed}
        else:
            self._text = " ".join(read_lines(source, TextError))

    def transcribe(self, path: Path, *, advance: Callable[[float], None] = lambda seconds: None) -> Transcript:
        """Returns a recording's text with the times of its words, and how likely the model finds each.

        Raises:
            AudioError: The recording cannot be read, is too short for the text, or too long to be laid out at once.
            TextError: There is no text for it, or the model cannot spell it.
        """
        text = self._text or self._by_path.get(path.resolve()) or self._by_id.get(path.stem)
        if text is None:
            raise TextError(f"{self._source}: has no text for {path}")
        info = self._recognizer.info
        normalized = normalize(text, info.lang)
        require_symbols(normalized, info.alphabet.symbols, str(path))
        log_probs, times, duration = _listen(self._recognizer, path, advance)
        tokens = info.alphabet.encode(normalized)
        if len(log_probs) * (2 * len(tokens) + 1) > _MOST_CELLS:
            raise AudioError(f"{path}: {duration / 60:.0f} minutes are too long to be aligned at once; cut it up")
        if len(log_probs) < count_required_frames(tokens):
            raise AudioError(f"{path}: {duration:.2f} s are too short for {len(tokens)} characters; is this its text?")
        words = read_words(
            _in_milliseconds(align(log_probs, tokens), times), info.alphabet, 0.001, temperature=info.temperature
        )
        return make_transcript(words, str(path), duration, self._recognizer.name)


def _listen(
    recognizer: Recognizer, path: Path, advance: Callable[[float], None]
) -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
    """Returns log_probs of a whole recording, when each of their frames begins in milliseconds, and its duration.

    A long pause is one frame, in which there is certainly nothing.
    """
    rows, starts, samples = [], [], 0
    nothing = np.full((1, recognizer.info.alphabet.classes), -np.inf, dtype=np.float32)
    nothing[:, BLANK] = 0.0
    for piece in cut_recording(path):
        signal = piece.signal
        samples += len(signal)
        advance(len(signal) / SAMPLE_RATE)
        if samples > len(signal) and len(signal) < recognizer.info.features.window_samples:
            continue  # a rest at the end that makes no frame
        try:
            heard = piece.spoken or samples < recognizer.info.features.window_samples
            rows.append(recognizer.listener.compute_log_probs(signal) if heard else nothing)
        except AudioError as error:
            raise AudioError(f"{path}: {error}") from error
        starts.append(np.round(1000 * (piece.start + np.arange(len(rows[-1])) * recognizer.info.frame_seconds)))
    times = np.concatenate([*starts, [1000 * samples / SAMPLE_RATE]]).astype(np.int64)
    return np.concatenate(rows), times, round(samples / SAMPLE_RATE, 3)


def _in_milliseconds(hypothesis: Hypothesis, times: NDArray[np.int64]) -> Hypothesis:
    """Returns a hypothesis whose spans are milliseconds instead of frames."""
    spans = tuple((int(times[first]), int(times[last])) for first, last in hypothesis.spans)
    return replace(hypothesis, spans=spans)
