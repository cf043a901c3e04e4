"""A long recording against its parts: word errors, memory, and when words are said.

    python recipes/long_files/measure.py MODEL [--minutes 60] [--noise 5e-4] [--manifest MANIFEST]

Phrases of the embedded test voices, or a manifest's utterances, are joined with pauses of 0.5 to 1.5 s of soft noise.
What a phrase sounds like is known, so its first word must begin, and its last one end, where its own clip becomes loud
and quiet.
"""

import argparse
import resource
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from speechrnn import load_model
from speechrnn.audio import SAMPLE_RATE, Signal, read_signal, read_utterance
from speechrnn.counts import ErrorCounts, format_rate
from speechrnn.manifest import Utterance, read_manifest, resolve_audio
from speechrnn.prepare.corpora.hello import SOURCE, read_hello
from speechrnn.score.align import align_words
from speechrnn.text import normalize
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import cut_recording
from speechrnn.words import Word, to_text

STEP = SAMPLE_RATE // 200
"""Samples whose loudness is judged together, 5 ms."""

RELATIVE = 0.01
"""-40 dB: a clip is loud from the first 20 ms that are louder than this part of its loudest step, to the last."""


@dataclass(frozen=True)
class Phrase:
    """A phrase within the recording: its text, its samples, and between which seconds it is loud."""

    text: str
    first: int
    last: int
    start: float
    end: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--noise", type=float, default=5e-4, help="root mean square")
    parser.add_argument("--manifest", type=Path)
    options = parser.parse_args()
    voices = find_voices(options.manifest)
    recognizer = load_model(options.model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        phrases = join_phrases(path, voices, options.minutes, options.noise)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        words = recognizer.transcribe(path).words
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{len(phrases)} phrases; peak memory {peak / 1024:.0f} MB, {(peak - before) / 1024:.0f} of it for these")
        signal = read_signal(path)
        parts = [recognizer.recognize(signal[phrase.first : phrase.last]) for phrase in phrases]
        said = [phrase.text for phrase in phrases]
        print_errors("parts", said, [to_text(part) for part in parts])
        print_errors("whole", [" ".join(said)], [to_text(words)])
        print_times("words of the whole", phrases, words)
        print_times("their letters' frames alone", phrases, read_letters(recognizer, path))


def find_voices(manifest: Path | None) -> Sequence[Utterance]:
    """Returns what is joined."""
    if manifest is None:
        return read_hello(SOURCE)["test"]
    return [replace(one, audio_filepath=str(resolve_audio(one, manifest.parent))) for one in read_manifest(manifest)]


def join_phrases(path: Path, voices: Sequence[Utterance], minutes: float, noise: float) -> list[Phrase]:
    """Writes the recording, and returns what is said in it."""
    rng = np.random.default_rng(0)
    phrases: list[Phrase] = []
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        place = 0
        while place < minutes * 60 * SAMPLE_RATE:
            utterance = voices[rng.integers(len(voices))]
            clip = read_utterance(utterance)
            before = round(rng.uniform(0.5, 1.5) * SAMPLE_RATE)
            block = rng.normal(0, noise, before + len(clip)).astype(np.float32)
            block[before:] += clip
            file.write(block)
            start, end = find_speech(clip)
            place += before
            times = (place / SAMPLE_RATE + start, place / SAMPLE_RATE + end)
            phrases.append(Phrase(normalize(utterance.text, "en"), place, place + len(clip), *times))
            place += len(clip)
    return phrases


def find_speech(clip: Signal) -> tuple[float, float]:
    """Returns between which seconds a clip is loud; clicks shorter than 20 ms are none."""
    levels = np.sqrt(np.square(clip[: len(clip) // STEP * STEP].reshape(-1, STEP)).mean(axis=1))
    loud = np.flatnonzero(np.convolve(levels > RELATIVE * levels.max(), np.ones(4), "valid") == 4)
    return loud[0] * STEP / SAMPLE_RATE, (loud[-1] + 4) * STEP / SAMPLE_RATE


def read_letters(recognizer: Recognizer, path: Path) -> list[Word]:
    """Returns the words with the frames of their letters as times."""
    pieces = [piece for piece in cut_recording(path) if piece.spoken]
    read = [recognizer.read(recognizer.listener.compute_log_probs(piece.signal), piece.start) for piece in pieces]
    return [word for words in read for word in words]


def print_errors(name: str, references: Sequence[str], hypotheses: Sequence[str]) -> None:
    """Prints the word error rate."""
    counts = sum((one.counts for one in align_words(references, hypotheses)), ErrorCounts())
    print(f"{name}: {format_rate('WER', counts)}")


def print_times(name: str, phrases: Sequence[Phrase], words: Sequence[Word]) -> None:
    """Prints how far off the outer edges of phrases are whose outer word is right."""
    starts, ends = [], []
    for phrase in phrases:
        near = [word for word in words if phrase.start - 0.4 < (word.start + word.end) / 2 < phrase.end + 0.4]
        said = phrase.text.split()
        if near and near[0].text == said[0]:
            starts.append(near[0].start - phrase.start)
        if near and near[-1].text == said[-1]:
            ends.append(near[-1].end - phrase.end)
    print(name)
    for edge, differences in (("starts", starts), ("ends", ends)):
        off = 1000 * np.abs(differences)
        print(
            f"  {len(off)} {edge}: median {np.median(off):.0f} ms, 90 % within {np.quantile(off, 0.9):.0f},"
            f" greatest {off.max():.0f}, {(off > 200).sum()} over 200"
        )


if __name__ == "__main__":
    main()
