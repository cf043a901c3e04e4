"""A network that takes only so many frames at once stands for a machine with little memory."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from speechrnn.batches import plan_batches
from speechrnn.config import AugmentConfig
from speechrnn.errors import TrainingError
from speechrnn.modelinfo import MODEL_FILE
from speechrnn.network import AcousticNetwork
from speechrnn.prepare.prepared import read_prepared
from speechrnn.train.memory import _lengthen, _plan_largest
from speechrnn.train.run import train_model
from speechrnn.train.sources import open_sources
from tests.train.conftest import TINY, tiny


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Frames of each batch that was learned from; those of more than 200 fail, as torch fails on a GPU."""
    seen: list[int] = []
    run = AcousticNetwork.run

    def run_within_memory(self: AcousticNetwork, features: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        if not torch.is_grad_enabled():
            return run(self, features, lengths)
        seen.append(features.shape[0] * features.shape[1])
        if seen[-1] > 200:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return run(self, features, lengths)

    monkeypatch.setattr(AcousticNetwork, "run", run_within_memory)
    return seen


def test_a_batch_that_does_not_fit_is_answered_with_one_that_does(tmp_path: Path, data: Path, sizes: list[int]) -> None:
    with pytest.raises(TrainingError, match=r"out of memory with training.batch_seconds = 6; 1.5 fits") as error:
        train_model(data, tiny(batch_seconds=6.0), tmp_path / "run")
    assert "--set training.batch_seconds=1.5" in str(error.value)
    assert sizes[-1] <= 200 < sizes[-2]
    train_model(data, tiny(batch_seconds=1.5, epochs=1), tmp_path / "run")
    with pytest.raises(TrainingError, match="out of memory"):
        train_model(data, tiny(batch_seconds=6.0), tmp_path / "run", force=True)
    assert (tmp_path / "run" / MODEL_FILE).exists()


def test_an_utterance_that_does_not_fit_is_named(tmp_path: Path, data: Path, sizes: list[int]) -> None:
    slow = replace(TINY, augment=replace(TINY.augment, silence_ms=900.0))
    with pytest.raises(TrainingError, match=r"not even \S+ of \d.\d s fits alone; take it out, cut it, or"):
        train_model(data, slow, tmp_path / "run")


def test_the_largest_batch_is_tried_as_long_as_it_can_become(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    run = AcousticNetwork.run

    def watch(self: AcousticNetwork, features: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        seen.append(features.shape[0] * features.shape[1])
        return run(self, features, lengths)

    monkeypatch.setattr(AcousticNetwork, "run", watch)
    plain = replace(TINY, augment=replace(TINY.augment, tempo=0.0))
    train_model(data, plain, tmp_path / "plain")
    assert seen[0] == max(seen)
    seen.clear()
    train_model(data, replace(TINY, augment=replace(TINY.augment, tempo=0.4, silence_ms=300.0)), tmp_path / "run")
    assert seen[0] >= max(seen)


def test_no_augmentation_makes_an_utterance_longer_than_is_tried(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With chance at the end of its range that makes pauses longest and speech slowest."""
    recipe = replace(TINY, augment=AugmentConfig(tempo=0.4, silence_ms=1000.0))
    train, _ = open_sources(data, read_prepared(data), recipe)

    class Extreme(np.random.Generator):
        def uniform(self, low: float = 0.0, high: float = 1.0, size: object = None) -> float:  # type: ignore[override]
            return high if low == 0 else low

    monkeypatch.setattr(np.random, "default_rng", lambda _: Extreme(np.random.PCG64(0)))
    for index in range(len(train.store)):
        longest = len(train.vary(index, 0).features)
        tried = _lengthen(int(train.store.frames[index]), train)
        assert longest <= tried <= longest + 2


def test_pauses_can_make_a_batch_of_many_short_utterances_the_largest(data: Path) -> None:
    recipe = replace(TINY, augment=AugmentConfig(silence_ms=20_000.0), training=replace(TINY.training, batch_seconds=2))
    train, _ = open_sources(data, read_prepared(data), recipe)
    frames = train.store.frames
    plan = plan_batches(frames.tolist(), 200)
    sizes = [len(batch) * (int(frames[batch].max()) + 4000) for batch in plan]
    largest = _plan_largest(train, 2.0)
    assert len(largest) * (int(frames[largest].max()) + 4000) == pytest.approx(max(sizes), rel=0.01)
    assert len(largest) == max(map(len, plan))


def test_other_errors_stay_what_they_are(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(AcousticNetwork, "run", fail)
    with pytest.raises(RuntimeError, match="something else"):
        train_model(data, TINY, tmp_path / "run")
