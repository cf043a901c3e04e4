from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.cli import run
from speechrnn.explain.gates import correlate, find_sounds, hear_gates
from speechrnn.network import RecurrentLayer
from tests.explain.conftest import make_listener


@pytest.mark.parametrize("number", [1, 2])
def test_gates_and_memory_make_the_layers_output(number: int, hello_world: Signal) -> None:
    """h = o ∘ tanh(c), forward and backward side by side, normalised, is what our network's layer says."""
    listener = make_listener()
    features = torch.from_numpy(listener.compute_input(hello_world))[None]
    layer = listener.model.network.layers[number - 1]
    assert isinstance(layer, RecurrentLayer)
    said: list[torch.Tensor] = []
    layer.register_forward_hook(lambda *given: said.append(given[2]))
    with torch.no_grad():
        listener.model.network(features, torch.tensor([features.shape[1]]))
        outputs = []
        for backward in (False, True):
            gates = hear_gates(listener, hello_world, number, backward)
            outputs.append(gates["output gate"] * np.tanh(gates["memory"]))
        expected = layer.norm(torch.from_numpy(np.concatenate(outputs, axis=1)).float())
    torch.testing.assert_close(said[0][:, 0], expected, atol=1e-5, rtol=1e-5)


def test_memory_is_what_is_kept_and_what_is_learned(hello_world: Signal) -> None:
    gates = hear_gates(make_listener(), hello_world, 1, backward=False)
    change = gates["memory"][1:] - gates["forget gate"][1:] * gates["memory"][:-1]
    assert (np.abs(change) <= gates["input gate"][1:] + 1e-12).all()  # c_t - f_t c_{t-1} = i_t g_t, and |g_t| <= 1


def test_a_unit_that_follows_a_sound_is_found_and_one_is_named_where_chance_would_do() -> None:
    rng = np.random.default_rng(0)
    present = np.repeat(rng.random(40) < 0.4, 8)  # sounds last a while, and so do memories
    rows = np.repeat(rng.normal(size=(80, 30)), 4, axis=0)
    rows[:, 7] = -2.0 * present + rng.normal(0, 0.1, len(present))
    found = correlate("memory", rows, "vowels", present)
    assert found.best == 7
    assert found.correlations[7] == pytest.approx(np.corrcoef(rows[:, 7], present)[0, 1])
    assert found.correlations[7] < -0.9
    assert found.count == 1


def test_units_that_know_nothing_of_a_sound_exceed_chance_once_in_twenty() -> None:
    exceeded = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        present = np.repeat(rng.random(30) < 0.5, 5)
        rows = np.cumsum(rng.normal(size=(150, 10)), axis=0)
        exceeded += correlate("memory", rows, "pauses", present).count > 0
    assert 1 <= exceeded <= 15


def test_a_unit_that_never_moves_follows_nothing() -> None:
    present = np.arange(20) % 3 == 0
    assert correlate("memory", np.ones((20, 2)), "pauses", present).correlations.tolist() == [0, 0]


def test_silence_around_a_voice_is_pause_and_no_vowel(hello_world: Signal) -> None:
    silence = np.zeros(SAMPLE_RATE // 2, dtype=np.float32)
    sounds = find_sounds(make_listener(), np.concatenate([silence, hello_world, silence]))
    assert sounds["pauses"][:16].all()
    assert sounds["pauses"][-15:].all()
    middle = sounds["pauses"][17:-17]
    assert middle.mean() < 0.5
    assert not (sounds["vowels"] & sounds["pauses"]).any()
    assert sounds["vowels"].any()


def test_gates_are_drawn_and_listed(
    save_listener: Callable[..., str], recording: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["explain", "gates", save_listener(), recording, "--out", str(tmp_path / "gates.png"), "--layer", "2"]
    assert run([*arguments, "--backward", "--start", "0.2", "--seconds", "0.5"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {line[0] for line in lines[1:]} == {"forget gate", "input gate", "memory", "output gate"}
    assert (tmp_path / "gates.png").read_bytes().startswith(b"\x89PNG")
    assert run(arguments) == 1
    assert "exists; --force" in capsys.readouterr().err
