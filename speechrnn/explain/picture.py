"""Pictures that can be read from the last row: what a recogniser makes of a voice, panel by panel, on one time axis."""

import warnings
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import librosa.display
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, ScalarFormatter

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.ctc import decode_greedy
from speechrnn.errors import AudioError
from speechrnn.explain.view import RANGE_DB, View
from speechrnn.features import compute_mfcc, find_centres, normalize_features, to_hz
from speechrnn.outputs import write_atomically
from speechrnn.text import BLANK
from speechrnn.transcribe.recognizer import Recognizer

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#000000")
"""Okabe and Ito's colours, which colour-blind eyes tell apart; wine-red instead of their yellow."""

SLIDE: dict[Any, Any] = {
    "font.size": 15,
    "axes.titlesize": 17,
    "axes.titlelocation": "left",
    "axes.labelsize": 17,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 22,
    "legend.frameon": False,
    "legend.fontsize": 17,
    "text.parse_math": False,  # a recording's name may look like a formula
}
"""matplotlib's settings for all of them."""


def set_title(figure: Figure, title: str) -> None:
    """Puts a title over a picture, also where a recording's name in it is no text."""
    figure.suptitle(title.encode(errors="replace").decode())


def save_picture(figure: Figure, path: Path) -> None:
    """Writes a picture, in the form that the path's ending names, over what is there.

    Raises:
        OutputError: It cannot be written.
    """
    with write_atomically(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box stands for it
        figure.savefig(temporary, format=path.suffix.removeprefix("."), dpi=120)


@rc_context(SLIDE)
def draw_case(recognizer: Recognizer, signal: Signal, title: str) -> Figure:
    """Returns the picture of one utterance, (samples,) at 16 kHz, on its way through the recogniser."""
    figure = Figure(figsize=(14, 11), layout="constrained")
    panels = figure.subplots(4, 1, sharex=True, height_ratios=(2, 3, 3, 1))
    waveform, cepstrum, output, words = panels
    set_title(figure, title)
    draw_waveform(waveform, signal)
    draw_mfcc(cepstrum, recognizer, signal)
    draw_output(output, recognizer, signal)
    draw_words(words, recognizer, signal)
    share_time(panels, signal)
    return figure


@rc_context(SLIDE)
def draw_audio(view: View, recognizer: Recognizer | None, title: str) -> Figure:
    """Returns the picture of a recording: waveform and spectrogram, and what a network says where there is one."""
    figure = Figure(figsize=(14, 12 if recognizer else 7), layout="constrained")
    set_title(figure, title)
    panels = figure.subplots(
        5 if recognizer else 2, 1, sharex=True, height_ratios=(2, 4, 3, 2, 1)[: 5 if recognizer else 2]
    )
    draw_waveform(panels[0], view.signal)
    _draw_bands(panels[1], view)
    if recognizer:
        draw_output(panels[2], recognizer, view.signal)
        _draw_entropy(panels[3], view)
        draw_words(panels[4], recognizer, view.signal)
    share_time(panels, view.signal)
    return figure


def share_time(panels: Sequence[Axes], signal: Signal) -> None:
    """Makes the last panel carry the seconds for all of them."""
    for axes in panels[:-1]:
        axes.tick_params(labelbottom=False)
    panels[0].set_xlim(0, len(signal) / SAMPLE_RATE)
    panels[-1].set_xlabel("seconds")
    panels[-1].xaxis.set_major_locator(AutoLocator())  # librosa takes the ticks away from the common axis
    panels[-1].xaxis.set_major_formatter(ScalarFormatter(useOffset=False))


def show_part(figure: Figure, signal: Signal, start: float, seconds: float) -> None:
    """Lets a picture whose panels share the time of a signal show no more than so many seconds of it.

    Raises:
        AudioError: The signal ends before.
    """
    end = len(signal) / SAMPLE_RATE
    if start >= end:
        raise AudioError(f"--start {start:g}: the recording ends at {end:.2f} s")
    figure.axes[0].set_xlim(start, min(start + seconds, end))


def draw_waveform(axes: Axes, signal: Signal) -> None:
    """Draws a signal, (samples,) at 16 kHz."""
    librosa.display.waveshow(np.asarray(signal), sr=SAMPLE_RATE, axis=None, ax=axes, color=COLOURS[0])
    axes.set(ylabel="amplitude")
    axes.set_title("the voice: 16 000 numbers a second")


def draw_mfcc(axes: Axes, recognizer: Recognizer, signal: Signal) -> None:
    """Draws the MFCC of a signal, each coefficient normalised."""
    config = recognizer.info.features
    features = compute_mfcc(signal, config)
    centres = (np.arange(len(features)) * config.hop_ms + config.window_ms / 2) / 1000
    normalized = normalize_features(features, None).T
    librosa.display.specshow(normalized, x_coords=centres, ax=axes, cmap="cividis", vmin=-2.5, vmax=2.5)
    axes.set(ylabel="coefficient", yticks=range(0, features.shape[1], 10))
    axes.set_title(f"MFCC: {features.shape[1]} numbers every {config.hop_ms:g} ms")


def draw_output(axes: Axes, recognizer: Recognizer, signal: Signal) -> None:
    """Draws the probability of the blank and of each symbol that is emitted, and names its peaks."""
    log_probs = recognizer.listener.compute_log_probs(signal)
    probabilities = np.exp(log_probs)
    times = (np.arange(len(probabilities)) + 0.5) * recognizer.info.frame_seconds
    axes.plot(times, probabilities[:, BLANK], color="0.75", linewidth=2)
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
    axes.set_title(f"the network: a letter or a blank (grey) every {1000 * recognizer.info.frame_seconds:g} ms")


def draw_words(axes: Axes, recognizer: Recognizer, signal: Signal) -> None:
    """Draws the words that are read in a signal, from when to when."""
    for word in recognizer.recognize(signal):
        axes.axvspan(word.start, word.end, color=COLOURS[5], alpha=0.4)
        axes.text((word.start + word.end) / 2, 0.5, word.text, ha="center", va="center", fontsize=24, clip_on=True)
    axes.set(yticks=())
    axes.spines["left"].set_visible(False)
    axes.set_title("the words")


def _draw_bands(axes: Axes, view: View) -> None:
    """Draws the energies in the mel bands, which the ear hears about equally wide."""
    hop, window = view.features.hop_ms / 1000, view.features.window_ms / 1000
    start = (window - hop) / 2  # a frame stands for the hop in its middle
    bands = view.bands.shape[1]
    image = axes.imshow(
        view.bands.T - view.bands.max(),
        extent=(start, start + len(view.bands) * hop, -0.5, bands - 0.5),
        origin="lower",
        aspect="auto",
        cmap="cividis",
        vmin=-RANGE_DB,
        vmax=0,
    )
    assert axes.figure is not None
    axes.figure.colorbar(image, ax=axes, pad=0.01, label="dB", ticks=(-60, -30, 0))
    wanted = (250, 500, 1000, 2000, 4000)
    axes.set_yticks(
        np.interp(wanted, to_hz(find_centres(view.features)[0]), np.arange(bands)), [f"{hz / 1000:g}" for hz in wanted]
    )
    axes.set(ylabel="kHz")
    axes.set_title(f"energy in {bands} mel bands")


def _draw_entropy(axes: Axes, view: View) -> None:
    times = np.arange(len(view.entropy) + 1) * view.frame_seconds
    axes.fill_between(times, np.append(view.entropy, view.entropy[-1:]), step="post", color=COLOURS[4])
    axes.set(ylabel="bits", ylim=(0, max(2.0, 1.1 * view.entropy.max())))
    axes.set_title("how undecided it is: entropy, 0 where one symbol has it all")
