"""Recordings of one person, read with that person's own mean."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.config import FeatureConfig, InputConfig, NetworkConfig, PrepareConfig, Recipe
from speechrnn.errors import ModelError
from speechrnn.features import Cmvn, compute_mfcc
from speechrnn.modelfile import Model, build_network, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.text import alphabet_of
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.export import export_model
from speechrnn.transcribe.files import transcribe_files
from speechrnn.transcribe.reading import Reading
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import cut_recording
from speechrnn.transcribe.speaker import know_speaker
from speechrnn.transcribe.streaming import StreamingRecognizer
from speechrnn.transcribe.torch_listener import TorchListener
from speechrnn.transcribe.transcript import Transcript
from tests.conftest import prepare

SMALL = NetworkConfig(layers=1, units=16)


def make_recognizer(input: InputConfig, network: NetworkConfig = SMALL) -> Recognizer:
    """Returns an untrained network that babbles: it emits letters at most frames."""
    recipe = replace(Recipe(), network=network, input=input)
    info = ModelInfo(recipe, FeatureConfig(), alphabet_of("en"), "en")
    torch.manual_seed(1)
    untrained = build_network(recipe, info.features, info.alphabet)
    untrained.output.weight.data *= 20
    zeros = np.zeros(info.features.coefficients, np.float32)
    cmvn = None if input.cmvn == "utterance" else Cmvn(zeros, zeros + 1, zeros.copy())
    return Recognizer(TorchListener(Model(info, untrained.eval(), cmvn)), "m")


def export(recognizer: Recognizer, folder: Path) -> Recognizer:
    assert isinstance(recognizer.listener, TorchListener)
    save_model(recognizer.listener.model, folder / "m.safetensors")
    export_model(folder / "m.safetensors", folder / "m.onnx")
    return Recognizer.load(folder / "m.onnx")


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


def test_long_pauses_are_not_heard_for_the_mean(tmp_path: Path, hello_world: Signal) -> None:
    recognizer = make_recognizer(InputConfig(cmvn="speaker"))
    silence = np.zeros(3 * SAMPLE_RATE, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", np.concatenate([hello_world, silence, hello_world]), SAMPLE_RATE)
    spoken = [piece.signal for piece in cut_recording(tmp_path / "a.wav") if piece.spoken]
    assert len(spoken) == 2
    listener = know_speaker(recognizer, [tmp_path / "a.wav"]).listener
    assert isinstance(listener, TorchListener)
    heard = np.concatenate([compute_mfcc(signal, FeatureConfig()) for signal in spoken])
    np.testing.assert_allclose(listener.move, -heard.mean(axis=0), rtol=1e-4, atol=1e-4)


def test_a_known_speaker_is_heard_the_same_while_he_speaks(tmp_path: Path, hello_world: Signal) -> None:
    forward = replace(SMALL, bidirectional=False)
    soundfile.write(tmp_path / "a.wav", hello_world, SAMPLE_RATE, subtype="FLOAT")
    recognizer = know_speaker(make_recognizer(InputConfig(cmvn="speaker"), forward), [tmp_path / "a.wav"])
    streaming = StreamingRecognizer(recognizer)
    streaming.accept(hello_world)
    streaming.finish()
    whole = recognizer.listener.compute_log_probs(hello_world)
    np.testing.assert_allclose(streaming.log_probs, whole, atol=1e-4)


def test_readings_that_differ_have_keys_that_differ(tmp_path: Path) -> None:
    recognizer = make_recognizer(InputConfig(cmvn="speaker"))
    (tmp_path / "m").write_text("a model")
    named = Recognizer(recognizer.listener, str(tmp_path / "m"))
    keys = {
        Reading(tmp_path / "m", hotwords=hotwords, letters=letters, warps=warps).hash(named, one_speaker=one)
        for hotwords in ((), ("--letters",), ("--warps 3", "--one-speaker"))
        for letters in (False, True)
        for warps in (1, 3, 5)
        for one in (False, True)
    }
    assert len(keys) == 36


def test_an_exported_model_hears_each_speaker_as_it_was_taught(
    tmp_path: Path, make_corpus: Callable[..., Path]
) -> None:
    source = make_corpus(voices=2)
    prepare("tsv", source, tmp_path / "data", PrepareConfig(split="test"))
    recognizer = make_recognizer(InputConfig(cmvn="speaker", equal_loudness=True, range_db=30.0))
    exported = export(recognizer, tmp_path)
    _, expected = transcribe_split(tmp_path / "data", "test", recognizer.listener)
    _, heard = transcribe_split(tmp_path / "data", "test", exported.listener)
    assert {id: entry.text for id, entry in heard.items()} == {id: entry.text for id, entry in expected.items()}
    _, unmoved = transcribe_split(tmp_path / "data", "test", make_recognizer(InputConfig(cmvn="corpus")).listener)
    assert {id: entry.text for id, entry in unmoved.items()} != {id: entry.text for id, entry in expected.items()}
    paths = sorted(source.glob("*.wav"))
    known = [read(know_speaker(one, paths), paths) for one in (recognizer, exported)]
    assert known[0] == known[1] != read(exported, paths)


def test_where_no_recording_of_a_speaker_can_be_read_the_corpuss_mean_stays(tmp_path: Path) -> None:
    recognizer = make_recognizer(InputConfig(cmvn="speaker"))
    assert know_speaker(recognizer, [tmp_path / "gone.wav"]).listener is recognizer.listener


@pytest.mark.parametrize("cmvn", ["utterance", "corpus"])
def test_a_model_that_was_not_taught_by_speaker_is_refused(cmvn: str, tmp_path: Path) -> None:
    recognizer = make_recognizer(InputConfig(cmvn=cmvn))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="m: was not taught by speaker"):
        know_speaker(recognizer, [])
