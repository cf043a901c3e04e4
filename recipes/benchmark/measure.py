"""Speed, side by side in one run: features, a training step, an epoch, decoding, transcribing.

    python recipes/benchmark/measure.py DATA AUDIO [--network 3x256 --network 4x320] [--threads N] [--device cuda]
        [--lm FILE] [--model RUN --onnx FILE]

DATA is a prepared corpus, AUDIO a recording. What is compared takes turns, so that whatever else the machine does hits
both sides alike; the best of several rounds counts.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from baselines import compute_librosa_mfcc, compute_torchaudio_mfcc
from timing import take_turns
from training import compare_steps, measure_epoch

from speechrnn import load_model
from speechrnn.audio import SAMPLE_RATE, read_signal
from speechrnn.config import FeatureConfig
from speechrnn.ctc import decode_greedy
from speechrnn.features import compute_mfcc
from speechrnn.hardware import count_cores, use_threads
from speechrnn.text import alphabet_of
from speechrnn.transcribe.beam import BeamDecoder
from speechrnn.transcribe.lm.files import load_lm

PRODUCTS = 20
"""Of matrices, in one timing: a GPU is asked for one long before it has made the last."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--network", action="append")
    parser.add_argument("--threads", type=int, default=count_cores())
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--lm", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--onnx", type=Path)
    options = parser.parse_args()
    with use_threads(options.threads):
        peak = measure_peak(options.device)
        print(
            f"{options.threads} threads, {options.device}: {peak:.0f} GFLOP/s in products of two 1024 x 1024 matrices"
        )
        compare_features(options.audio)
        for size in options.network or ("3x256", "4x320"):
            layers, units = map(int, size.split("x"))
            compare_steps(options.data, layers, units, peak, options.device)
            measure_epoch(options.data, layers, units, options.device)
    compare_decoders(options.lm)
    compare_transcribing(options.audio, [path for path in (options.model, options.onnx) if path])


def measure_peak(device: torch.device) -> float:
    """Returns how fast large matrices are multiplied there, in 10⁹ operations a second."""
    one, other = torch.randn(2, 1024, 1024, device=device)

    def multiply() -> None:
        for _ in range(PRODUCTS):
            one @ other
        if device.type == "cuda":
            torch.cuda.synchronize()

    return PRODUCTS * 2 * 1024**3 / take_turns({"product": multiply})["product"] / 1e9


def compare_features(audio: Path) -> None:
    """Prints the speed of MFCC: ours, torchaudio's transform made anew for each recording, and librosa's."""
    signal, config = read_signal(audio), FeatureConfig()
    seconds = take_turns(
        {
            "ours": lambda: compute_mfcc(signal, config),
            "torchaudio": lambda: compute_torchaudio_mfcc(signal, config),
            "librosa": lambda: compute_librosa_mfcc(signal, config),
        }
    )
    print(f"MFCC of {len(signal) / SAMPLE_RATE:.0f} s")
    for name, taken in seconds.items():
        speed = len(signal) / SAMPLE_RATE / taken
        print(f"  {name:11}{speed:7.0f} × real time, ours is {taken / seconds['ours']:.2f} times as fast")


def compare_decoders(lm: Path | None) -> None:
    """Prints how many frames a second are decoded, on one core, of log_probs drawn at random."""
    alphabet, rng = alphabet_of("en"), np.random.default_rng(0)
    scores = rng.normal(0, 2, (2000, alphabet.classes))
    scores[:, 0] += 6
    log_probs = (scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)).astype(np.float32)
    beam = BeamDecoder(alphabet)
    decoders: dict[str, Callable[[], object]] = {
        "greedy": lambda: decode_greedy(log_probs),
        "beam 50": lambda: beam.decode(log_probs),
    }
    if lm:
        with_lm = BeamDecoder(alphabet, lm=load_lm(lm))
        decoders["beam 50, language model"] = lambda: with_lm.decode(log_probs)
    print("decoding, frames a second")
    for name, taken in take_turns(decoders).items():
        print(f"  {name:25}{len(log_probs) / taken:12,.0f}")


def compare_transcribing(audio: Path, models: list[Path]) -> None:
    """Prints how long a recording takes: a process that is started for it, and a recogniser that is there already."""
    for path in models:
        command = [sys.executable, "-m", "speechrnn", "transcribe", str(audio), "--model", str(path)]
        recognizer = load_model(path)
        seconds = take_turns(
            {
                "cold": lambda command=command: subprocess.run(command, check=True, capture_output=True),
                "warm": lambda recognizer=recognizer: recognizer.transcribe(audio),
            }
        )
        print(f"transcribing {audio.name} with {path.name}: {seconds['cold']:.2f} s cold, {seconds['warm']:.3f} s warm")


if __name__ == "__main__":
    main()
