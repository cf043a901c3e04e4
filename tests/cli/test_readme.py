"""Every command and every line of Python in the README, run as written, over small stand-ins for the reader's files."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from speechrnn import settings
from speechrnn.audio import SAMPLE_RATE, read_utterance
from speechrnn.cli import run
from speechrnn.manifest import Utterance
from speechrnn.settings import dump_toml
from tests.train.conftest import TINY

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def lay_out(folder: Path, phrases: Sequence[Utterance]) -> None:
    """Makes `LibriSpeech`, `recordings`, `my-voice`, `my.wav`, `references.txt` and `text.txt`."""
    short = [phrase for phrase in phrases if phrase.text in ("hello world", "yes")]
    references = []
    for number, phrase in enumerate(short[:12]):
        subset = ("train-clean-5", "dev-clean-2", "test-clean")[number // 2 % 3]
        chapter = folder / "LibriSpeech" / subset / str(number // 2) / "1"
        chapter.mkdir(parents=True, exist_ok=True)
        id = f"{number // 2}-1-{number:04}"
        soundfile.write(chapter / f"{id}.flac", read_utterance(phrase), SAMPLE_RATE)
        with (chapter / f"{number // 2}-1.trans.txt").open("a") as transcript:
            transcript.write(f"{id} {phrase.text.upper()}\n")
    (folder / "recordings").mkdir()
    for phrase in short[:3]:
        soundfile.write(folder / "recordings" / f"{phrase.id}.wav", read_utterance(phrase), SAMPLE_RATE)
        references.append(f"{phrase.id} {phrase.text}\n")
    (folder / "my-voice").mkdir()
    for phrase in phrases[:6]:
        soundfile.write(folder / "my-voice" / f"{phrase.id}.wav", read_utterance(phrase), SAMPLE_RATE)
        (folder / "my-voice" / f"{phrase.id}.txt").write_text(phrase.text)
    (folder / "text.txt").write_text("Hello, world!\nYes.\nGood morning.\n")
    (folder / "references.txt").write_text("".join(references))
    soundfile.write(folder / "my.wav", read_utterance(short[0]), SAMPLE_RATE)


def test_every_make_target_in_the_readme_exists() -> None:
    named = {words[1] for command in commands() if (words := command.split())[0] == "make"}
    assert {"hello", "test", "check"} <= named <= make_targets()


def test_every_command_of_the_readme_runs_as_written(
    tmp_path: Path,
    phrases: Sequence[Utterance],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lay_out(tmp_path, phrases)
    monkeypatch.chdir(tmp_path)
    small = tmp_path / "recipes" / "mini_librispeech"
    small.mkdir(parents=True)
    (small / "recipe.toml").write_text(dump_toml(TINY))  # the recipe's own network takes its time
    monkeypatch.setattr(settings, "_recipe_folders", lambda: [tmp_path / "recipes"])
    launched = [command.partition("-m ")[2] for command in commands() if command.startswith("torchrun ")]
    assert launched  # what several processes do is in tests/train/test_team.py
    ours = [shlex.split(command) for command in [*commands(), *launched] if command.startswith("speechrnn ")]
    shown = {"hello", "doctor", "prepare", "train", "transcribe", "lm", "adapt", "record", "export", "score"}
    shown |= {"info", "explain"}
    assert {words[1] for words in ours} == shown
    for words in ours:
        if words[1] == "hello":
            continue  # trains for minutes: tests/explain/test_hello.py, and `make hello`
        if "--mic" in words or words[1] == "record":
            continue  # needs somebody who speaks: tests/transcribe/test_live.py, tests/adapt/test_recording.py
        arguments, target = (words[1:-2], words[-1]) if words[-2] == ">" else (words[1:], "")
        capsys.readouterr()
        assert run(arguments) == 0, words
        if target:
            Path(target).write_text(capsys.readouterr().out)
    python = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for block in python:
        exec(compile(block, "README.md", "exec"), {})
