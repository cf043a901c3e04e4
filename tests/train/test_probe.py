import pytest
import torch

from speechrnn.batches import Batch, Example, collate
from speechrnn.config import NetworkConfig
from speechrnn.errors import TrainingError
from speechrnn.network import AcousticNetwork
from speechrnn.train import probe
from speechrnn.train.objective import Objective
from speechrnn.train.probe import (
    can_train_in_bfloat16,
    confirm_precision,
    measure_bfloat16,
    settle_precision,
    settle_threads,
)


@pytest.fixture
def objective() -> Objective:
    torch.manual_seed(0)
    return Objective(AcousticNetwork(NetworkConfig(layers=2, units=8, dropout=0.5), 4, 5), 0.3)


@pytest.fixture
def batch() -> Batch:
    return collate([Example(str(length), torch.randn(length, 4).numpy(), [1, 2]) for length in (20, 30)])


@pytest.mark.parametrize(
    ("able", "ratio", "chosen"), [(True, 1.4, "bfloat16"), (True, 0.7, "float32"), (False, 9.0, "float32")]
)
def test_auto_takes_bfloat16_where_a_step_runs_and_is_faster(
    objective: Objective, batch: Batch, monkeypatch: pytest.MonkeyPatch, able: bool, ratio: float, chosen: str
) -> None:
    monkeypatch.setattr(probe, "can_train_in_bfloat16", lambda *_: able)
    monkeypatch.setattr(probe, "measure_bfloat16", lambda *_: ratio)
    assert settle_precision("auto", objective, batch) == chosen


def test_a_machine_without_bfloat16_refuses_it_and_resumes_in_float32(
    objective: Objective, batch: Batch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probe, "can_train_in_bfloat16", lambda *_: False)
    with pytest.raises(TrainingError, match="cannot train in bfloat16; choose float32 or auto"):
        settle_precision("bfloat16", objective, batch)
    assert confirm_precision("bfloat16", objective, batch) == "float32"
    assert "it goes on in float32" in capsys.readouterr().err


def test_what_the_processor_refuses_is_found_out(
    objective: Objective, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> float:
        raise RuntimeError("could not create a primitive descriptor for the LSTM forward propagation primitive")

    monkeypatch.setattr(probe, "take_trial_step", refuse)
    assert not can_train_in_bfloat16(objective, batch)


def test_a_trial_changes_neither_weights_nor_chance(objective: Objective, batch: Batch) -> None:
    before = [parameter.clone() for parameter in objective.parameters()]
    chance = torch.get_rng_state()
    if can_train_in_bfloat16(objective, batch):
        assert measure_bfloat16(objective, batch) > 0
    assert torch.equal(torch.get_rng_state(), chance)
    for parameter, earlier in zip(objective.parameters(), before, strict=True):
        assert torch.equal(parameter, earlier)
        assert parameter.grad is None


@pytest.mark.parametrize(("best", "most"), [(1, 6), (4, 6), (6, 6), (1, 1)])
def test_as_many_threads_are_taken_as_make_a_step_fastest(
    objective: Objective, batch: Batch, monkeypatch: pytest.MonkeyPatch, best: int, most: int
) -> None:
    monkeypatch.setattr(probe, "_time_steps", lambda *_: [1.0 + abs(torch.get_num_threads() - best)])
    before = torch.get_num_threads()
    assert settle_threads(0, most, objective, batch) == best
    assert settle_threads(3, most, objective, batch) == 3
    assert torch.get_num_threads() == before
