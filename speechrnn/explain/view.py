"""What there is to see of a recording: its spectrogram, and what a network says of each frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.config import FeatureConfig
from speechrnn.features import compute_mel_energies
from speechrnn.text import BLANK
from speechrnn.transcribe.edges import find_sound, fit_words
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.words import Word

Rows = NDArray[np.float64]

RANGE_DB = 60.0
"""What lies further below the loudest is shown as black."""

_NOTHING_DB = -59.9
"""Where there is no sound at all, `measure_bands` gives -60 dB."""


def measure_bands(signal: Signal, config: FeatureConfig) -> Rows:
    """Returns the energy in each mel band, in decibels, (frames, mels): what MFCC are made of.

    Raises:
        AudioError: The signal is shorter than one window, or too loud.
    """
    return 10 * np.log10(compute_mel_energies(signal, config).astype(np.float64) + 1e-6)


@dataclass(frozen=True)
class View:
    """A recording, frame by frame: those of a network, or of the MFCC where there is none.

    Attributes:
        signal: (samples,) at 16 kHz.
        features: How it is cut into frames.
        frame_seconds: From one frame to the next.
        bands: As `measure_bands`, but at every MFCC frame.
        symbols: The alphabet's, the blank's "·" first; empty without a network.
        probabilities: Of each symbol, (frames, classes); no class without a network.
        words: What is read.
    """

    signal: Signal
    features: FeatureConfig
    frame_seconds: float
    bands: Rows
    symbols: Sequence[str]
    probabilities: Rows
    words: Sequence[Word]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.signal) / SAMPLE_RATE

    @cached_property
    def shares(self) -> Rows:
        """The bands at each frame, 0 for 60 dB below the loudest or less, 1 for the loudest, (frames, mels).

        Digital silence is 0, also where there is nothing else.
        """
        stack = round(self.frame_seconds * 1000 / self.features.hop_ms)
        starts = np.arange(0, len(self.bands), stack)
        loudest = np.maximum.reduceat(self.bands, starts)
        shares: Rows = np.clip(1 + (loudest - self.bands.max()) / RANGE_DB, 0, 1)
        return np.where(loudest > _NOTHING_DB, shares, 0.0)

    @property
    def levels(self) -> Rows:
        """Of each frame's loudest band, in decibels below the recording's, 60 at most, (frames,)."""
        levels: Rows = RANGE_DB * (self.shares.max(axis=1) - 1)
        return levels

    @property
    def best(self) -> list[str]:
        """The most probable symbol of each frame."""
        return [self.symbols[place] for place in self.probabilities.argmax(axis=1)] if self.symbols else []

    @property
    def blank(self) -> Rows:
        """The blank's probability, (frames,)."""
        return self.probabilities[:, BLANK]

    @property
    def entropy(self) -> Rows:
        """How undecided the network is, in bits, (frames,): 0 where one symbol has it all."""
        p = self.probabilities
        entropy: Rows = -(p * np.log2(np.maximum(p, 1e-30))).sum(axis=1)
        return np.maximum(entropy, 0)


def look_at(signal: Signal, recognizer: Recognizer | None) -> View:
    """Returns what there is to see of a signal, (samples,) at 16 kHz, with what a network says where one is given.

    Raises:
        AudioError: The signal is shorter than one window.
    """
    if recognizer is None:
        config = FeatureConfig()
        return View(signal, config, config.hop_ms / 1000, measure_bands(signal, config), (), np.zeros((0, 0)), ())
    info = recognizer.info
    log_probs = recognizer.listener.compute_log_probs(signal)
    symbols = ("·", *(symbol.replace(" ", "␣") for symbol in info.alphabet.symbols))
    words = fit_words(recognizer.read(log_probs), find_sound(signal))
    bands = measure_bands(signal, info.features)
    probabilities = np.exp(log_probs.astype(np.float64))
    return View(signal, info.features, info.frame_seconds, bands, symbols, probabilities, words)
