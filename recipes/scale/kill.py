"""Kills `speechrnn prepare` at twenty random moments and compares the result with an unbroken one, byte by byte.

python recipes/scale/kill.py LAYOUT CORPUS [--kills 20] [--seed 0]
"""

import argparse
import filecmp
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START = 2.5
"""Seconds until a preparation has read the corpus and begins with its recordings."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layout")
    parser.add_argument("corpus")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        started = time.perf_counter()
        prepare(options.layout, options.corpus, whole).wait()
        unbroken = time.perf_counter() - started
        done = []
        for _ in range(options.kills):
            process = prepare(options.layout, options.corpus, killed)
            time.sleep(rng.uniform(0, 2) * (START + (unbroken - START) / options.kills))
            process.kill()
            process.wait()
            done.append(count_done(killed))
        status = prepare(options.layout, options.corpus, killed).wait()
        names = sorted(path.name for path in whole.iterdir())
        same = names == sorted(path.name for path in killed.iterdir())
        _, different, missing = filecmp.cmpfiles(whole, killed, names, shallow=False)
    print(f"unbroken: {unbroken:.1f} s; utterances done after each kill: {', '.join(map(str, done))}")
    print("byte-identical" if status == 0 and same and not different and not missing else f"DIFFERENT: {different}")


def prepare(layout: str, corpus: str, out: Path) -> "subprocess.Popen[bytes]":
    """Starts a preparation."""
    command = [sys.executable, "-m", "speechrnn", "prepare", layout, corpus, "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def count_done(out: Path) -> int:
    """Returns how many utterances stand in the journals, or in the manifests once all is in place."""
    partial = out.with_name(f"{out.name}.partial")
    journals = list(partial.glob("*.journal.jsonl")) or list(out.glob("*.jsonl"))
    return sum(path.read_bytes().count(b"\n") for path in journals)


if __name__ == "__main__":
    main()
