"""A voice heard as several lengths of the vocal tract: the mean of what each makes of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import torch
from scipy.special import log_softmax

from speechrnn.audio import Signal
from speechrnn.config import FeatureConfig, InputConfig, NetworkConfig, PrepareConfig
from speechrnn.errors import ModelError
from speechrnn.features import compute_mfcc, normalize_features
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.files import transcribe_files
from speechrnn.transcribe.listener import open_listener
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.streaming import explain_waiting
from speechrnn.transcribe.torch_listener import TorchListener
from speechrnn.transcribe.transcript import Transcript
from tests.conftest import prepare
from tests.transcribe.test_speaker import export, make_recognizer


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


def test_a_prepared_corpus_gives_what_its_recordings_give(
    tmp_path: Path, listener: TorchListener, make_corpus: Callable[..., Path]
) -> None:
    source, several = make_corpus(voices=2), replace(listener, warps=4)
    prepare("tsv", source, tmp_path / "data", PrepareConfig(split="test"))
    _, prepared = transcribe_split(tmp_path / "data", "test", several)
    _, plain = transcribe_split(tmp_path / "data", "test", listener)
    heard = list(transcribe_files(Recognizer(several, "m"), sorted(source.glob("*.wav"))))
    texts = {one.id: one.text for one in heard if isinstance(one, Transcript)}
    assert texts == {id: entry.text for id, entry in prepared.items()} != {id: one.text for id, one in plain.items()}


def test_an_exported_model_hears_a_voice_as_it_is(tmp_path: Path, listener: TorchListener) -> None:
    export(Recognizer(listener, "m"), tmp_path)
    opened = open_listener(tmp_path / "m.safetensors", warps=3)
    assert isinstance(opened, TorchListener)
    assert opened.warps == 3
    with pytest.raises(ModelError, match=r"m\.onnx: is exported, .* --warps takes a model as it was trained"):
        open_listener(tmp_path / "m.onnx", warps=3)


def test_nothing_is_written_while_one_speaks_as_several() -> None:
    forward = NetworkConfig(layers=1, units=16, bidirectional=False)
    listener = make_recognizer(InputConfig(cmvn="corpus"), forward).listener
    assert isinstance(listener, TorchListener)
    assert not explain_waiting(listener)
    assert explain_waiting(replace(listener, warps=3)) == "it hears as several lengths of the vocal tract (--warps)"
