import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

import speechrnn
from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.cli import run
from speechrnn.config import FeatureConfig, InputConfig, NetworkConfig, PrepareConfig, Recipe
from speechrnn.errors import AudioError, ModelError, OutputError
from speechrnn.features import Cmvn
from speechrnn.modelfile import Model, build_network, load_model, save_model
from speechrnn.modelinfo import METADATA_KEY, ModelInfo, dump_info
from speechrnn.pronunciations import phones_of
from speechrnn.text import Alphabet, alphabet_of
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.export import export_model
from speechrnn.transcribe.graph import build_graph
from speechrnn.transcribe.onnx_listener import OnnxListener
from speechrnn.transcribe.torch_listener import TorchListener
from tests.conftest import prepare

SMALL = NetworkConfig(layers=2, units=16)


def make_model(network: NetworkConfig = SMALL, input: InputConfig | None = None) -> Model:
    recipe = replace(Recipe(), network=network, input=input or InputConfig())
    info = ModelInfo(recipe, FeatureConfig(), alphabet_of("en"), "en")
    torch.manual_seed(1)
    built = build_network(recipe, info.features, info.alphabet)
    built.output.weight.data *= 10
    width = info.features.coefficients * (recipe.input.deltas + 1)
    rng = np.random.default_rng(0)
    statistics = Cmvn(rng.normal(0, 5, width).astype(np.float32), rng.uniform(0.5, 5, width).astype(np.float32))
    return Model(info, built.eval(), statistics if recipe.input.cmvn == "corpus" else None)


def save_graph(model: Model, path: Path) -> Path:
    path.write_bytes(build_graph(model).SerializeToString())
    return path


@pytest.mark.parametrize(
    ("network", "input"),
    [
        (SMALL, InputConfig()),
        (SMALL, InputConfig(cmvn="corpus", deltas=2)),
        (SMALL, InputConfig(range_db=30.0, deltas=1)),
        (SMALL, InputConfig(equal_loudness=True, cmvn="corpus")),
        (SMALL, InputConfig(equal_loudness=True, range_db=30.0, cmvn="corpus")),
        (replace(SMALL, bidirectional=False, stack=1), InputConfig()),
        (replace(SMALL, kind="gru", front="convolution", stack=2, kernel=5), InputConfig()),
        (replace(SMALL, kind="rnn"), InputConfig()),
        (replace(SMALL, kind="mlp", context=3), InputConfig()),
        (replace(SMALL, kind="mlp", context=2, bidirectional=False), InputConfig()),
    ],
    ids=str,
)
def test_an_exported_graph_computes_what_torch_computes(
    tmp_path: Path, hello_world: Signal, network: NetworkConfig, input: InputConfig
) -> None:
    model = make_model(network, input)
    listener = OnnxListener.load(save_graph(model, tmp_path / "model.onnx"))
    assert listener.info == model.info
    for signal in (hello_world, hello_world[: SAMPLE_RATE // 2], hello_world[1000:1400]):
        expected = TorchListener(model).compute_log_probs(signal)
        found = listener.compute_log_probs(signal)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_phones_are_an_output_of_their_own(tmp_path: Path, hello_world: Signal) -> None:
    letters = make_model()
    info = replace(letters.info, phones=phones_of("en"))
    model = Model(info, build_network(info.recipe, info.features, info.alphabet, info.phones).eval(), None)
    save_model(model, tmp_path / "model.safetensors")
    export_model(tmp_path / "model.safetensors", tmp_path / "model.onnx")
    listener = OnnxListener.load(tmp_path / "model.onnx")
    for phones in (False, True):
        expected = TorchListener(model).compute_log_probs(hello_world, phones)
        np.testing.assert_allclose(listener.compute_log_probs(hello_world, phones), expected, atol=2e-3)
    assert listener.compute_log_probs(hello_world, phones=True).shape[1] == 43


def test_a_graph_with_other_outputs_than_it_says_is_refused(tmp_path: Path) -> None:
    model = make_model()
    graph = build_graph(model)
    shorter = replace(model.info, alphabet=Alphabet(model.info.alphabet.symbols[:-1]))
    for info in (shorter, replace(model.info, phones=phones_of("en"))):
        helper.set_model_props(graph, {METADATA_KEY: dump_info(info)})
        (tmp_path / "other.onnx").write_bytes(graph.SerializeToString())
        with pytest.raises(ModelError, match="its graph is another than it says"):
            OnnxListener.load(tmp_path / "other.onnx")


@given(st.integers(400, 20_000), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_an_exported_graph_takes_any_length(tmp_path_factory: pytest.TempPathFactory, samples: int, seed: int) -> None:
    model = make_model()
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    listener = OnnxListener.load(path if path.exists() else save_graph(model, path))
    signal = np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)
    expected = TorchListener(model).compute_log_probs(signal)
    np.testing.assert_allclose(listener.compute_log_probs(signal), expected, atol=2e-3)


def test_export_writes_one_file_that_transcribes_alike(tmp_path: Path, hello_world: Signal) -> None:
    save_model(make_model(), tmp_path / "model.safetensors")
    soundfile.write(tmp_path / "voice.wav", hello_world, SAMPLE_RATE)
    export_model(tmp_path, tmp_path / "exported.onnx")
    ours = speechrnn.load_model(tmp_path / "exported.onnx").transcribe(tmp_path / "voice.wav")
    theirs = speechrnn.load_model(tmp_path).transcribe(tmp_path / "voice.wav")
    assert ours.text == theirs.text != ""
    assert [(word.start, word.end) for word in ours.words] == [(word.start, word.end) for word in theirs.words]
    with pytest.raises(OutputError, match="exists"):
        export_model(tmp_path, tmp_path / "exported.onnx")


def test_integers_make_it_smaller_and_nearly_as_good(tmp_path: Path, hello_world: Signal) -> None:
    save_model(make_model(NetworkConfig(layers=2, units=64)), tmp_path / "model.safetensors")
    for name, int8 in (("float.onnx", False), ("int8.onnx", True)):
        export_model(tmp_path, tmp_path / name, int8=int8)
    assert (tmp_path / "int8.onnx").stat().st_size < 0.8 * (tmp_path / "float.onnx").stat().st_size
    files = (tmp_path / "float.onnx", tmp_path / "int8.onnx")
    exact, rounded = (np.exp(OnnxListener.load(file).compute_log_probs(hello_world)) for file in files)
    assert 0 < np.abs(exact - rounded).mean() < 0.05


def test_no_space_for_what_the_smaller_graph_is_made_of_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(make_model(), tmp_path / "model.safetensors")
    monkeypatch.setattr("onnx.save", lambda graph, path: path.write_bytes(graph.SerializeToString()[:1000]))
    with pytest.raises(OutputError, match="cannot be made smaller there; is there space left"):
        export_model(tmp_path, tmp_path / "small.onnx", int8=True)
    assert not (tmp_path / "small.onnx").exists()


def test_half_precision_is_half_the_size_and_learns_on(
    tmp_path: Path, hello_world: Signal, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model(input=InputConfig(cmvn="corpus"))
    save_model(model, tmp_path / "whole.safetensors")
    command = ["export", str(tmp_path / "whole.safetensors"), "--out", str(tmp_path / "half.safetensors")]
    assert run(command) == 0
    half = load_model(tmp_path / "half.safetensors")
    for name, weights in model.network.state_dict().items():
        assert torch.equal(half.network.state_dict()[name], weights.half().float())
    assert (half.info, half.cmvn is not None) == (model.info, True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.7 * sizes[1]
    whole, heard = (TorchListener(one).compute_log_probs(hello_world) for one in (model, half))
    assert np.abs(np.exp(whole) - np.exp(heard)).max() < 0.01
    assert run(command) == 1
    assert "half.safetensors: exists; --force replaces a file" in capsys.readouterr().err
    assert run([*command, "--int8", "--force"]) == 2
    assert run([*command[:-1], str(tmp_path / "model.bin")]) == 2
    model.network.output.weight.data[0, 0] = 1e5
    save_model(model, tmp_path / "whole.safetensors")
    assert run([*command, "--force"]) == 1
    assert "has weights up to 1e+05, which half precision does not reach" in capsys.readouterr().err
    assert load_model(tmp_path / "half.safetensors").info == model.info


def test_a_split_is_heard_from_its_recordings(
    tmp_path: Path, make_corpus: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    prepare("tsv", make_corpus(voices=1), tmp_path / "data", PrepareConfig(split="test"))
    model = make_model()
    save_model(model, tmp_path / "model.safetensors")
    export_model(tmp_path, tmp_path / "model.onnx", data=tmp_path / "data", split="test")
    assert capsys.readouterr().err.count("%WER") == 2
    listener = OnnxListener.load(tmp_path / "model.onnx")
    assert transcribe_split(tmp_path / "data", "test", listener) == transcribe_split(
        tmp_path / "data", "test", TorchListener(model)
    )


def test_transcribing_with_an_exported_model_imports_no_torch(tmp_path: Path, hello_world: Signal) -> None:
    save_graph(make_model(), tmp_path / "model.onnx")
    soundfile.write(tmp_path / "voice.wav", hello_world, SAMPLE_RATE)
    code = (
        "import sys; from speechrnn.cli import run; code = run(sys.argv[1:]);"
        " heavy = {'torch', 'torchaudio', 'librosa', 'numba', 'matplotlib'} & set(sys.modules);"
        " sys.exit(str(heavy) if heavy else code)"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "transcribe",
        str(tmp_path / "voice.wav"),
        "--model",
        str(tmp_path / "model.onnx"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_what_is_too_short_or_no_model_is_said(tmp_path: Path) -> None:
    listener = OnnxListener.load(save_graph(make_model(), tmp_path / "model.onnx"))
    with pytest.raises(AudioError, match="shorter than one window"):
        listener.compute_log_probs(np.zeros(399, dtype=np.float32))
    with pytest.raises(AudioError, match="too large"):
        listener.compute_log_probs(np.full(4000, 1e30, dtype=np.float32))
    whole = (tmp_path / "model.onnx").read_bytes()
    for broken in (b"", b"no model", whole[: len(whole) // 2]):
        (tmp_path / "broken.onnx").write_bytes(broken)
        with pytest.raises(ModelError, match=r"no ONNX model|does not say what it is"):
            OnnxListener.load(tmp_path / "broken.onnx")
