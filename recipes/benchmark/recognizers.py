"""Ours beside pocketsphinx and Whisper on the same recordings: words wrong, seconds cold and warm, memory.

    python recipes/benchmark/recognizers.py MANIFEST [--pocketsphinx PYTHON] [--whisper PYTHON FOLDER]
        [--model english] [--lm english] [--words digits] [--utterances 1000]

MANIFEST names recordings and what is said in them. PYTHON is one into which pip has installed pocketsphinx, with the
model and the language model that come with it, or faster-whisper, for which FOLDER holds a model. Each recogniser is a
process of its own, in one thread, and reads the same 16-bit WAV files; cold is what a process takes that is started for
the one recording nearest to 10 s, the best of three, in turns. Texts are compared as `score --normalize english` does,
as Whisper writes figures and punctuation. Of --words, each recording says one: a grammar for pocketsphinx, --phrases of
ours. How much memory a process took is said in Linux's unit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile

from speechrnn.audio import SAMPLE_RATE, read_utterance
from speechrnn.manifest import Utterance, read_manifest, resolve_audio
from speechrnn.score.entries import Entry
from speechrnn.score.normalizers import normalize_english
from speechrnn.score.report import format_summary
from speechrnn.score.scoring import score_transcripts
from speechrnn.shipped import WORDS, find_shipped

ROUNDS = 3

OURS = """
import json, sys, time
from pathlib import Path
from speechrnn.transcribe.reading import Reading
model, lm, phrases, *files = sys.argv[1:]
some = lambda name: Path(name) if name else None
recognizer = Reading(Path(model), lm=some(lm), phrases=some(phrases)).open()
recognizer.transcribe(files[0])  # opened, compiled
started = time.perf_counter()
texts = [recognizer.transcribe(file).text for file in files]
json.dump([time.perf_counter() - started, texts], sys.stdout)
"""

POCKETSPHINX = """
import json, sys, time, wave
import pocketsphinx
grammar, *files = sys.argv[1:]
options = dict(samprate=16000, loglevel="FATAL") | (dict(lm=None, jsgf=grammar) if grammar else {})
def read(file):
    with wave.open(file) as samples:
        return samples.readframes(samples.getnframes())
def transcribe(file):
    decoder.start_utt()
    decoder.process_raw(read(file), full_utt=True)
    decoder.end_utt()
    return decoder.hyp().hypstr if decoder.hyp() else ""
decoder = pocketsphinx.Decoder(**options)
if not COLD:
    transcribe(files[0])
started = time.perf_counter()
texts = [transcribe(file) for file in files]
json.dump([time.perf_counter() - started, texts], sys.stdout)
"""

WHISPER = """
import json, sys, time
from faster_whisper import WhisperModel
folder, *files = sys.argv[1:]
model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
def transcribe(file):
    segments, _ = model.transcribe(file, language="en", beam_size=5)
    return " ".join(segment.text for segment in segments)
if not COLD:
    transcribe(files[0])
started = time.perf_counter()
texts = [transcribe(file) for file in files]
json.dump([time.perf_counter() - started, texts], sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Contender:
    """A recogniser.

    Attributes:
        name: What the table calls it.
        warm: The command that transcribes many files in one process.
        cold: The command that transcribes one.
    """

    name: str
    warm: list[str]
    cold: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--pocketsphinx", metavar="PYTHON")
    parser.add_argument("--whisper", metavar=("PYTHON", "FOLDER"), nargs=2)
    parser.add_argument("--model", default="english")
    parser.add_argument("--lm", default="english")
    parser.add_argument("--words", type=Path)
    parser.add_argument("--utterances", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        utterances = read_manifest(options.manifest)[: options.utterances]
        found = [replace(one, audio_filepath=str(resolve_audio(one, options.manifest.parent))) for one in utterances]
        files = [write_wave(one, Path(folder) / f"{number:06}.wav") for number, one in enumerate(found)]
        seconds = {file: soundfile.info(file).duration for file in files}
        middling = min(files, key=lambda file: abs(seconds[file] - 10))
        contenders = list_contenders(options, Path(folder))
        cold = measure_cold(contenders, middling)
        print(f"{len(files)} recordings, {sum(seconds.values()):.0f} s; cold: one of {seconds[middling]:.1f} s")
        for contender in contenders:
            taken, texts, peak = run(contender.warm, files)
            print(f"\n{contender.name}")
            print(f"cold {cold[contender.name]:.2f} s, warm {sum(seconds.values()) / taken:.0f} x real time,", end="")
            print(f" peak {peak:.0f} MB")
            references = {one.id: Entry(normalize_english(one.text), speaker=one.speaker) for one in utterances}
            heard = {one.id: Entry(normalize_english(text)) for one, text in zip(utterances, texts, strict=True)}
            print(format_summary(score_transcripts(references, heard)), flush=True)


def write_wave(utterance: Utterance, path: Path) -> Path:
    """Writes an utterance as everybody reads it, and returns where."""
    soundfile.write(path, read_utterance(utterance), SAMPLE_RATE, subtype="PCM_16")
    return path


def list_contenders(options: argparse.Namespace, folder: Path) -> list[Contender]:
    """Returns ours, with and without what is known of the language, and the others that were asked for."""
    speechrnn, words = [sys.executable, "-m", "speechrnn", "transcribe", "--model", options.model], options.words
    beside = {"lm": "", "phrases": str(words)} if words else {"lm": options.lm, "phrases": ""}
    named = [word for key, value in beside.items() if value for word in (f"--{key}", value)]
    found = [
        Contender("ours, greedily", [sys.executable, "-c", OURS, options.model, "", ""], speechrnn),
        Contender(
            f"ours, {' '.join(named)}", [sys.executable, "-c", OURS, options.model, *beside.values()], speechrnn + named
        ),
    ]
    if options.pocketsphinx:
        grammar = write_grammar(words, folder / "words.gram") if words else ""
        found.append(describe_other("pocketsphinx", options.pocketsphinx, POCKETSPHINX, str(grammar)))
    if options.whisper:
        python, model = options.whisper
        found.append(describe_other("whisper", python, WHISPER, model))
    return found


def describe_other(name: str, python: str, script: str, argument: str) -> Contender:
    """Returns a recogniser of another Python, whose script is told whether it is started for one file."""
    return Contender(name, *([python, "-c", f"COLD = {cold}\n{script}", argument] for cold in (False, True)))


def write_grammar(words: Path, path: Path) -> Path:
    """Writes a grammar of one word out of a list."""
    path.write_text(
        f"#JSGF V1.0;\ngrammar words;\npublic <word> = {' | '.join(find_shipped(words, WORDS).read_text().split())};\n"
    )
    return path


def measure_cold(contenders: list[Contender], file: Path) -> dict[str, float]:
    """Returns the seconds that a process of each takes for one file."""
    best = dict.fromkeys((one.name for one in contenders), float("inf"))
    for _ in range(ROUNDS):
        for one in contenders:
            started = time.perf_counter()
            done = subprocess.run([*one.cold, str(file)], capture_output=True, text=True, env=one_thread())
            if done.returncode:
                sys.exit(f"{one.name}: {done.stderr.strip().splitlines()[-1]}")
            best[one.name] = min(best[one.name], time.perf_counter() - started)
    return best


def run(command: list[str], files: list[Path]) -> tuple[float, list[str], float]:
    """Returns how long a process took for all files once it was there, what it heard, and its peak memory in MB."""
    with subprocess.Popen([*command, *map(str, files)], stdout=subprocess.PIPE, env=one_thread()) as process:
        assert process.stdout
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    taken, texts = json.loads(printed)
    return taken, texts, usage.ru_maxrss / 1024


def one_thread() -> dict[str, str]:
    """Returns an environment in which nobody takes a second core."""
    return os.environ | dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


if __name__ == "__main__":
    main()
