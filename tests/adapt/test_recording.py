"""Sentences recorded one by one, with a recording played in the microphone's place."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from speechrnn.audio import SAMPLE_RATE, Signal, read_signal, resample
from speechrnn.cli import run
from speechrnn.prepare.corpora import find_corpus
from tests.transcribe.test_live import MICROPHONE

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def microphone(tmp_path: Path, hello_world: Signal, monkeypatch: pytest.MonkeyPatch) -> Signal:
    """What is heard, at 16 kHz."""
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "sounddevice.py").write_text(MICROPHONE)
    np.save(folder / "signal.npy", resample(hello_world, SAMPLE_RATE**2 / 48_000))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    return hello_world


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "mine.txt").write_text("Hello world\n\nGood  morning\n")
    return ["record", str(tmp_path / "mine.txt"), "--out", str(tmp_path / "out")]


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Types these lines, and then nothing more."""

    def press(*lines: str) -> None:
        typed: Iterator[str] = iter(lines)

        def answer() -> str:
            try:
                return next(typed)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", answer)

    return press


def test_each_sentence_is_recorded_with_its_text(
    tmp_path: Path, microphone: Signal, command: list[str], press: Callable[..., None], capsys: Capture
) -> None:
    press("", "", "r", "", "", "q", "", "", "", "")  # the first one twice; q is no answer
    assert run(command) == 0
    heard = find_corpus("folder").read(tmp_path / "out", ())
    utterances = [one for splits in heard.values() for one in splits]
    assert {one.text for one in utterances} == {"Hello world", "Good morning"}
    for one in utterances:
        signal = read_signal(Path(one.audio_filepath))
        assert abs(len(signal) - len(microphone)) <= 2
        inner = slice(200, len(microphone) - 200)
        assert np.allclose(signal[inner], microphone[inner], atol=0.01)
    assert capsys.readouterr().err.count(f"{len(microphone) / SAMPLE_RATE:.1f} s, loudest") == 4


def test_what_is_recorded_is_not_asked_for_again(
    tmp_path: Path, microphone: Signal, command: list[str], press: Callable[..., None], capsys: Capture
) -> None:
    press("", "", "")
    assert run(command) == 1
    assert capsys.readouterr().err.endswith("speechrnn: record: nobody answers; run it in a terminal\n")
    (recording,) = (tmp_path / "out").glob("mine-*.wav")
    first = recording.read_bytes()
    (tmp_path / "mine.txt").write_text("Good morning\nHello world\nHello world\n")  # wherever it stands
    press("", "", "")
    assert run(command) == 0
    error = capsys.readouterr().err
    assert "1 of 2 sentences are recorded" in error
    assert ("Good morning" in error, "Hello world" in error) == (True, False)
    assert recording.read_bytes() == first
    assert {path.suffix for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")} == {".txt", ".wav"}


def test_loudness_is_judged(
    tmp_path: Path, microphone: Signal, command: list[str], press: Callable[..., None], capsys: Capture
) -> None:
    for factor, verdict in ((0.001, "too soft"), (100.0, "too loud"), (1.0, "good")):
        signal = np.clip(microphone * factor / np.abs(microphone).max() * 0.5, -1, 1)
        np.save(tmp_path / "module" / "signal.npy", signal.astype(np.float32))
        press("", "", "r")
        assert run(command) == 1
        assert verdict in capsys.readouterr().err


def test_without_a_microphone_or_sentences_nothing_is_asked(
    tmp_path: Path, microphone: Signal, command: list[str], capsys: Capture
) -> None:
    (tmp_path / "module" / "signal.npy").unlink()
    assert run(command) == 1
    assert "the microphone: none can be opened" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    (tmp_path / "mine.txt").write_text("\n")
    assert run(command) == 1
    assert "mine.txt: holds no sentences" in capsys.readouterr().err
    assert run(["record", str(tmp_path / "none.txt"), "--out", str(tmp_path / "out")]) == 1
    assert "none.txt: cannot be read" in capsys.readouterr().err


def test_the_sentences_that_ship_are_english(
    tmp_path: Path, microphone: Signal, press: Callable[..., None], capsys: Capture
) -> None:
    press()
    assert run(["record", "english", "--out", str(tmp_path / "out")]) == 1
    assert "0 of 40 sentences are recorded" in capsys.readouterr().err
