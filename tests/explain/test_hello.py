from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.cli import run
from speechrnn.config import FeatureConfig, Recipe
from speechrnn.explain.picture import draw_case
from speechrnn.modelfile import Model, build_network
from speechrnn.modelinfo import ModelInfo
from speechrnn.text import alphabet_of
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.torch_listener import TorchListener


def test_the_picture_shows_voice_features_output_and_words(hello_world: Signal) -> None:
    info = ModelInfo(Recipe(), FeatureConfig(), alphabet_of("en"), "en")
    torch.manual_seed(0)
    network = build_network(info.recipe, info.features, info.alphabet).eval()
    network.output.weight.data *= 20
    recognizer = Recognizer(TorchListener(Model(info, network, None)), "m")
    figure = draw_case(recognizer, hello_world, "a voice")
    waveform, cepstrum, output, words = figure.axes
    assert waveform.get_xlim() == pytest.approx((0, len(hello_world) / SAMPLE_RATE))
    assert np.asarray(cepstrum.collections[0].get_array()).size == 20 * (1 + (len(hello_world) - 400) // 160)
    blank = np.asarray(output.lines[0].get_ydata(), dtype=float)
    np.testing.assert_allclose(blank, np.exp(recognizer.listener.compute_log_probs(hello_world)[:, 0]), atol=1e-6)
    shown = [text.get_text() for text in words.texts]
    assert shown == [word.text for word in recognizer.recognize(hello_world)]


@pytest.mark.slow
def test_hello_hears_strangers_say_hello_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hello_world: Signal
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["hello"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines[:6]].count("hello world") >= 5
    wer = next(float(line.split()[1]) for line in lines if line.startswith("%WER"))
    assert wer <= 3.0
    assert (tmp_path / "runs/hello/hello.png").read_bytes().startswith(b"\x89PNG")
    soundfile.write(tmp_path / "my.wav", hello_world, SAMPLE_RATE)
    assert run(["hello", "my.wav"]) == 0
    assert capsys.readouterr().out == "hello world\n"
