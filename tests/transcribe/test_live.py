"""Speech as it is spoken: the same words as from a file, a line after each pause."""

import io
import os
import pty
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE, Signal, read_utterance, resample
from speechrnn.cli import run
from speechrnn.config import InputConfig
from speechrnn.errors import AudioError
from speechrnn.manifest import Utterance
from speechrnn.modelfile import save_model
from speechrnn.transcribe.live import transcribe_live
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import cut_signal
from speechrnn.transcribe.sources import read_live
from speechrnn.transcribe.torch_listener import TorchListener
from tests.transcribe.test_segments import join
from tests.transcribe.test_streaming import FORWARD, make_recognizer

Capture = pytest.CaptureFixture[str]

MICROPHONE = '''
"""Stands in a microphone's place: plays a recording, and then is gone."""
import numpy, pathlib

class PortAudioError(Exception):
    pass

def query_devices(kind):
    if not (pathlib.Path(__file__).parent / "signal.npy").exists():
        raise PortAudioError("Error querying device -1")
    return {"default_samplerate": 48000.0}

class InputStream:
    def __init__(self, samplerate, blocksize, channels, dtype, callback):
        assert (samplerate, channels, dtype) == (48000.0, 1, "float32")
        self.blocksize, self.callback = blocksize, callback

    def __enter__(self):
        signal = numpy.load(pathlib.Path(__file__).parent / "signal.npy")
        for start in range(0, len(signal), self.blocksize):
            block = signal[start : start + self.blocksize, None]
            self.callback(block, len(block), None, None)

    def __exit__(self, *error):
        pass
'''


@pytest.fixture
def speech(phrases: Sequence[Utterance]) -> Signal:
    """Three phrases with pauses, as 16 bits hold them."""
    whole = join([read_utterance(phrase) for phrase in phrases[:3]], pause=1.0)
    rounded: Signal = np.round(whole * 2**15).astype(np.int16).astype(np.float32) / np.float32(2**15)
    return rounded


def to_raw(signal: Signal) -> bytes:
    return (signal * 2**15).astype("<i2").tobytes()


def to_wave(signal: Signal, rate: int, channels: int) -> bytes:
    """A WAV file as a program writes it into a pipe: its length is not known."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(to_raw(np.repeat(signal, channels)))
    data = bytearray(file.getvalue())
    data[4:8] = data[40:44] = b"\xff\xff\xff\x7f"
    return bytes(data)


def save(recognizer: Recognizer, folder: Path) -> str:
    assert isinstance(recognizer.listener, TorchListener)
    save_model(recognizer.listener.model, folder / "model.safetensors")
    return str(folder / "model.safetensors")


def transcribe_piece_by_piece(recognizer: Recognizer, signal: Signal) -> list[str]:
    pieces = [piece for piece in cut_signal([signal]) if piece.spoken]
    return [" ".join(word.text for word in recognizer.recognize(piece.signal)) for piece in pieces]


def test_a_sample_that_is_cut_off_is_left_out(speech: Signal) -> None:
    file = to_wave(speech, SAMPLE_RATE, 2)
    for end in (-4, -3, -1):
        assert b"".join(map(to_raw, read_live(io.BytesIO(file[:end])))) == to_raw(speech)[:-2]


def test_a_header_that_gives_no_length_is_read_to_the_end(speech: Signal) -> None:
    file = bytearray(to_wave(speech, SAMPLE_RATE, 1))
    file[40:44] = bytes(4)
    assert b"".join(map(to_raw, read_live(io.BytesIO(bytes(file))))) == to_raw(speech)


def test_what_was_said_before_the_source_was_gone_is_printed(speech: Signal, capsys: Capture) -> None:
    def listen() -> Iterator[Signal]:
        yield speech  # its third phrase ends without a pause
        raise AudioError("gone")

    recognizer = make_recognizer()
    with pytest.raises(AudioError, match="gone"):
        transcribe_live(recognizer, listen())
    assert capsys.readouterr().out.splitlines() == transcribe_piece_by_piece(recognizer, speech)


@pytest.mark.parametrize("forward", [True, False])
def test_live_lines_are_what_a_file_gives(
    tmp_path: Path, speech: Signal, forward: bool, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    recognizer = make_recognizer() if forward else make_recognizer(FORWARD, InputConfig())
    model = save(recognizer, tmp_path)
    expected = transcribe_piece_by_piece(recognizer, speech)
    assert len(expected) == 3
    for stdin in (to_raw(speech), to_wave(speech, SAMPLE_RATE, 1), to_wave(speech, SAMPLE_RATE, 2)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        assert run(["transcribe", "-", "--live", "--model", model]) == 0
        captured = capsys.readouterr()
        assert captured.out.splitlines() == expected
        manner = "words as they are said, a line after" if forward else "a line after each pause, since it normalises"
        assert captured.err.startswith(manner)
    soundfile.write(tmp_path / "speech.wav", speech, SAMPLE_RATE)
    assert run(["transcribe", str(tmp_path / "speech.wav"), "--model", model]) == 0
    assert capsys.readouterr().out.split() == " ".join(expected).split()


def test_other_rates_are_resampled(
    tmp_path: Path, speech: Signal, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    telephone = resample(speech, 2 * SAMPLE_RATE)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(to_wave(telephone, SAMPLE_RATE // 2, 1))))
    assert run(["transcribe", "-", "--live", "--model", save(make_recognizer(), tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_what_cannot_be_read_as_it_comes_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    model = save(make_recognizer(), tmp_path)
    flac, deep = io.BytesIO(), io.BytesIO()
    soundfile.write(flac, np.zeros(4000), SAMPLE_RATE, format="FLAC")
    soundfile.write(deep, np.zeros(4000), SAMPLE_RATE, format="WAV", subtype="PCM_24")
    for stdin, message in (
        (flac.getvalue(), "stdin: --live reads WAV or raw 16-bit samples at 16 kHz; leave it out for other files"),
        (deep.getvalue(), "stdin: samples of 24 bits; --live reads 16 bits, so leave it out"),
        (b"RIFF\0\0\0\0WAVE", "stdin: no WAV file that can be read as it comes"),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        assert run(["transcribe", "-", "--live", "--model", model]) == 1
        assert capsys.readouterr().err.splitlines()[-1].startswith(f"speechrnn: {message}")
    for stdin in (b"", b"\0", to_wave(np.zeros(0, np.float32), SAMPLE_RATE, 1)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        assert run(["transcribe", "--live", "--model", model]) == 1
        assert capsys.readouterr().err.splitlines()[-1] == "speechrnn: stdin: holds no sound"


@pytest.mark.parametrize(
    "arguments",
    [[], ["--mic", "a.wav"], ["--mic", "--live"], ["--live", "a.wav"], ["--mic", "-f", "json"]],
)
def test_wrong_usage_is_refused(arguments: list[str]) -> None:
    assert run(["transcribe", "--model", "none", *arguments]) == 2


def test_words_so_far_stand_on_a_terminal_and_ctrl_c_ends_with_what_was_said(tmp_path: Path, speech: Signal) -> None:
    recognizer = make_recognizer()
    command = [sys.executable, "-m", "speechrnn", "transcribe", "-", "--live", "--model", save(recognizer, tmp_path)]
    terminal, screen = pty.openpty()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=screen) as process:
        os.close(screen)
        assert process.stdin
        process.stdin.write(to_raw(speech[: 2 * SAMPLE_RATE]))
        process.stdin.flush()
        shown = b""
        while shown.count(b"\r") < 5:
            shown += os.read(terminal, 1000)
        process.send_signal(signal.SIGINT)  # and no more samples come
        assert process.wait(timeout=60) == 0
        assert process.stdout
        assert len(process.stdout.read().splitlines()) == 1
    os.close(terminal)


def test_the_microphone_is_heard_until_it_is_gone(
    tmp_path: Path, speech: Signal, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    command = ["transcribe", "--mic", "--model", save(make_recognizer(), tmp_path)]
    monkeypatch.setattr("speechrnn.transcribe.sources._PATIENCE_SECONDS", 0.1)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "sounddevice.py").write_text(MICROPHONE)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    assert run(command) == 1
    assert "the microphone: none can be opened (Error querying device -1); connect one" in capsys.readouterr().err
    np.save(tmp_path / "signal.npy", resample(speech, SAMPLE_RATE**2 / 48_000))
    assert run(command) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    assert captured.err.splitlines()[-1] == "speechrnn: the microphone: nothing came for 0.1 s; connect it again"


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("raise ImportError", "the microphone: needs the package sounddevice; pip install 'speechrnn[mic]'"),
        (
            "raise OSError('PortAudio library not found')",
            "the microphone: needs PortAudio (PortAudio library not found)",
        ),
    ],
)
def test_what_the_microphone_needs_is_said(
    tmp_path: Path, module: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "sounddevice.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    assert run(["transcribe", "--mic", "--model", save(make_recognizer(), tmp_path)]) == 1
    assert message in capsys.readouterr().err
