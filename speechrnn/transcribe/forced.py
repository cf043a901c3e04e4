"""A known text laid over its recording: when each word is said."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, measure_duration, read_signal
from speechrnn.ctc import Hypothesis, count_required_frames
from speechrnn.errors import AudioError
from speechrnn.text import BLANK, normalize, require_symbols
from speechrnn.transcribe.align import align
from speechrnn.transcribe.edges import find_sound, fit_words
from speechrnn.transcribe.known import KnownText, KnownTexts
from speechrnn.transcribe.recognizer import Recognizer, amplify
from speechrnn.transcribe.segments import Piece, cut_recording, cut_signal
from speechrnn.transcribe.transcript import Transcript, make_transcript
from speechrnn.words import Word, read_words

_MOST_CELLS = 2_000_000_000
"""Frames times states that are kept, one byte each: about half an hour of talk."""


class Aligner:
    """Lays known texts over recordings; stands in a recogniser's place."""

    def __init__(self, recognizer: Recognizer, texts: KnownTexts) -> None:
        """Takes the model, and what was said."""
        self._recognizer = recognizer
        self._texts = texts

    def transcribe(self, path: Path, *, advance: Callable[[float], None] = lambda seconds: None) -> Transcript:
        """Returns a recording's text with the times of its words, and how likely the model finds each.

        Raises:
            AudioError: The recording cannot be read, is too short for the text, or too long to be laid out at once.
            TextError: There is no text for it, or the model cannot spell it.
        """
        duration = measure_duration(path)
        texts = self._texts.find(path, duration)
        words = [word for known in texts for word in self._lay_out(known, path, advance)]
        return make_transcript(words, str(path), duration, self._recognizer.name)

    def _lay_out(self, known: KnownText, path: Path, advance: Callable[[float], None]) -> list[Word]:
        """Returns the words of a text, laid over its part of a recording."""
        info, name = self._recognizer.info, str(path)
        pieces = cut_recording(path)
        if known.offset or known.duration is not None:
            name += f", {known.offset:.2f} s"
            pieces = cut_signal([read_signal(path, known.offset, known.duration)])
        normalized = normalize(known.text, info.lang)
        require_symbols(normalized, info.alphabet.symbols, name)
        heard = _listen(self._recognizer, pieces, name, advance)
        tokens = info.alphabet.encode(normalized)
        if len(heard.log_probs) * (2 * len(tokens) + 1) > _MOST_CELLS:
            raise AudioError(f"{name}: {heard.duration / 60:.0f} minutes are too long to be aligned at once; cut it up")
        spoken = heard.log_probs[np.isfinite(heard.log_probs).all(axis=1)]
        if len(spoken) < count_required_frames(tokens):
            raise AudioError(
                f"{name}: {heard.duration:.2f} s are too short for {len(tokens)} characters; is this its text?"
            )
        aligned = _in_milliseconds(align(heard.log_probs, tokens), heard.times)
        words = fit_words(read_words(aligned, info.alphabet, 0.001, temperature=info.temperature), heard.sound)
        start = known.offset
        return [replace(word, start=round(start + word.start, 3), end=round(start + word.end, 3)) for word in words]


@dataclass(frozen=True, slots=True)
class _Heard:
    """A recording, or a part of one; a long pause in it is one frame, in which there is certainly nothing.

    Attributes:
        log_probs: (frames, classes).
        times: (frames + 1,) when each frame begins and the last one ends, in milliseconds.
        sound: (steps,) as `find_sound` says.
        duration: In seconds.
    """

    log_probs: NDArray[np.float32]
    times: NDArray[np.int64]
    sound: NDArray[np.bool_]
    duration: float


def _listen(recognizer: Recognizer, pieces: Iterable[Piece], name: str, advance: Callable[[float], None]) -> _Heard:
    info = recognizer.info
    rows, starts, sounds, samples = [], [], [], 0
    nothing = np.full((1, info.alphabet.classes), -np.inf, dtype=np.float32)
    nothing[:, BLANK] = 0.0
    for piece in pieces:
        signal, first = piece.signal, samples == 0
        samples += len(signal)
        advance(len(signal) / SAMPLE_RATE)
        short = len(signal) < info.features.window_samples
        if short and not first:
            continue  # a rest at the end that makes no frame
        try:
            heard = piece.spoken or short
            rows.append(recognizer.listener.compute_log_probs(amplify(piece, info)) if heard else nothing)
        except AudioError as error:
            raise AudioError(f"{name}: {error}") from error
        starts.append(np.round(1000 * (piece.start + np.arange(len(rows[-1])) * info.frame_seconds)))
        sounds.append(find_sound(signal) & piece.spoken)
    if not samples:
        raise AudioError(f"{name}: too short for a single sample at {SAMPLE_RATE} Hz")
    times = np.concatenate([*starts, [1000 * samples / SAMPLE_RATE]]).astype(np.int64)
    return _Heard(np.concatenate(rows), times, np.concatenate(sounds), round(samples / SAMPLE_RATE, 3))


def _in_milliseconds(hypothesis: Hypothesis, times: NDArray[np.int64]) -> Hypothesis:
    """Returns a hypothesis whose spans are milliseconds instead of frames."""
    spans = tuple((int(times[first]), int(times[last])) for first, last in hypothesis.spans)
    return replace(hypothesis, spans=spans)
