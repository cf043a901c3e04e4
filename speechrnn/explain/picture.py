"""The picture of the case: waveform, MFCC, the network's output and the words, over one time axis."""

from itertools import cycle
from pathlib import Path

import librosa.display
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.ctc import decode_greedy
from speechrnn.features import compute_mfcc, normalize_features
from speechrnn.outputs import write_atomically
from speechrnn.text import BLANK
from speechrnn.transcribe.recognizer import Recognizer

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#000000")
"""Okabe and Ito's colours, which colour-blind eyes tell apart; wine-red instead of their yellow."""


def save_picture(figure: Figure, path: Path) -> None:
    """Writes a picture, in the form that the path's ending names, over what is there.

    Raises:
        OutputError: It cannot be written.
    """
    with write_atomically(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix("."), dpi=120)


def draw_case(recognizer: Recognizer, signal: Signal, title: str) -> Figure:
    """Returns the picture of one utterance, (samples,) at 16 kHz, on its way through the recogniser."""
    figure = Figure(figsize=(12, 9), layout="constrained")
    waveform, cepstrum, output, words = figure.subplots(4, 1, sharex=True, height_ratios=(2, 3, 3, 1))
    figure.suptitle(title, fontsize=18)
    _draw_waveform(waveform, signal)
    _draw_mfcc(cepstrum, recognizer, signal)
    _draw_output(output, recognizer, signal)
    _draw_words(words, recognizer, signal)
    for axes in (waveform, cepstrum, output):
        axes.tick_params(labelbottom=False)
        axes.spines[["top", "right"]].set_visible(False)
    waveform.set_xlim(0, len(signal) / SAMPLE_RATE)
    words.xaxis.set_major_locator(AutoLocator())  # librosa takes the ticks away from the common axis
    words.xaxis.set_major_formatter("{x:.1f}")
    return figure


def _draw_waveform(axes: Axes, signal: Signal) -> None:
    librosa.display.waveshow(np.asarray(signal), sr=SAMPLE_RATE, axis=None, ax=axes, color=COLOURS[0])
    axes.set(ylabel="amplitude")
    axes.set_title("the voice: 16 000 numbers a second", loc="left")


def _draw_mfcc(axes: Axes, recognizer: Recognizer, signal: Signal) -> None:
    config = recognizer.info.features
    features = compute_mfcc(signal, config)
    centres = (np.arange(len(features)) * config.hop_ms + config.window_ms / 2) / 1000
    normalized = normalize_features(features, None).T
    librosa.display.specshow(normalized, x_coords=centres, ax=axes, cmap="cividis", vmin=-2.5, vmax=2.5)
    axes.set(ylabel="coefficient", yticks=range(0, features.shape[1], 10))
    axes.set_title(f"MFCC: {features.shape[1]} numbers every {config.hop_ms:g} ms", loc="left")


def _draw_output(axes: Axes, recognizer: Recognizer, signal: Signal) -> None:
    """Draws the probability of the blank and of each symbol that is emitted, and names its peaks."""
    log_probs = recognizer.listener.compute_log_probs(signal)
    probabilities = np.exp(log_probs)
    times = (np.arange(len(probabilities)) + 0.5) * recognizer.info.frame_seconds
    axes.plot(times, probabilities[:, BLANK], color="0.75", linewidth=2, label="blank")
    hypothesis = decode_greedy(log_probs)
    colours = dict(zip(dict.fromkeys(hypothesis.tokens), cycle(COLOURS), strict=False))
    for token, colour in colours.items():
        axes.plot(times, probabilities[:, token], color=colour, linewidth=2)
    for token, (first, last) in zip(hypothesis.tokens, hypothesis.spans, strict=True):
        peak = first + int(probabilities[first:last, token].argmax())
        symbol = recognizer.info.alphabet.decode([token]).replace(" ", "␣")
        axes.annotate(
            symbol,
            (times[peak], probabilities[peak, token]),
            (0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=18,
            color=colours[token],
        )
    axes.set(ylabel="probability", ylim=(0, 1.25), yticks=(0, 0.5, 1))
    axes.legend(frameon=False, loc="upper right")
    axes.set_title(f"the network: a letter or a blank every {1000 * recognizer.info.frame_seconds:g} ms", loc="left")


def _draw_words(axes: Axes, recognizer: Recognizer, signal: Signal) -> None:
    for word in recognizer.recognize(signal):
        axes.axvspan(word.start, word.end, color=COLOURS[5], alpha=0.4)
        axes.text((word.start + word.end) / 2, 0.5, word.text, ha="center", va="center", fontsize=24)
    axes.set(xlabel="seconds", yticks=())
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title("the words", loc="left")
