"""Text made into speech: each sentence by some of the voices, at a tempo and a pitch that chance decides.

What comes out is a folder of FLAC files with metadata.tsv, which is written last. A killed run goes on where it was.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
import tomli_w

from speechrnn.audio import SAMPLE_RATE, Signal, resample
from speechrnn.config import PrepareConfig, SynthConfig
from speechrnn.console import note, show_progress, warn_each
from speechrnn.errors import CorpusError, OutputError, TextError
from speechrnn.inputs import read_lines
from speechrnn.manifest import Utterance
from speechrnn.numerals import spell_numbers
from speechrnn.outputs import LOCK_FILE, claim, explain_disk_errors, write_atomically
from speechrnn.parallel import map_in_order
from speechrnn.prepare.corpus import UNSPLIT
from speechrnn.prepare.split import choose_splits
from speechrnn.prepare.voices import Say, choose_voices, find_packages, open_voices
from speechrnn.text import alphabet_of, normalize, require_symbols

_TABLE = "metadata.tsv"
_SETTINGS = "synth.toml"
_ENDING = ".flac"

_PEAK = 0.7
_SILENT = 0.01
"""Of the peak: what is softer before and after the speech is a pause."""

_PAUSE = SAMPLE_RATE // 20
"""Samples of pauses that are kept on either side."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence as one voice shall say it: into which file, how much faster and how much higher than by itself."""

    file: str
    voice: str
    text: str
    tempo: float
    pitch: float


def synthesise(text: Path, out: Path, config: PrepareConfig, *, workers: int = 0, force: bool = False) -> Path:
    """Makes speech of a text and returns the folder that holds it: `out` with `.audio` at its end.

    Args:
        text: A sentence a line; empty lines are passed over, what cannot be said is set aside with a warning.
        out: Where the corpus will be prepared.
        config: Voices and chance, language, whether figures are spelled out.
        workers: Threads; 0 for one a core.
        force: Replace what was made of another text or with other settings.

    Raises:
        CorpusError: Nothing in the text can be said; no voice has that name or language, or one is not installed; there
            are too few to be split.
        OutputError: Something else is in the way, or the disk is full.
    """
    lang = config.lang or "en"
    voices = choose_voices(config.synth.voices, lang)
    packages = find_packages(voices)
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: a file is in the way; choose another --out")
    plan = plan_speech(_read_sentences(text, lang, config.numbers == "spell"), voices, config.synth)
    heard = [Utterance(one.file, one.text, speaker=one.voice, lang=lang) for one in plan]
    choose_splits({UNSPLIT: heard}, config)  # raises what it will raise before all is spoken
    said = hashlib.sha256(repr(plan).encode()).hexdigest()
    made_of = {"said_sha256": said, "synth": asdict(config.synth), "packages": packages}
    folder = out.resolve().with_name(f"{out.resolve().name}.audio")
    with explain_disk_errors(folder), claim(folder):
        _take_over(folder, tomli_w.dumps(made_of), force)
        if not (folder / _TABLE).exists():
            _speak(plan, folder, workers)
            with write_atomically(folder / _TABLE) as path:
                rows = "".join(f"{one.file}\t{one.voice}\t{one.text}\n" for one in plan)
                path.write_text(f"path\tspeaker\ttext\n{rows}", encoding="utf-8")
    return folder


def plan_speech(sentences: Mapping[int, str], voices: Sequence[str], config: SynthConfig) -> list[Spoken]:
    """Returns who says which sentence, and how.

    What chance decides for a sentence depends on its number and the seed alone.

    Args:
        sentences: By number.
        voices: Their names. Where a sentence gets more copies, all say it before one does again.
        config: How many copies; how far tempo and pitch go, up as well as down; the seed.
    """
    plan = []
    for number, sentence in sentences.items():
        rng = np.random.default_rng([config.seed, number])
        rounds = -(-config.copies // len(voices))
        chosen = np.concatenate([rng.permutation(voices) for _ in range(rounds)])[: config.copies]
        tempos = _draw_factors(config.tempo, config.copies, rng)
        pitches = _draw_factors(config.pitch, config.copies, rng)
        for copy, (voice, tempo, pitch) in enumerate(zip(chosen, tempos, pitches, strict=True), 1):
            file = f"{number:06}-{copy:03}-{voice}{_ENDING}"
            plan.append(Spoken(file, str(voice), sentence, tempo, pitch))
    return plan


def _draw_factors(most: float, count: int, rng: np.random.Generator) -> list[float]:
    """Returns factors between 1 / (1 + most) and 1 + most, as often above 1 as below."""
    return [round((1 + most) ** power, 3) for power in rng.uniform(-1, 1, count).tolist()]


def _read_sentences(text: Path, lang: str, spelled: bool) -> dict[int, str]:
    """Returns the sentences that can be said, by the number of their line."""
    lines = {number: " ".join(line.split()) for number, line in enumerate(read_lines(text, CorpusError), 1)}
    sentences = {number: spell_numbers(line, lang) if spelled else line for number, line in lines.items() if line}
    if not sentences:
        raise CorpusError(f"{text}: holds no sentences; write one a line")
    normal = {number: normalize(sentence, lang) for number, sentence in sentences.items()}
    symbols, refused = alphabet_of(lang, normal.values()).symbols, {}
    for number, sentence in normal.items():
        try:
            require_symbols(sentence, symbols, f"{text}:{number}", "spell them out, or name their language with --lang")
        except TextError as error:
            refused[number] = str(error)
    if len(refused) == len(sentences):
        raise CorpusError(f"{next(iter(refused.values()))}; no line of the text can be said")
    warn_each([f"set aside {reason}" for reason in refused.values()])
    return {number: sentence for number, sentence in sentences.items() if number not in refused}


def _take_over(folder: Path, settings: str, force: bool) -> None:
    """Empties the folder unless it holds speech made of the same; then writes what this speech is made of."""
    mark = folder / _SETTINGS
    if mark.exists() and mark.read_text(encoding="utf-8") == settings:
        return
    ours = [path for path in folder.iterdir() if path.suffix == _ENDING or path.name in (_TABLE, _SETTINGS)]
    if foreign := [path for path in folder.iterdir() if path.name != LOCK_FILE and path not in ours]:
        raise OutputError(f"{folder}: holds other files ({min(foreign).name}); choose another --out")
    if ours and not (mark.exists() and force):
        raise OutputError(
            f"{folder}: speech of another text or with other settings; --force replaces it, or choose another --out"
        )
    for path in sorted(ours, key=lambda path: path == mark):  # the mark last: what is left is still known as ours
        path.unlink()
    with write_atomically(mark) as path:
        path.write_text(settings, encoding="utf-8")


def _speak(plan: Sequence[Spoken], folder: Path, workers: int) -> None:
    missing = [one for one in plan if not (folder / one.file).exists()]
    says = open_voices(sorted({one.voice for one in missing}))

    def write(one: Spoken) -> None:
        encoded = BytesIO()
        soundfile.write(encoded, say(one, says), SAMPLE_RATE, format="FLAC")
        with write_atomically(folder / one.file) as path:
            path.write_bytes(encoded.getvalue())

    try:
        with show_progress("Speaking", len(plan), "utterances") as advance:
            advance(len(plan) - len(missing))
            for _ in map_in_order(write, missing, workers):
                advance(1)
    except KeyboardInterrupt:
        note("stopped; the same command goes on where it was")
        raise


def say(one: Spoken, says: Mapping[str, Say]) -> Signal:
    """Returns the speech: said as much slower as being played faster, and so higher, will make it faster again.

    Engines differ in loudness and in the pauses around a sentence; both are made alike.
    """
    signal = resample(says[one.voice](one.text, one.tempo / one.pitch), SAMPLE_RATE * one.pitch)
    peak = np.abs(signal).max(initial=0.0)
    loud = np.flatnonzero(np.abs(signal) > _SILENT * peak)
    if not len(loud):
        return signal
    return signal[max(loud[0] - _PAUSE, 0) : loud[-1] + _PAUSE] * np.float32(_PEAK / peak)
