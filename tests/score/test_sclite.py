"""NIST's sclite on the same pairs: run where it is installed, else on record (sctk 2.4.10)."""

import random
import shutil
import subprocess
from pathlib import Path

from speechrnn.score.exports import write_sides
from speechrnn.score.scoring import Score, score_transcripts

RECORDED = (300, 3576, 703, 240)
"""Utterances, reference words, errors and utterances with one, of sclite's summary of 300 garbled sentences."""


def make_score() -> Score:
    rng = random.Random(0)
    vocabulary = [f"w{number}" for number in range(40)]
    references, hypotheses = {}, {}
    for number in range(300):
        words = rng.choices(vocabulary, k=rng.randrange(1, 25))
        heard = []
        for word in words:
            heard += rng.choices([[word], [], [rng.choice(vocabulary)], [rng.choice(vocabulary), word]], (80, 6, 9, 5))[
                0
            ]
        id = f"spk{number % 7}-{number:03}"
        references[id], hypotheses[id] = " ".join(words), " ".join(heard)
    return score_transcripts(references, hypotheses)


def run_sclite(folder: Path) -> tuple[int, int, int, int]:
    command = ["sctk", "sclite", "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-i", "rm", "-o", "rsum", "stdout"]
    printed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    (line,) = [line for line in printed.splitlines() if "| Sum" in line]
    utterances, words, *_, errors, wrong = (int(cell) for cell in line.replace("|", " ").split()[1:])
    return utterances, words, errors, wrong


def test_errors_are_as_many_as_sclite_counts(tmp_path: Path) -> None:
    """The sums agree; which of them are substitutions does not always, since sclite weighs a substitution by 4/3."""
    score = make_score()
    write_sides(score, tmp_path, "trn")
    counted = run_sclite(tmp_path) if shutil.which("sctk") else RECORDED
    assert counted == RECORDED
    assert counted == (300, score.words.reference_length, score.words.errors, len(score.wrong_utterances))
