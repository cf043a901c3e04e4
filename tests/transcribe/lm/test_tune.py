import numpy as np
import pytest

from speechrnn.config import BeamConfig, FeatureConfig, NetworkConfig, Recipe
from speechrnn.modelfile import Model, build_network
from speechrnn.modelinfo import ModelInfo
from speechrnn.text import alphabet_of
from speechrnn.transcribe.beam import BeamDecoder
from speechrnn.transcribe.lm.tune import DevSet
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.torch_listener import TorchListener

ALPHABET = alphabet_of("en")


def test_the_temperature_makes_confidences_promise_what_they_keep() -> None:
    """Each word is heard with a probability of 0.5, and three of four are right."""
    info = ModelInfo(Recipe(network=NetworkConfig(layers=1, units=4)), FeatureConfig(), ALPHABET, "en")
    model = Model(info, build_network(info.recipe, info.features, info.alphabet), None)
    frame = np.full(ALPHABET.classes, 0.5 / (ALPHABET.classes - 1))
    frame[ALPHABET.encode("a")] = 0.5
    dev = DevSet(["a", "a", "a", "b"] * 5, [np.log(frame[None]).astype(np.float32)] * 20)
    decoder = BeamDecoder(ALPHABET, BeamConfig(temperature=1.0), words=["a"])
    temperature = dev.fit_temperature(Recognizer(TorchListener(model), "", decoder))
    assert temperature == pytest.approx(np.log(0.5) / np.log(0.75), rel=1e-3)
    fitted = Recognizer(TorchListener(model), "", decoder.reweighed(BeamConfig(temperature=temperature)))
    heard = {word.confidence for log_probs in dev.log_probs for word in fitted.read(log_probs)}
    assert heard == {0.75}
