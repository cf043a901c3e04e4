from dataclasses import replace
from pathlib import Path

import pytest

from speechrnn.cli import run
from speechrnn.config import NetworkConfig
from speechrnn.counts import ErrorCounts
from speechrnn.errors import CorpusError, OutputError
from speechrnn.explain.ladder import RUNGS, Attempt, Ladder, climb, list_rows
from speechrnn.modelinfo import MODEL_FILE
from speechrnn.network import AcousticNetwork
from speechrnn.settings import dump_toml
from tests.train.conftest import data, tiny  # noqa: F401


def test_each_rung_is_trained_once_by_the_same_recipe_and_then_found(data: Path, tmp_path: Path) -> None:  # noqa: F811
    recipe, out = tiny(epochs=1), tmp_path / "ladder"
    first = climb(data, recipe, out, seeds=2)
    assert [(one.rung, one.seed) for one in first.attempts] == [(rung, seed) for seed in (0, 1) for rung in RUNGS]
    for rung, change in RUNGS.items():
        network = replace(recipe.network, **change)  # type: ignore[arg-type]
        assert first.of(rung)[0].parameters == AcousticNetwork(network, 20, 29).count_parameters()
    files = {path: path.stat().st_mtime_ns for path in out.glob(f"*/{MODEL_FILE}")}
    assert len(files) == 8
    assert climb(data, recipe, out, seeds=2) == first
    assert {path: path.stat().st_mtime_ns for path in out.glob(f"*/{MODEL_FILE}")} == files
    with pytest.raises(OutputError, match="another recipe; --force"):
        climb(data, tiny(epochs=2), out, seeds=1)


def test_rates_are_means_over_seeds_with_their_range() -> None:
    def attempt(rung: str, seed: int, errors: int) -> Attempt:
        counts = ErrorCounts(hits=10 - errors, substitutions=errors)
        return Attempt(rung, seed, counts, 91_000, 10.0 + 2 * seed, f"heard {seed}")

    attempts = [attempt(rung, seed, 2 * seed + 1) for seed in (0, 1) for rung in RUNGS]
    rows = list(list_rows(Ladder("id", "said", attempts)))
    assert rows[0] == ["perceptron", "0.09 M", "20.00", "10.00–30.00", "11", "heard 0"]
    assert [row[0] for row in rows] == list(RUNGS)


def test_one_rung_takes_one_step_more_than_the_one_before() -> None:
    rungs = [replace(NetworkConfig(), **change) for change in RUNGS.values()]  # type: ignore[arg-type]
    assert [rung.kind for rung in rungs] == ["mlp", "rnn", "lstm", "lstm"]
    assert [rung.bidirectional for rung in rungs] == [False, False, False, True]


def test_an_unknown_utterance_is_named(data: Path, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(CorpusError, match="no test utterance 'none'"):
        climb(data, tiny(), tmp_path / "ladder", seeds=1, utterance="none")


def test_the_ladder_prints_a_table_and_draws(
    data: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "tiny.toml").write_text(dump_toml(tiny(epochs=1)))
    options = ["--recipe", str(tmp_path / "tiny.toml"), "--seeds", "1", "--out", str(tmp_path / "ladder")]
    assert run(["explain", "ladder", "--data", str(data), *options]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["network", *RUNGS]
    assert (tmp_path / "ladder" / "ladder.png").read_bytes().startswith(b"\x89PNG")
