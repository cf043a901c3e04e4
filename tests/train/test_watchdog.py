from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import pytest
import torch

from speechrnn.config import AugmentConfig, OptimizerConfig
from speechrnn.counts import ErrorCounts
from speechrnn.errors import TrainingError
from speechrnn.train.log import EpochRecord
from speechrnn.train.run import train_model
from speechrnn.train.watchdog import Watchdog, find_troubles
from tests.train.conftest import TINY, tiny

WORDS = ErrorCounts(hits=5, substitutions=5)


def record(epoch: int, loss: float, errors: int = 5, characters: ErrorCounts = WORDS) -> EpochRecord:
    words = ErrorCounts(hits=100 - errors, substitutions=errors)
    return EpochRecord(epoch, epoch, loss, loss, words, characters, 0.1, 1.0, 1.0, False)


def test_an_ordinary_run_is_left_in_peace() -> None:
    losses = (3.0, 2.5, 2.0, 1.8, 1.7, 1.6)
    records = [record(epoch, loss, 90 - epoch) for epoch, loss in enumerate(losses, 1)]
    assert all(not find_troubles(records[:count]) for count in range(1, 7))


def test_nothing_but_blanks_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    watchdog = Watchdog([])
    watchdog.see_epoch(record(1, 3.0, characters=ErrorCounts(deletions=40)))
    assert "epoch 1: nothing but blanks on dev" in capsys.readouterr().err
    watchdog.see_epoch(record(2, 2.9, characters=ErrorCounts(deletions=40)))
    assert capsys.readouterr().err == ""  # said once
    watchdog.see_epoch(record(3, 2.0))
    watchdog.see_epoch(record(4, 3.0, characters=ErrorCounts(deletions=40)))
    assert "epoch 4: nothing but blanks" in capsys.readouterr().err  # and again where it comes back


def test_a_loss_that_does_not_move_is_named() -> None:
    still = [record(1, 2.881), record(2, 2.882), record(3, 2.88)]
    assert "stayed at 2.880 for 3 epochs" in find_troubles(still)["still"]
    assert "still" not in find_troubles([*still[:2], record(3, 2.8)])
    annealed = [replace(one, learning_rate=0.001) for one in still]
    assert "still" not in find_troubles([record(0, 3.0), *annealed])  # the schedule has come to its end


def test_learning_by_heart_is_named() -> None:
    records = [record(epoch, 2.0 - epoch / 10, 50 + epoch) for epoch in range(1, 5)]
    assert "word errors rise for 3 epochs while the training loss falls" in find_troubles(records)["overfitting"]
    assert "overfitting" not in find_troubles(records[:3])
    assert "overfitting" not in find_troubles([*records[:3], record(4, 2.5, 54)])


def test_an_exploding_gradient_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    watchdog = Watchdog([])
    for step in range(60):
        watchdog.see_gradient(1.0 + step % 3, step, ["a"])
    assert capsys.readouterr().err == ""
    watchdog.see_gradient(900.0, 60, ["anna-1", "anna-2"])
    error = capsys.readouterr().err
    assert "step 60: the gradient's norm is 900, usual is 2" in error
    assert "anna-1, anna-2" in error
    watchdog.see_gradient(950.0, 61, ["anna-3"])
    assert capsys.readouterr().err == ""
    watchdog.see_gradient(2000.0, 62, ["anna-4"])
    assert "step 62: the gradient's norm is 2000" in capsys.readouterr().err


def test_every_step_of_a_run_is_looked_at(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    norms = chain(repeat(2.0, 55), [900.0], repeat(2.0))
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, limit: torch.tensor(next(norms)))
    train_model(data, tiny(epochs=30), tmp_path / "run")
    assert "step 56: the gradient's norm is 900, usual is 2" in " ".join(capsys.readouterr().err.split())


def test_a_run_that_blows_up_says_where_and_keeps_what_was_good(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms = iter([1.0, 1.0, float("inf")])
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda parameters, limit: torch.tensor(next(norms)))
    with pytest.raises(TrainingError, match=r"the gradient is not a number at step 3, in .*; look at these"):
        train_model(data, tiny(), tmp_path / "run")


def test_a_learning_rate_that_is_far_too_low_is_noticed(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = replace(TINY, augment=AugmentConfig(), network=replace(TINY.network, dropout=0.0))
    recipe = replace(plain, training=tiny(epochs=4).training, optimizer=OptimizerConfig(learning_rate=1e-9))
    train_model(data, recipe, tmp_path / "run")
    assert "the loss has stayed at" in " ".join(capsys.readouterr().err.split())
