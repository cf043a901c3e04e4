"""Kills a command at twenty random moments and compares what it leaves with an unbroken run's, byte by byte.

python recipes/scale/kill.py 'speechrnn prepare LAYOUT CORPUS --out OUT'
python recipes/scale/kill.py 'speechrnn train DATA --recipe NAME --resume --out OUT' --files model.safetensors

OUT stands for a folder that is made and removed. Options: [--kills 20] [--seed 0] [--files NAME...] (all).
"""

import argparse
import filecmp
import random
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

START = 2.5
"""Seconds until a command has read its input and begins with the work."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", nargs="*")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        started = time.perf_counter()
        start(options.command, whole).wait()
        unbroken = time.perf_counter() - started
        moments = [rng.uniform(0, 2) * (START + (unbroken - START) / options.kills) for _ in range(options.kills)]
        finished = 0
        for moment in moments:
            process = start(options.command, killed)
            time.sleep(moment)
            finished += process.poll() is not None
            process.kill()
            process.wait()
        status = start(options.command, killed).wait()
        names = options.files or sorted({path.name for one in (whole, killed) for path in one.iterdir()})
        same, different, missing = filecmp.cmpfiles(whole, killed, names, shallow=False)
    print(f"unbroken: {unbroken:.1f} s; killed after {', '.join(f'{moment:.1f}' for moment in moments)} s", end="")
    print(f"; {finished} of these found it finished" if finished else "")
    if status:
        print(f"FAILED: the last run ended with {status}")
    elif different or missing:
        print(f"DIFFERENT: {', '.join(different + missing)}")
    else:
        print(f"byte-identical: {', '.join(same)}")


def start(command: str, out: Path) -> "subprocess.Popen[bytes]":
    """Starts the command with OUT filled in."""
    words = [str(out) if word == "OUT" else word for word in shlex.split(command)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
