"""NIST's sclite and sc_stats on the same pairs: run where they are installed, else on record (sctk 2.4.10)."""

import math
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from speechrnn.score.exports import write_sides
from speechrnn.score.scoring import Score, score_transcripts
from speechrnn.score.significance import compare_matched_pairs, cut_segments

RECORDED = (300, 3740, 720, 244)
"""Utterances, reference words, errors and utterances with one, of sclite's summary of 300 garbled sentences."""


RECORDED_TEST = (104, 0.356, 1.261, 2.877)
"""Segments, mean difference, its deviation and the Z statistic of sc_stats between two recognisers of 60 sentences."""


def garble(words: Sequence[str], vocabulary: Sequence[str], right: int, rng: random.Random) -> str:
    """Returns words of which so many in a hundred are as they were, and errors of every kind among the others."""
    wrong = 100 - right
    weights = (right, 0.3 * wrong, 0.45 * wrong, 0.25 * wrong)
    heard: list[str] = []
    for word in words:
        other = rng.choice(vocabulary)
        (chosen,) = rng.choices([[word], [], [other], [other, word]], weights)
        heard += chosen
    return " ".join(heard)


def make_score() -> Score:
    rng = random.Random(0)
    vocabulary = [f"w{number}" for number in range(40)]
    references, hypotheses = {}, {}
    for number in range(300):
        words = rng.choices(vocabulary, k=rng.randrange(1, 25))
        id = f"spk{number % 7}-{number:03}"
        references[id], hypotheses[id] = " ".join(words), garble(words, vocabulary, 80, rng)
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


def make_rivals() -> tuple[Score, Score]:
    """Returns two recognisers' scores; words hardly ever come twice, so that there is one best alignment."""
    rng = random.Random(1)
    vocabulary = [f"w{number}" for number in range(10_000)]
    references = {f"spk-{number:02}": rng.choices(vocabulary, k=rng.randrange(4, 16)) for number in range(60)}
    texts = {id: " ".join(words) for id, words in references.items()}
    first, second = (
        score_transcripts(texts, {id: garble(words, vocabulary, right, rng) for id, words in references.items()})
        for right in (80, 86)
    )
    return first, second


def run_sc_stats(folder: Path) -> tuple[int, float, float, float]:
    for name in ("first", "second"):
        files = ["-r", f"{name}/ref.trn", "trn", "-h", f"{name}/hyp.trn", "trn", name]
        subprocess.run(
            ["sctk", "sclite", *files, "-i", "rm", "-o", "sgml"], cwd=folder, check=True, capture_output=True
        )
    aligned = b"".join((folder / name / "hyp.trn.sgml").read_bytes() for name in ("first", "second"))
    command = ["sctk", "sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "result"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, input=aligned)
    report = (folder / "result.stats.mapsswe").read_text(errors="replace")
    found = re.search(r"# segs: (\d+)\).*mean: ([-\d.]+)\) \(std dev: ([\d.]+)\) \(Z Stat: ([-\d.]+)\)", report)
    assert found
    return int(found[1]), float(found[2]), float(found[3]), float(found[4])


def test_the_matched_pairs_test_is_that_of_sc_stats(tmp_path: Path) -> None:
    scores = make_rivals()
    for name, score in zip(("first", "second"), scores, strict=True):
        (tmp_path / name).mkdir()
        write_sides(score, tmp_path / name, "trn")
    segments, mean, deviation, statistic = run_sc_stats(tmp_path) if shutil.which("sctk") else RECORDED_TEST
    assert (segments, mean, deviation, statistic) == RECORDED_TEST
    alignments = ([one.alignment for one in score.utterances] for score in scores)
    pairs = [pair for one, other in zip(*alignments, strict=True) for pair in cut_segments(one, other)]
    differences = [one - other for one, other in pairs]
    assert len(pairs) == segments
    assert np.mean(differences) == pytest.approx(mean, abs=5e-4)
    assert np.std(differences, ddof=1) == pytest.approx(deviation, abs=5e-4)
    assert compare_matched_pairs(differences) == pytest.approx(math.erfc(statistic / math.sqrt(2)), rel=0.01)
