"""Time and peak memory of `speechrnn prepare` from five minutes to a hundred hours.

    python recipes/scale/measure.py CORPUS [--hours 0.083,1,10,100] [--to wav]

CORPUS is a folder in LibriSpeech's layout. An hour of it is copied as FLAC (or WAV), and repeated by reference: the
manifest names each recording as often as it takes, under another id. Each size is prepared by a process of its own.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import soundfile

from speechrnn.audio import SAMPLE_RATE, read_signal
from speechrnn.prepare.corpora.librispeech import read_librispeech

HOUR = 3600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--hours", default="0.0833,1,10,100")
    parser.add_argument("--to", choices=("flac", "wav"), default="flac")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    options = parser.parse_args()
    print("| hours | utterances | seconds | × real time | peak MB | MB on disk |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        lines = copy_an_hour(options.corpus, Path(folder), options.to)
        for hours in map(float, options.hours.split(",")):
            print(measure(Path(folder), lines, hours, options.settings), flush=True)


def copy_an_hour(corpus: Path, folder: Path, ending: str) -> list[dict[str, object]]:
    """Writes an hour of a corpus into a folder and returns its manifest's lines."""
    lines, seconds = [], 0.0
    for utterances in read_librispeech(corpus).values():
        for one in utterances:
            if seconds < HOUR:
                signal = read_signal(Path(one.audio_filepath))
                path = folder / f"{one.id}.{ending}"
                soundfile.write(path, signal, SAMPLE_RATE)
                duration = len(signal) / SAMPLE_RATE
                lines.append(
                    {"audio_filepath": str(path), "text": one.text, "duration": duration, "speaker": one.speaker}
                )
                seconds += duration
    return lines


def measure(folder: Path, lines: list[dict[str, object]], hours: float, settings: list[str]) -> str:
    """Prepares so many hours and returns the table's line."""
    seconds, count = 0.0, 0
    with (folder / "train.jsonl").open("w") as manifest:
        while seconds < hours * HOUR:
            line = lines[count % len(lines)]
            manifest.write(json.dumps(line | {"id": f"utterance-{count}"}) + "\n")
            seconds += float(str(line["duration"]))
            count += 1
    out = folder / "out"
    command = [sys.executable, "-m", "speechrnn", "prepare", "nemo", str(folder / "train.jsonl"), "--out", str(out)]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--split", "train", *(word for one in settings for word in ("--set", one))],
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = resource_of(process)
    taken = time.perf_counter() - started
    assert status == 0
    disk = sum(path.stat().st_size for path in out.iterdir())
    shutil.rmtree(out)
    peak = usage.ru_maxrss / 1024
    return f"| {seconds / HOUR:.2f} | {count} | {taken:.1f} | {seconds / taken:.0f} | {peak:.0f} | {disk / 1e6:.0f} |"


def resource_of(process: "subprocess.Popen[bytes]") -> tuple[int, int, resource.struct_rusage]:
    """Waits for a process and returns its id, its exit status and what it used."""
    return os.wait4(process.pid, 0)


if __name__ == "__main__":
    main()
