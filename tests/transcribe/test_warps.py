"""A voice heard as several lengths of the vocal tract: the mean of what each makes of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch
from scipy.special import log_softmax

from speechrnn import load_model
from speechrnn.audio import Signal
from speechrnn.config import FeatureConfig, InputConfig, NetworkConfig, PrepareConfig, Recipe
from speechrnn.errors import ModelError
from speechrnn.features import compute_mfcc, normalize_features
from speechrnn.modelfile import Model, build_network, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.pronunciations import phones_of
from speechrnn.text import alphabet_of
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.listener import open_listener
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.speaker import know_speaker
from speechrnn.transcribe.streaming import explain_waiting
from speechrnn.transcribe.torch_listener import TorchListener
from tests.conftest import prepare
from tests.transcribe.test_speaker import export, make_recognizer, read


@pytest.fixture
def listener() -> TorchListener:
    made = make_recognizer(InputConfig()).listener
    assert isinstance(made, TorchListener)
    return made


def warp(mfcc: np.ndarray, factor: float) -> np.ndarray:
    """Returns MFCC whose mel channels are looked up at frequencies divided by a factor."""
    config = FeatureConfig()
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (config.low_hz, config.high_hz))
    mels = np.linspace(low, high, config.mels + 2)[1:-1]
    wanted = 2595 * np.log10(1 + (10 ** (mels / 2595) - 1) / factor)
    channels = scipy.fft.idct(mfcc, n=config.mels, norm="ortho")
    moved = np.asarray([np.interp(wanted, mels, frame) for frame in channels])
    return np.asarray(scipy.fft.dct(moved, norm="ortho")[:, : config.coefficients], dtype=np.float32)


def test_what_is_heard_is_the_mean_over_lengths_of_the_vocal_tract(
    listener: TorchListener, hello_world: Signal
) -> None:
    mfcc = compute_mfcc(hello_world, FeatureConfig())
    each = []
    for factor in (0.92, 1.0, 1.08):
        seen = torch.from_numpy(normalize_features(warp(mfcc, factor), None))
        with torch.no_grad():
            each.append(listener.model.network(seen[None], torch.tensor([len(seen)]))[0][0].numpy())
    assert np.abs(each[0] - each[2]).max() > 0.1  # else nothing is tried
    expected = log_softmax(np.mean(each, axis=0), axis=1)
    heard = replace(listener, warps=3).compute_log_probs(hello_world)
    np.testing.assert_allclose(heard, expected, atol=1e-3)


def test_phones_are_the_mean_too(hello_world: Signal) -> None:
    recipe = replace(Recipe(), network=NetworkConfig(layers=1, units=16))
    phones = phones_of("en")
    network = build_network(recipe, FeatureConfig(), alphabet_of("en"), phones).eval()
    info = ModelInfo(recipe, FeatureConfig(), alphabet_of("en"), "en", phones=phones)
    listener = TorchListener(Model(info, network, None), warps=2)
    mfcc, each = compute_mfcc(hello_world, FeatureConfig()), []
    for factor in (0.92, 1.08):
        seen = torch.from_numpy(normalize_features(warp(mfcc, factor), None))
        with torch.no_grad():
            each.append(network.read_phones(seen[None], torch.tensor([len(seen)]))[0][0].numpy())
    heard = listener.compute_log_probs(hello_world, phones=True)
    np.testing.assert_allclose(heard, log_softmax(np.mean(each, axis=0), axis=1), atol=1e-3)


def test_a_prepared_corpus_gives_what_its_recordings_give(
    tmp_path: Path, listener: TorchListener, make_corpus: Callable[..., Path]
) -> None:
    source, several = make_corpus(voices=2), replace(listener, warps=4)
    prepare("tsv", source, tmp_path / "data", PrepareConfig(split="test"))
    _, prepared = transcribe_split(tmp_path / "data", "test", several)
    _, plain = transcribe_split(tmp_path / "data", "test", listener)
    texts = read(Recognizer(several, "m"), sorted(source.glob("*.wav")))
    assert texts == {id: entry.text for id, entry in prepared.items()} != {id: one.text for id, one in plain.items()}


def test_an_exported_model_is_refused(tmp_path: Path, listener: TorchListener) -> None:
    export(Recognizer(listener, "m"), tmp_path)
    opened = open_listener(tmp_path / "m.safetensors", warps=3)
    assert isinstance(opened, TorchListener)
    assert opened.warps == 3
    with pytest.raises(ModelError, match=r"m\.onnx: is exported, .* for warps, take the run's folder"):
        open_listener(tmp_path / "m.onnx", warps=3)


def test_english_as_it_ships_is_heard_with_its_weights() -> None:
    assert Path(Recognizer.load("english", warps=3).name).name == "english.safetensors"


@pytest.mark.parametrize("warps", [0, -1, 16, 2.0, "3", None])
def test_a_number_out_of_range_is_refused(tmp_path: Path, listener: TorchListener, warps: Any) -> None:
    save_model(listener.model, tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="must be a whole number from 1 to 15"):
        load_model(tmp_path / "m.safetensors", warps=warps)


def test_a_speaker_who_is_known_is_heard_as_several(tmp_path: Path, make_corpus: Callable[..., Path]) -> None:
    source, recognizer = make_corpus(voices=1), make_recognizer(InputConfig(cmvn="speaker"))
    assert isinstance(recognizer.listener, TorchListener)
    several = Recognizer(replace(recognizer.listener, warps=3), "m")
    prepare("tsv", source, tmp_path / "data", PrepareConfig(split="test"))
    paths = sorted(source.glob("*.wav"))
    _, prepared = transcribe_split(tmp_path / "data", "test", several.listener)
    known = read(know_speaker(several, paths), paths)
    assert known == {id: entry.text for id, entry in prepared.items()}
    assert known != read(know_speaker(recognizer, paths), paths)


def test_nothing_is_written_while_one_speaks_as_several() -> None:
    forward = NetworkConfig(layers=1, units=16, bidirectional=False)
    listener = make_recognizer(InputConfig(cmvn="corpus"), forward).listener
    assert isinstance(listener, TorchListener)
    assert not explain_waiting(listener)
    assert explain_waiting(replace(listener, warps=3)) == "it hears as several lengths of the vocal tract (--warps)"
