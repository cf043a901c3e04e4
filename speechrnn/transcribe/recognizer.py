"""A model that listens: from a recording to its transcript."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.ctc import Hypothesis, decode_greedy
from speechrnn.errors import AudioError
from speechrnn.features import compute_mfcc, count_window_samples, make_dct, to_network_input
from speechrnn.modelfile import Model, find_model, load_model
from speechrnn.transcribe.align import align
from speechrnn.transcribe.beam import BeamDecoder
from speechrnn.transcribe.segments import cut_at_pauses
from speechrnn.transcribe.transcript import Transcript, Word, read_words


class Recognizer:
    """Turns recordings into text with one model."""

    def __init__(self, model: Model, name: str, decoder: BeamDecoder | None = None) -> None:
        """Takes a model, the name under which transcripts mention it, and a decoder; without one, it reads greedily."""
        self.model = model
        self.decoder = decoder
        self.name = name
        self._window = count_window_samples(model.info.features)
        make_dct(model.info.features)  # made once here, not by several threads at once

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Recognizer":
        """Returns a recogniser with the model in a file, or the best one of a run's folder.

        Raises:
            ModelError: It cannot be read.
        """
        file = find_model(Path(path))
        return cls(load_model(file), str(file))

    @property
    def frame_seconds(self) -> float:
        """From one frame of log_probs to the next."""
        return self.model.info.features.hop_ms * self.model.info.recipe.network.stack / 1000

    def transcribe(
        self, path: str | PathLike[str], advance: Callable[[float], None] = lambda seconds: None
    ) -> Transcript:
        """Returns what is said in a recording that libsndfile reads, of any length, rate and number of channels.

        Args:
            path: The recording.
            advance: Called with the seconds of audio that are done since the last call.

        Raises:
            AudioError: The recording cannot be read, or is shorter than one window.
        """
        words: list[Word] = []
        samples = 0
        for start, signal in cut_at_pauses(Path(path)):
            if samples == 0 or len(signal) >= self._window:
                try:
                    words += self.recognize(signal, start)
                except AudioError as error:
                    raise AudioError(f"{path}: {error}") from error
            samples += len(signal)
            advance(len(signal) / SAMPLE_RATE)
        return Transcript(
            id=Path(path).stem,
            text=" ".join(word.text for word in words),
            words=tuple(words),
            confidence=round(sum(word.confidence for word in words) / max(len(words), 1), 4),
            audio_filepath=str(path),
            duration=round(samples / SAMPLE_RATE, 3),
            model=self.name,
        )

    def recognize(self, signal: Signal, start: float = 0.0) -> list[Word]:
        """Returns the words in a signal, (samples,) at 16 kHz, that begins at `start` seconds.

        Raises:
            AudioError: The signal is shorter than one window.
        """
        log_probs, lengths = self.compute_log_probs(signal)
        hypothesis = self._search(log_probs[0].numpy()) if self.decoder else decode_greedy(log_probs, lengths)[0]
        return read_words(hypothesis, self.model.info.alphabet, self.frame_seconds, start)

    def _search(self, log_probs: NDArray[np.float32]) -> Hypothesis:
        """Returns the decoder's best text, aligned; an empty one where the vocabulary allows none."""
        assert self.decoder is not None
        readings = self.decoder.decode(log_probs)
        return align(log_probs, readings[0].tokens if readings else ())

    def compute_log_probs(self, signal: Signal) -> tuple[Tensor, Tensor]:
        """Returns log_probs (1, frames, classes), natural log, of a signal (samples,) at 16 kHz, and their length (1,).

        Raises:
            AudioError: The signal is shorter than one window.
        """
        info = self.model.info
        features = to_network_input(
            compute_mfcc(signal, info.features), info.recipe.input, info.features, self.model.cmvn
        )
        with torch.inference_mode():
            log_probs, lengths = self.model.network(torch.from_numpy(features)[None], torch.tensor([len(features)]))
        return log_probs, lengths
