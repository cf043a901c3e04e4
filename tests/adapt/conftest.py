"""A model that knows three words, recordings of them by others, and the command that adapts it to these."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE, read_utterance
from speechrnn.cli import run
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.train.run import train_model
from tests.conftest import prepare
from tests.train.conftest import TINY

WORDS = ("hello", "yes", "no")

OVERRIDES = ("training.epochs=2", "training.batch_seconds=3")
"""Little, but several steps: a single one is taken at a learning rate of 0."""

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory, phrases: Sequence[Utterance]) -> Path:
    """A model that knows three words of a few voices."""
    folder = tmp_path_factory.mktemp("learned")
    lines = [one for one in phrases if one.text in WORDS]
    voices = list(dict.fromkeys(one.speaker for one in lines))
    write_lines(folder / "train.jsonl", [one for one in lines if one.speaker in voices[:6]])
    write_lines(folder / "dev.jsonl", [one for one in lines if one.speaker == voices[12]])
    prepare("nemo", folder, folder / "data")
    recipe = replace(TINY, training=replace(TINY.training, epochs=40))
    train_model(folder / "data", recipe, folder / "run")
    return folder / "run"


def write_lines(path: Path, utterances: Sequence[Utterance], **changes: object) -> None:
    lines = [
        {"audio_filepath": one.audio_filepath, "offset": one.offset, "duration": one.duration, "text": one.text}
        | {"id": one.id, "speaker": one.speaker}
        | changes
        for one in utterances
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def unheard(tmp_path: Path, phrases: Sequence[Utterance]) -> Path:
    """Words of other voices, with a text that nobody said."""
    lines = [one for one in phrases if one.text in WORDS]
    voices = list(dict.fromkeys(one.speaker for one in lines))[6:12]
    write_lines(tmp_path / "unheard.jsonl", [one for one in lines if one.speaker in voices], text="nonsense")
    return tmp_path / "unheard.jsonl"


@pytest.fixture
def recordings(tmp_path: Path, unheard: Path) -> Path:
    """A folder with what the manifest names, each a recording of its own."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number, one in enumerate(read_manifest(unheard)):
        soundfile.write(folder / f"{number}.wav", read_utterance(one), SAMPLE_RATE)
    return folder


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(WORDS))
    return path


def adapt(learned: Path, words: Path, recordings: Path, out: Path, *options: str) -> int:
    command = ["adapt", str(recordings), "--out", str(out), "--model", str(learned), "--untranscribed"]
    changes = [part for override in OVERRIDES for part in ("--set", override)]
    return run([*command, "--words", str(words), "--rounds", "1", *changes, *options])


def split_off_test(corpus: Path, unheard: Path, text: str) -> Path:
    """Makes a folder of manifests: two thirds of the recordings to be heard, and a third for testing."""
    corpus.mkdir()
    lines = [json.loads(line) for line in unheard.read_text().splitlines()]
    for name, part in (("train", lines[:12]), ("test", [line | {"text": text} for line in lines[12:]])):
        (corpus / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in part))
    return corpus
