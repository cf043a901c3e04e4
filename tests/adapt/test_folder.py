"""The folder of an adaptation: what in it is ours, what another adaptation, and what is never removed."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE
from speechrnn.cli import run
from speechrnn.errors import OutputError
from speechrnn.modelfile import find_weights
from speechrnn.outputs import claim
from tests.adapt.conftest import Capture, adapt, split_off_test


def test_what_an_adaptation_hears_cannot_change_unseen(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    command = ["adapt", str(unheard), "--out", str(tmp_path / "out"), "--model", str(learned), "--untranscribed"]
    command += ["--rounds", "1", "--set", "training.epochs=1", "--words", str(words)]
    assert run(command) == 0
    weights = tmp_path / "out" / "round1" / "run" / "model.safetensors"
    first = weights.read_bytes()
    assert run([*command, "--letters"]) == 1
    assert "holds an adaptation with other letters; --force begins again" in capsys.readouterr().err
    other = tmp_path / "other.jsonl"
    other.write_text("".join(unheard.read_text().splitlines(keepends=True)[1:]))
    assert run(["adapt", str(other), *command[2:]]) == 1
    assert "holds an adaptation with other recordings" in capsys.readouterr().err
    assert weights.read_bytes() == first
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("speechrnn.adapt.untranscribed.choose_surest", _fail)
        assert run(["adapt", str(other), *command[2:], "--force"]) == 1
    assert not weights.exists()  # or it would pass for what was made of the other recordings
    assert run(["adapt", str(other), *command[2:]]) == 0


def _fail(*_: object) -> None:
    raise OutputError("the disk is full")


def test_recordings_that_came_or_went_are_other_recordings(
    tmp_path: Path, learned: Path, recordings: Path, words: Path, capsys: Capture
) -> None:
    assert adapt(learned, words, recordings, tmp_path / "out") == 0
    shutil.copy(recordings / "0.wav", recordings / "new.wav")
    capsys.readouterr()
    assert adapt(learned, words, recordings, tmp_path / "out") == 1
    assert "holds an adaptation with other recordings; --force begins again" in capsys.readouterr().err


def test_what_ended_for_too_little_is_no_obstacle(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    (tmp_path / "noise").mkdir()
    for number in range(9):
        soundfile.write(tmp_path / "noise" / f"{number}.wav", noise, SAMPLE_RATE)
    other = tmp_path / "other.txt"
    other.write_text("hello hello\nyes no yes")
    out = tmp_path / "out"
    command = ["adapt", str(tmp_path / "noise"), "--out", str(out), "--model", str(learned), "--untranscribed"]
    assert run([*command, "--phrases", str(other)]) == 1
    said = capsys.readouterr().err
    assert "heard something in 0 of 9 utterances" in said
    assert "0 utterances to learn from is too little; record more, or help it to hear" in said
    assert adapt(learned, words, unheard, out) == 0


def test_an_adaptation_with_texts_is_another_one_and_a_renamed_model_is_not(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    out, moved = tmp_path / "out", tmp_path / "moved"
    assert adapt(learned, words, unheard, out) == 0
    shutil.copytree(learned, moved)
    assert adapt(moved, words, unheard, out, "--layout", "nemo") == 0
    capsys.readouterr()
    split_off_test(tmp_path / "corpus", unheard, "yes")
    shutil.copy(tmp_path / "corpus" / "test.jsonl", tmp_path / "corpus" / "dev.jsonl")
    told = ["adapt", str(tmp_path / "corpus"), "--out", str(out), "--model", str(learned), "--layout", "nemo"]
    assert run(told) == 1
    assert "holds an adaptation of another kind, with texts or without; --force" in capsys.readouterr().err
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, np.zeros(SAMPLE_RATE, dtype=np.float32), SAMPLE_RATE)
    assert adapt(learned, words, noise, out, "--force") == 1
    assert "is too little" in capsys.readouterr().err
    assert adapt(learned, words, unheard, out) == 0  # where nothing is left, nothing is in the way


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("test/letter.txt", "out/test: holds other files (letter.txt)"),
        ("data/letter.txt", "out/data: holds other files (letter.txt)"),
        ("data.partial/letter.txt", "out/data.partial: is in the way and not ours"),
        ("run/letter.txt", "out/run/letter.txt: is in the way, and not what adapt wrote; move it"),
        ("round7/letter.txt", "out/round7/letter.txt: is in the way, and not what adapt wrote; move it"),
        ("round1/run/letter.txt", "out/round1/run/letter.txt: is in the way, and not what adapt wrote; move it"),
        ("round1/heard/letter.txt", "out/round1/heard/letter.txt: is in the way, and not what adapt wrote; move it"),
        ("round1/data/letter.txt", "out/round1/data: also holds letter.txt"),
        ("origin.toml", "out/origin.toml: is not what adapt wrote, or was damaged; choose another --out"),
    ],
)
def test_what_it_did_not_write_is_never_removed(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, path: str, message: str, capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert adapt(learned, words, unheard, out) == 0
    weights = find_weights(out / "run").read_bytes()
    (out / path).parent.mkdir(exist_ok=True)
    (out / path).write_text("title = 'mine'")
    (out / "test.jsonl").write_text("mine")
    (out / ".old.removed").mkdir()
    assert adapt(learned, words, unheard, out, "--force") == 1
    assert message in capsys.readouterr().err
    assert find_weights(out / "run").read_bytes() == weights
    assert (out / path).read_text() == "title = 'mine'"
    if path != "origin.toml":
        (out / path).rename(tmp_path / "moved")
        assert adapt(learned, words, unheard, out, "--force") == 0
    assert (out / "test.jsonl").read_text() == "mine"
    assert (out / ".old.removed").is_dir()


@pytest.mark.parametrize("call", [0, 2, 5, 9])
def test_killed_while_another_adaptation_goes_no_part_of_that_is_taken_for_the_new_one(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, call: int
) -> None:
    out, other = tmp_path / "out", tmp_path / "other.jsonl"
    other.write_text("".join(unheard.read_text().splitlines(keepends=True)[4:]))
    assert adapt(learned, words, unheard, out) == 0
    before = find_weights(out / "run").read_bytes()
    calls = iter(range(99))

    def break_off(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    with pytest.MonkeyPatch.context() as patched:
        for name in ("unlink", "rmdir", "rename"):
            patched.setattr(os, name, partial(break_off, getattr(os, name)))
        assert adapt(learned, words, other, out, "--force") == 130
    if adapt(learned, words, other, out) == 0:  # nothing of the first was left
        assert adapt(learned, words, other, tmp_path / "whole") == 0
        assert find_weights(out / "run").read_bytes() == find_weights(tmp_path / "whole" / "run").read_bytes()
    else:
        assert adapt(learned, words, unheard, out) == 0
        assert find_weights(out / "run").read_bytes() == before


def test_only_one_process_adapts_in_a_folder_and_what_a_kill_left_there_goes(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    with claim(out):
        assert adapt(learned, words, unheard, out) == 1
    assert "another process is writing there" in capsys.readouterr().err
    assert adapt(learned, words, unheard, out) == 0
    (out / ".round1.removed").mkdir()
    (out / "round1").rename(elsewhere)
    (out / "round1").symlink_to(elsewhere)
    assert adapt(learned, words, unheard, out, "--force") == 0
    assert not list(out.glob(".*.removed"))
    assert list(elsewhere.iterdir())
