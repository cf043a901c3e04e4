"""A model that listens: from a recording to its transcript."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, Signal, check_rate, resample, show_name, spool, to_mono
from speechrnn.ctc import decode_greedy
from speechrnn.errors import AudioError
from speechrnn.modelinfo import ModelInfo, find_model
from speechrnn.parallel import map_in_order
from speechrnn.shipped import ENGLISH_MODEL, ENGLISH_WEIGHTS
from speechrnn.transcribe.edges import find_sound, fit_words
from speechrnn.transcribe.listener import Listener, open_listener
from speechrnn.transcribe.segments import Piece, cut_recording, cut_signal
from speechrnn.transcribe.transcript import Transcript, make_transcript
from speechrnn.words import Word, read_words

if TYPE_CHECKING:
    from speechrnn.text import Alphabet
    from speechrnn.transcribe.beam import Alternative

Audio = str | PathLike[str] | BinaryIO | NDArray[np.float32]
"""A recording: a file that libsndfile reads, by its path or open for reading bytes; or samples."""


_LOUD_ENOUGH = 0.05
"""Root mean square of the loudest steps of speech that is recorded well."""

_FINITE = 700.0
"""Nats whose exponential is still a number."""


class Decoder(Protocol):
    """Reads log_probs with what is known beside them.

    Attributes:
        alphabet: Whose classes they are of: the model's letters, or its phones.
        reads_phones: Whether it is the phones.
        temperature: What the logarithms of confidences are divided by; 0 for the model's own.
    """

    alphabet: "Alphabet"
    reads_phones: bool
    temperature: float

    def decode(self, log_probs: NDArray[np.float32], count: int = 1) -> "list[Alternative]":
        """Returns the best texts of log_probs, (frames, classes), natural log, best first, at most `count`."""


class Recognizer:
    """Turns recordings into text with one model."""

    def __init__(self, listener: Listener, name: str, decoder: Decoder | None = None) -> None:
        """Takes a model, the name under which transcripts mention it, and a decoder; without one, it reads greedily."""
        self.listener = listener
        self.name = name
        self.decoder = decoder

    @classmethod
    def load(cls, path: str | PathLike[str], warps: int = 1) -> "Recognizer":
        """Returns a recogniser with the model in a file, or the best one of a run's folder.

        Arguments and errors as `open_listener`. Of English as it ships it takes the weights for several `warps`.
        """
        file = find_model(Path(path))
        if warps != 1 and file == ENGLISH_MODEL:
            file = ENGLISH_WEIGHTS
        return cls(open_listener(file, warps), str(file))

    @property
    def info(self) -> ModelInfo:
        """Alphabet, features, language, provenance of the model."""
        return self.listener.info

    def transcribe(
        self,
        audio: Audio,
        *,
        sample_rate: float = SAMPLE_RATE,
        advance: Callable[[float], None] = lambda seconds: None,
    ) -> Transcript:
        """Returns what is said in a recording of any length.

        Args:
            audio: A file that libsndfile reads, by its path or open for reading bytes; or samples in [-1, 1],
                (samples,) or (samples, channels).
            sample_rate: Of samples, in Hz; a file knows its own.
            advance: Called with the seconds of audio that are done since the last call.

        Raises:
            AudioError: The recording cannot be read, or is shorter than one window.
            TypeError: It is none.
        """
        if isinstance(audio, str | PathLike):
            return self._transcribe_pieces(cut_recording(Path(audio)), str(audio), advance)
        if isinstance(audio, np.ndarray):
            check_rate(sample_rate, "samples")
            signal = resample(to_mono(_to_columns(audio), Path("samples")), sample_rate)
            return self._transcribe_pieces(cut_signal([signal]), "samples", advance)
        if not hasattr(audio, "read"):
            raise TypeError(
                f"{type(audio).__name__}: expected a path, a file of bytes or a NumPy array; transcribe_all takes many"
            )
        with spool(audio) as path:
            try:
                return self._transcribe_pieces(cut_recording(path), show_name(path), advance)
            except AudioError as error:
                raise AudioError(str(error).replace(str(path), show_name(path))) from error

    def transcribe_all(self, recordings: Iterable[Audio], *, sample_rate: float = SAMPLE_RATE) -> Iterator[Transcript]:
        """Yields the transcript of each recording, in order, one recording a core at a time.

        Arguments and errors as `transcribe`; an error ends it.
        """
        if isinstance(recordings, str | PathLike | np.ndarray):
            raise TypeError(f"{type(recordings).__name__}: expected many recordings; transcribe takes one")
        return map_in_order(partial(self.transcribe, sample_rate=sample_rate), recordings)

    def _transcribe_pieces(self, pieces: Iterable[Piece], name: str, advance: Callable[[float], None]) -> Transcript:
        words: list[Word] = []
        samples = 0
        for piece in pieces:
            enough = len(piece.signal) >= self.info.features.window_samples
            if (enough and piece.spoken) or (not enough and samples == 0):
                try:
                    words += self.recognize(amplify(piece, self.info), piece.start)
                except AudioError as error:
                    raise AudioError(f"{name}: {error}") from error
            samples += len(piece.signal)
            advance(len(piece.signal) / SAMPLE_RATE)
        if not samples:
            raise AudioError(f"{name}: too short for a single sample at {SAMPLE_RATE} Hz")
        return make_transcript(words, name, samples / SAMPLE_RATE, self.name)

    def recognize(self, signal: Signal, start: float = 0.0) -> list[Word]:
        """Returns the words in a signal, (samples,) at 16 kHz, that begins at `start` seconds.

        Raises:
            AudioError: The signal is shorter than one window.
        """
        log_probs = self.listener.compute_log_probs(signal, self.reads_phones)
        return fit_words(self.read(log_probs, start), find_sound(signal), start)

    @property
    def reads_phones(self) -> bool:
        """Whether `read` takes the log_probs of phones."""
        return self.decoder is not None and self.decoder.reads_phones

    def read(self, log_probs: NDArray[np.float32], start: float = 0.0) -> list[Word]:
        """Returns the words in log_probs, (frames, classes), the first frame of which is at `start` seconds.

        They begin and end with the frames of their letters or phones, which are fewer than their sounds. Of a phrase
        that is one of several, all words have the phrase's confidence.
        """
        info = self.info
        if self.decoder is None:
            return read_words(decode_greedy(log_probs), info.alphabet, info.frame_seconds, start, info.temperature)
        from speechrnn.transcribe.align import align  # imports numba, which greedy decoding needs not

        readings = self.decoder.decode(log_probs)
        if not readings:
            return []
        best = readings[0]
        aligned = align(log_probs, best.tokens)
        temperature = self.decoder.temperature or info.temperature
        words = read_words(aligned, self.decoder.alphabet, info.frame_seconds, start, temperature)
        words = [replace(word, text=text) for word, text in zip(words, best.text.split(), strict=True)]
        if best.log_odds is not None:
            confidence = round(1 / (1 + math.exp(min(-best.log_odds, _FINITE))), 4)
            words = [replace(word, confidence=confidence) for word in words]
        return words


def amplify(piece: Piece, info: ModelInfo) -> Signal:
    """Returns what a model hears of a piece of a recording: of a soft one all louder, if the model knows no loudness.

    The logarithm of the mel energies has a floor, in which a soft voice's softest sounds would drown.
    """
    if info.recipe.input.cmvn != "utterance" or not 0 < piece.loudest < _LOUD_ENOUGH:
        return piece.signal
    return piece.signal * np.float32(_LOUD_ENOUGH / piece.loudest)


def _to_columns(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns samples as (samples, channels).

    Raises:
        AudioError: There is none, they are no floats, or they lie in another order.
    """
    if samples.ndim not in (1, 2) or not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(
            f"samples: {samples.dtype} of shape {samples.shape}; expected floats, (samples,) or (samples, channels)"
        )
    if samples.size == 0:
        raise AudioError("samples: there is none")
    columns = samples.reshape(len(samples), -1)
    if columns.shape[1] > len(columns):
        raise AudioError(f"samples: shape {samples.shape} is (channels, samples); transpose it")
    return columns.astype(np.float32)
