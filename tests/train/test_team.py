"""Several processes, as torchrun starts them, against one."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.errors import TrainingError
from speechrnn.settings import dump_toml
from speechrnn.train import loop
from speechrnn.train.log import read_log
from speechrnn.train.run import train_model
from speechrnn.train.state import STATE_FILE
from speechrnn.train.team import Team
from tests.train.conftest import TINY, tiny

PLAIN = replace(tiny(epochs=2), network=replace(TINY.network, dropout=0.0))
"""Dropout is drawn by each process for itself."""


def start(processes: int, data: Path, run: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += ["-m", "speechrnn", "train", str(data), "--out", str(run), *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def write_recipe(folder: Path, **training: float) -> str:
    path = folder / "recipe.toml"
    path.write_text(dump_toml(replace(PLAIN, training=replace(PLAIN.training, **training))))  # type: ignore[arg-type]
    return str(path)


@given(st.lists(st.integers(), max_size=9), st.integers(1, 12))
def test_together_all_processes_take_each_utterance_once(batch: list[int], size: int) -> None:
    shares = [Team(rank, size).share(batch) for rank in range(size)]
    assert sorted(index for share in shares for index in share) == sorted(batch)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_three_processes_go_on_and_learn_what_one_learns(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine utterances in batches of three or four, so that one process at times has none; begun by one process."""
    goal = replace(PLAIN, training=replace(PLAIN.training, batch_seconds=1.5))
    train_model(data, goal, tmp_path / "one")
    take_step = loop.Training._take_step

    def stop_after_the_second(self: loop.Training, *arguments: object) -> float:
        self.interrupt.requested = self.state.step == 1
        return take_step(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop.Training, "_take_step", stop_after_the_second)
    with pytest.raises(KeyboardInterrupt):
        train_model(data, goal, tmp_path / "three")
    monkeypatch.undo()
    process = start(3, data, tmp_path / "three", "--resume")
    heard = process.communicate()[0]
    assert process.returncode == 0, heard
    assert heard.count("epoch 1/2") == 1
    assert "float32 on cpu, 1 thread in each of 3 processes, resumed in epoch 1" in heard
    for mine, one in zip(read_log(tmp_path / "three"), read_log(tmp_path / "one"), strict=True):
        assert (mine.loss, mine.dev_loss) == pytest.approx((one.loss, one.dev_loss), rel=1e-4)
        assert (mine.step, mine.speech_seconds) == (one.step, one.speech_seconds)
    weights, alone = (torch.load(tmp_path / name / STATE_FILE)["network"] for name in ("three", "one"))
    for name in alone:
        torch.testing.assert_close(weights[name], alone[name], rtol=1e-2, atol=1e-3)


def test_processes_that_were_started_differently_end_with_one_line(tmp_path: Path, data: Path) -> None:
    """A script for torchrun in which the second process asks for another learning rate."""
    script = tmp_path / "differ.py"
    script.write_text(
        "import os, sys\n"
        "from speechrnn.cli import run\n"
        f"words = ['train', {str(data)!r}, '--out', {str(tmp_path / 'run')!r}]\n"
        f"words += ['--recipe', {write_recipe(tmp_path)!r}]\n"
        "words += ['--set', 'training.seed=7'] if os.environ['RANK'] == '1' else []\n"
        "sys.exit(run(words))\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    found = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert found.returncode != 0
    ours = [line for line in (found.stdout + found.stderr).splitlines() if line.startswith("speechrnn: ")]
    assert ours == [
        "speechrnn: process 0 of 2: the settings or the corpus of process 1 are not those of the first; start all with"
        " the same command, over the same prepared corpus"
    ]
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_only_an_unreachable_process_is_called_that() -> None:
    gone, own = "[gloo/transport/tcp/pair.cc:1] Connection closed by peer", "mat1 and mat2 cannot be multiplied"
    with pytest.raises(TrainingError, match=r"another process of this run has ended.*by peer"), Team(0, 2).watch():
        raise RuntimeError(gone)
    for team, said in ((Team(0, 2), own), (Team(), gone)):
        with pytest.raises(RuntimeError, match=said.split()[-1]), team.watch():
            raise RuntimeError(said)


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_one_process_goes_on_where_two_were_ended(tmp_path: Path, data: Path, number: signal.Signals) -> None:
    """One of them is killed, or all are interrupted."""
    run, recipe = tmp_path / "run", write_recipe(tmp_path, epochs=40, save_minutes=1e-6)
    process = start(2, data, run, "--recipe", recipe)
    while not (run / STATE_FILE).exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    if number == signal.SIGKILL:
        os.kill(find_workers(process.pid)[1], signal.SIGKILL)
    else:
        process.send_signal(number)
    heard = process.communicate()[0]
    assert process.returncode != 0
    if number == signal.SIGKILL:
        assert "process 0 of 2: another process of this run has ended or cannot be reached" in heard
    else:
        assert heard.count("to go on: ") == 1
    done = torch.load(run / STATE_FILE)["state"]["step"]
    goal = replace(PLAIN, training=replace(PLAIN.training, epochs=40, save_minutes=1e-6))
    assert 0 < done < 40 * 3
    train_model(data, goal, run, resume=True)
    assert read_log(run)[-1].epoch == 40


def find_workers(parent: int) -> list[int]:
    """Returns the children of a process, in the order in which they were started."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in children.read_text().split()]
