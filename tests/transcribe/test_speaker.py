"""Recordings of one person, read with that person's own mean."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from speechrnn.config import FeatureConfig, InputConfig, NetworkConfig, PrepareConfig, Recipe
from speechrnn.errors import ModelError
from speechrnn.features import Cmvn
from speechrnn.modelfile import Model, build_network, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.text import alphabet_of
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.export import export_model
from speechrnn.transcribe.files import transcribe_files
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.speaker import know_speaker
from speechrnn.transcribe.torch_listener import TorchListener
from speechrnn.transcribe.transcript import Transcript
from tests.conftest import prepare


def make_recognizer(input: InputConfig) -> Recognizer:
    """Returns an untrained network that babbles: it emits letters at most frames."""
    recipe = replace(Recipe(), network=NetworkConfig(layers=1, units=16), input=input)
    info = ModelInfo(recipe, FeatureConfig(), alphabet_of("en"), "en")
    torch.manual_seed(1)
    network = build_network(recipe, info.features, info.alphabet)
    network.output.weight.data *= 20
    zeros = np.zeros(info.features.coefficients, np.float32)
    cmvn = None if input.cmvn == "utterance" else Cmvn(zeros, zeros + 1, zeros.copy())
    return Recognizer(TorchListener(Model(info, network.eval(), cmvn)), "m")


def read(recognizer: Recognizer, paths: list[Path]) -> dict[str, str]:
    heard = transcribe_files(recognizer, paths)
    return {one.id: one.text for one in heard if isinstance(one, Transcript)}


def test_recordings_of_one_speaker_give_what_the_prepared_corpus_gives(
    tmp_path: Path, make_corpus: Callable[..., Path]
) -> None:
    source = make_corpus(voices=1)
    prepare("tsv", source, tmp_path / "data", PrepareConfig(split="test"))
    paths = sorted(source.glob("*.wav"))
    (source / "broken.wav").write_text("no sound")
    recognizer = make_recognizer(InputConfig(cmvn="speaker"))
    _, prepared = transcribe_split(tmp_path / "data", "test", recognizer.listener)
    known = read(know_speaker(recognizer, [source / "broken.wav", *paths]), paths)
    assert known == {id: entry.text for id, entry in prepared.items()}
    assert known != read(recognizer, paths)


def test_where_no_recording_of_a_speaker_can_be_read_the_corpuss_mean_stays(tmp_path: Path) -> None:
    recognizer = make_recognizer(InputConfig(cmvn="speaker"))
    assert know_speaker(recognizer, [tmp_path / "gone.wav"]).listener is recognizer.listener


@pytest.mark.parametrize("cmvn", ["utterance", "corpus"])
def test_a_model_that_was_not_taught_by_speaker_is_refused(cmvn: str, tmp_path: Path) -> None:
    recognizer = make_recognizer(InputConfig(cmvn=cmvn))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="m: was not taught by speaker"):
        know_speaker(recognizer, [])


def test_an_exported_model_is_refused(tmp_path: Path) -> None:
    recognizer = make_recognizer(InputConfig(cmvn="speaker"))
    assert isinstance(recognizer.listener, TorchListener)
    save_model(recognizer.listener.model, tmp_path / "m.safetensors")
    export_model(tmp_path / "m.safetensors", tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"m\.onnx: is exported with its corpus's mean"):
        know_speaker(Recognizer.load(tmp_path / "m.onnx"), [])
