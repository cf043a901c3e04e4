"""What the commands cannot show: one line that names the file or the option, and nothing on stdout or on disk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.cli import run


@pytest.mark.parametrize(
    ("command", "kind", "options", "message"),
    [
        ("gates", "rnn", [], "an RNN, which has no gates"),
        ("gates", "lstm", ["--backward"], "only reads forward"),
        ("gates", "lstm", ["--start", "9"], "--start 9: the recording ends at"),
        ("gradients", "lstm", ["--start", "inf"], "--start inf: the recording ends at"),
        ("gradients", "gru", [], "of kind gru"),
        ("gradients", "mlp", [], "of kind mlp"),
        ("gradients", "lstm", ["--layer", "3"], "--layer 3: the network has 2 layers"),
    ],
)
def test_what_cannot_be_shown_is_said(
    command: str,
    kind: str,
    options: list[str],
    message: str,
    save_listener: Callable[..., str],
    recording: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, out = save_listener(kind, False), tmp_path / "x.png"
    assert run(["explain", command, model, recording, "--out", str(out), *options]) == 1
    heard = capsys.readouterr()
    assert message in heard.err
    assert recording in heard.err or model in heard.err or options[:1] == ["--start"]
    assert heard.err.count("\n") == 1
    assert heard.out == ""
    assert not out.exists()
    assert run(["explain", command, model, recording, "--out", "x.gif"]) == 2


def test_too_short_a_recording_is_named(
    save_listener: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "tiny.wav", np.zeros(100), SAMPLE_RATE)
    for command in (["gates", save_listener()], ["audio"]):
        assert run(["explain", *command, str(tmp_path / "tiny.wav")]) == 1
        assert "tiny.wav: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["$x^{2_a$.wav", "bad\udcff.wav", "发音🎤.wav"])
def test_any_name_of_a_recording_can_be_a_title(
    name: str, hello_world: Signal, save_listener: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        soundfile.write(file, hello_world, SAMPLE_RATE, format="WAV")
    assert run(["explain", "audio", str(path), "--out", str(tmp_path / "a.png")]) == 0
    assert run(["explain", "audio", str(path), "--model", save_listener(), "--out", str(tmp_path / "a.html")]) == 0
    assert run(["explain", "gates", save_listener(), str(path), "--out", str(tmp_path / "g.png")]) == 0


def test_in_silence_there_is_nothing_to_follow_and_nothing_is_loud(
    save_listener: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "speechrnn.explain.gates._VOWELS", frozenset()
    )  # a network that has learned writes none of them here
    soundfile.write(tmp_path / "silence.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    assert run(["explain", "audio", str(tmp_path / "silence.wav")]) == 0
    assert {line.split("\t")[1] for line in capsys.readouterr().out.splitlines()[1:]} == {"-60.0"}
    out = str(tmp_path / "g.png")
    assert run(["explain", "gates", save_listener(), str(tmp_path / "silence.wav"), "--out", out]) == 0
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.startswith("there are no pauses and no vowels to follow")


@pytest.mark.parametrize("options", [[], ["--out", "x.png"], ["--out", "x.html"]])
def test_a_layer_is_about_a_page_with_a_model(options: list[str], recording: str) -> None:
    assert run(["explain", "audio", recording, "--layer", "2", *options]) == 2
