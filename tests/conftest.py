"""Recordings and corpora that the tests share, cut from the embedded voices."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE, Signal, read_utterance
from speechrnn.config import PrepareConfig
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.corpora.hello import SOURCE, read_hello
from speechrnn.prepare.pipeline import prepare_corpus
from speechrnn.prepare.plan import plan_corpus
from speechrnn.prepare.prepared import PreparedCorpus


@pytest.fixture(scope="session")
def phrases() -> list[Utterance]:
    """All phrases of the embedded voices."""
    return [utterance for utterances in read_hello(SOURCE).values() for utterance in utterances]


@pytest.fixture(scope="session")
def hello_world(phrases: Sequence[Utterance]) -> Signal:
    """One voice that says "hello world"."""
    return read_utterance(phrases[0])


def prepare(name: str, source: Path, out: Path, config: PrepareConfig | None = None, **options: Any) -> PreparedCorpus:
    """Prepares a corpus of that layout."""
    return prepare_corpus(plan_corpus(find_corpus(name), source, config or PrepareConfig()), out, **options)


@pytest.fixture
def make_corpus(tmp_path: Path, phrases: Sequence[Utterance]) -> Callable[..., Path]:
    """Makes a folder with metadata.tsv and WAV files: a few voices, each with a few short phrases."""

    def make(voices: int = 4, texts: Sequence[str] = ("hello", "yes", "no"), name: str = "corpus") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        chosen = list(dict.fromkeys(one.speaker for one in phrases))[:voices]
        rows = ["path\tspeaker\ttext"]
        for phrase in phrases:
            if phrase.speaker in chosen and phrase.text in texts:
                soundfile.write(folder / f"{phrase.id}.wav", read_utterance(phrase), SAMPLE_RATE)
                rows.append(f"{phrase.id}.wav\t{phrase.speaker}\t{phrase.text}")
        (folder / "metadata.tsv").write_text("\n".join(rows) + "\n")
        return folder

    return make
