from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.config import FeatureConfig, NetworkConfig, Recipe
from speechrnn.modelfile import Model, build_network, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.text import alphabet_of
from speechrnn.transcribe.torch_listener import TorchListener

SMALL = NetworkConfig(layers=2, units=12, dropout=0.0)


def make_listener(kind: str = "lstm", bidirectional: bool = True, sharpness: float = 20.0) -> TorchListener:
    """A network with fresh weights, its outputs scaled so that it says something."""
    network = replace(SMALL, kind=kind, bidirectional=bidirectional)  # type: ignore[arg-type]
    info = ModelInfo(Recipe(network=network), FeatureConfig(), alphabet_of("en"), "en")
    torch.manual_seed(0)
    built = build_network(info.recipe, info.features, info.alphabet).eval()
    built.output.weight.data *= sharpness
    return TorchListener(Model(info, built, None))


@pytest.fixture
def save_listener(tmp_path: Path) -> Callable[..., str]:
    """Saves such a network and returns its path."""

    def save(kind: str = "lstm", bidirectional: bool = True) -> str:
        path = tmp_path / f"{kind}{bidirectional}.safetensors"
        save_model(make_listener(kind, bidirectional).model, path)
        return str(path)

    return save


@pytest.fixture
def recording(tmp_path: Path, hello_world: Signal) -> str:
    """The path of a voice that says "hello world"."""
    soundfile.write(tmp_path / "my.wav", hello_world, SAMPLE_RATE)
    return str(tmp_path / "my.wav")
