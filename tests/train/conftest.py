from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from speechrnn.config import (
    AugmentConfig,
    NetworkConfig,
    OptimizerConfig,
    Recipe,
    TrainingConfig,
)
from tests.conftest import prepare

TINY = Recipe(
    network=NetworkConfig(layers=1, units=12, dropout=0.2),
    augment=AugmentConfig(tempo=0.1, vocal_tract=0.1, frequency_masks=1, time_masks_per_second=1.0),
    optimizer=OptimizerConfig(learning_rate=0.02, average=0.9),
    training=TrainingConfig(epochs=3, batch_seconds=3.0, precision="float32", threads=1),
)
"""Small enough for a test, with all that chance can touch."""


@pytest.fixture
def data(tmp_path: Path, make_corpus: Callable[..., Path]) -> Path:
    """A prepared corpus of five voices and three words."""
    prepare("tsv", make_corpus(voices=5), tmp_path / "data")
    return tmp_path / "data"


def tiny(**training: int | float | str) -> Recipe:
    return replace(TINY, training=replace(TINY.training, **training))  # type: ignore[arg-type]
