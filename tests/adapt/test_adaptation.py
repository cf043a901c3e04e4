"""A model taught a voice: what is learned, what is kept apart, what is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from speechrnn.adapt.adaptation import adapt_model, find_layout, make_recipe
from speechrnn.cli import run
from speechrnn.config import FeatureConfig
from speechrnn.modelfile import Model, build_network, load_model, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.prepare.store import FeatureStore
from speechrnn.text import alphabet_of
from speechrnn.train.log import read_log
from speechrnn.train.run import read_run_recipe
from tests.train.conftest import TINY

WORDS = ("hello", "yes", "no", "thank you", "good morning", "where is it")

Make = Callable[..., Path]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An untrained model that hears ten coefficients, not twenty."""
    torch.manual_seed(0)
    info = ModelInfo(TINY, FeatureConfig(coefficients=10), alphabet_of("en"), "en")
    path = tmp_path / "model.safetensors"
    save_model(Model(info, build_network(info.recipe, info.features, info.alphabet), None), path)
    return path


def test_a_model_goes_on_from_its_weights_and_is_judged_on_sentences_kept_apart(
    tmp_path: Path, model: Path, make_corpus: Make
) -> None:
    out = tmp_path / "out"
    overrides = ("training.epochs=2", "optimizer.learning_rate=1e-9")
    assessment = adapt_model(model, make_corpus(3, WORDS), out, overrides=overrides)
    assert assessment.other is not None  # steps of a billionth change nothing, so the run went on from these weights
    assert assessment.score.words == assessment.other.words
    texts = [{one.text for one in FeatureStore([out / "data"], split).utterances} for split in ("train", "dev", "test")]
    assert all(texts)
    assert len(set.union(*texts)) == sum(map(len, texts))
    judged = {one.id for one in assessment.score.utterances}
    assert judged == {one.id for one in FeatureStore([out / "data"], "test").utterances}


def test_what_is_learned_lowers_the_loss_and_is_not_learned_twice(
    tmp_path: Path, model: Path, make_corpus: Make
) -> None:
    corpus, out = make_corpus(3, WORDS), tmp_path / "out"
    adapt_model(model, corpus, out, overrides=("optimizer.learning_rate=0.02",))
    losses = [record.loss for record in read_log(out / "run")]
    assert losses[-1] < losses[0] / 2
    weights = (out / "run" / "model.safetensors").read_bytes()
    adapt_model(model, corpus, out, overrides=("optimizer.learning_rate=0.02",))
    assert (out / "run" / "model.safetensors").read_bytes() == weights
    assert len(read_log(out / "run")) == len(losses)


def test_the_recipe_is_the_models_own_in_small_steps(model: Path) -> None:
    info = load_model(model).info
    recipe = make_recipe(info)
    assert replace(recipe, optimizer=info.recipe.optimizer, training=info.recipe.training) == info.recipe
    assert recipe.training.intermediate == info.recipe.training.intermediate
    assert recipe.optimizer.learning_rate < info.recipe.optimizer.learning_rate


def test_the_layout_is_found(tmp_path: Path, make_corpus: Make) -> None:
    assert find_layout(make_corpus(1, ("yes",))) == "tsv"
    assert find_layout(tmp_path) == "folder"
    (tmp_path / "mine.jsonl").touch()
    assert find_layout(tmp_path / "mine.jsonl") == "nemo"


def test_the_command_prints_before_and_after(
    tmp_path: Path, model: Path, make_corpus: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["adapt", str(make_corpus(2, WORDS)), "--model", str(model), "--out", str(out)]
    assert run([*command, "--set", "training.epochs=1"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert (lines[0], lines[5]) == ("before", "after")
    assert all(lines[line].startswith("%WER ") for line in (1, 6))
    assert lines[10].startswith("difference ")
    assert read_run_recipe(out / "run").training.epochs == 1
    assert printed.err.splitlines()[-1].endswith(f"transcribe FILE --model {out / 'run'}")


def test_what_cannot_be_adapted_is_refused(
    tmp_path: Path, model: Path, make_corpus: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = make_corpus(1, WORDS[:2])
    command = ["adapt", str(corpus), "--out", str(tmp_path / "out"), "--model"]
    assert run([*command, str(model)]) == 1
    assert "2 sentences cannot be split" in capsys.readouterr().err
    assert run([*command, str(tmp_path / "none")]) == 1
    assert "no such model" in capsys.readouterr().err
    (tmp_path / "exported.onnx").touch()
    assert run([*command, str(tmp_path / "exported.onnx")]) == 1
    assert "is exported" in capsys.readouterr().err
    assert run([*command, str(model), "--set", "training.epoch=1"]) == 1
    assert "unknown key training.epoch" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
