import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from speechrnn.config import FeatureConfig, NetworkConfig, Recipe
from speechrnn.modelfile import Model, build_network, load_model, save_model
from speechrnn.modelinfo import MODEL_FILE, ModelInfo, Provenance
from speechrnn.text import alphabet_of

SCRIPT = Path(__file__).parents[2] / "recipes" / "digits" / "average.py"


def save_run(out: Path, value: float, units: int = 4) -> Path:
    """Writes a run's model whose weights are all that value."""
    recipe = replace(Recipe(), network=NetworkConfig(layers=1, units=units))
    info = ModelInfo(recipe, FeatureConfig(), alphabet_of("en"), "en", Provenance("fsdd", epoch=3))
    network = build_network(info.recipe, info.features, info.alphabet)
    for weight in network.parameters():
        torch.nn.init.constant_(weight, value)
    out.mkdir()
    save_model(Model(info, network, None), out / MODEL_FILE)
    return out


def average(*folders: Path) -> str:
    """Runs the script and returns what it complains of."""
    command = [sys.executable, str(SCRIPT), *map(str, folders)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_weights_are_averaged_and_no_epoch_or_score_is_claimed(tmp_path: Path) -> None:
    runs = [save_run(tmp_path / f"{value}", value) for value in (1.0, 2.0, 6.0)]
    for _ in range(2):  # one that is there is made again
        assert average(*runs, tmp_path / "out") == ""
    model = load_model(tmp_path / "out")
    assert all((weight == 3.0).all() for weight in model.network.parameters())
    assert (model.info.provenance.epoch, model.info.provenance.scores) == (0, {})
    assert model.info.provenance.corpus == "fsdd, the average of 3 runs"


def test_what_cannot_be_averaged_is_refused_in_a_line(tmp_path: Path) -> None:
    one, other = save_run(tmp_path / "one", 1.0), save_run(tmp_path / "other", 1.0, units=8)
    assert average(one, other, tmp_path / "out") == (
        "average.py: name runs of one network on the same features, letters and phones\n"
    )
    assert average(one, tmp_path / "out") == "average.py: expected two runs or more, and OUT\n"
    (one / "log.jsonl").touch()
    assert "holds other files" in average(one, one, one)
    assert not (tmp_path / "out").exists()
