"""A model taught a voice: what is learned, what is kept apart, what is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from speechrnn.adapt.adaptation import adapt_model, find_layout, make_recipe
from speechrnn.cli import run
from speechrnn.config import FeatureConfig
from speechrnn.errors import CorpusError, OutputError
from speechrnn.features import Cmvn
from speechrnn.modelfile import Model, build_network, load_model, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.prepare.store import FeatureStore
from speechrnn.text import Alphabet, alphabet_of
from speechrnn.train.folder import read_run_recipe
from speechrnn.train.log import read_log
from tests.train.conftest import TINY

WORDS = ("hello", "yes", "no", "thank you", "good morning", "where is it")

Make = Callable[..., Path]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An untrained model that hears ten coefficients, not twenty."""
    return make_model(tmp_path / "model.safetensors", "en")


def make_model(path: Path, lang: str, letters: str = "", seed: int = 1) -> Path:
    torch.manual_seed(seed)  # another one than the recipe's, from which fresh weights are drawn
    alphabet = Alphabet((" ", *letters)) if letters else alphabet_of(lang)
    recipe = replace(TINY, augment=replace(TINY.augment, noise="folder/of/another/machine", masks_from=0.4))
    info = ModelInfo(recipe, FeatureConfig(coefficients=10), alphabet, lang)
    save_model(Model(info, build_network(info.recipe, info.features, info.alphabet), None), path)
    return path


def test_a_model_goes_on_from_its_weights_and_is_judged_on_sentences_kept_apart(
    tmp_path: Path, model: Path, make_corpus: Make
) -> None:
    out = tmp_path / "out"
    overrides = ("training.epochs=2", "optimizer.learning_rate=1e-9")
    assessment = adapt_model(model, make_corpus(3, WORDS), out, overrides=overrides)
    assert assessment.other is not None
    assert assessment.score.words == assessment.other.words
    before, after = (load_model(path).network.state_dict() for path in (model, out / "run"))
    for name, weights in before.items():  # steps of a billionth change nothing
        assert torch.allclose(weights, after[name], atol=1e-6)
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
    assert (recipe.augment.noise, recipe.augment.masks_from) == ("", 0.0)
    was = replace(recipe.augment, noise=info.recipe.augment.noise, masks_from=info.recipe.augment.masks_from)
    as_it_was = replace(recipe, optimizer=info.recipe.optimizer, training=info.recipe.training, augment=was)
    assert as_it_was == info.recipe
    assert recipe.training.intermediate == info.recipe.training.intermediate
    assert recipe.optimizer.learning_rate < info.recipe.optimizer.learning_rate


@pytest.mark.parametrize(("cmvn", "speaker"), [("speaker", "somebody"), ("utterance", "")])
def test_by_speaker_recordings_that_name_nobody_are_one_persons(
    tmp_path: Path, make_corpus: Make, cmvn: str, speaker: str
) -> None:
    settings = replace(TINY, input=replace(TINY.input, cmvn=cmvn))  # type: ignore[arg-type]
    info = ModelInfo(settings, FeatureConfig(), alphabet_of("en"), "en")
    ones = np.ones(20, dtype=np.float32)
    statistics = None if cmvn == "utterance" else Cmvn(ones.copy(), ones.copy(), ones.copy())
    path = tmp_path / "model.safetensors"
    save_model(Model(info, build_network(settings, info.features, info.alphabet), statistics), path)
    corpus = make_corpus(1, WORDS)
    table = corpus / "metadata.tsv"
    head, *rows = [line.split("\t") for line in table.read_text().splitlines()]
    table.write_text("\n".join("\t".join(row) for row in [head, *([name, "", text] for name, _, text in rows)]))
    adapt_model(path, corpus, tmp_path / "out", overrides=("training.epochs=1",))
    stores = [FeatureStore([tmp_path / "out" / "data"], split) for split in ("train", "test")]
    heard = {utterance.speaker for store in stores for utterance in store.utterances}
    assert heard == {speaker}


def test_all_letters_of_the_model_are_kept(tmp_path: Path, make_corpus: Make) -> None:
    letters = "abcdefghijklmnopqrstuvwxyzäöüß"
    model = make_model(tmp_path / "german.safetensors", "de", letters)
    adapt_model(model, make_corpus(2, WORDS), tmp_path / "out", overrides=("training.epochs=1",))
    assert load_model(tmp_path / "out" / "run").info.alphabet == load_model(model).info.alphabet


def test_what_an_adaptation_was_made_of_cannot_change_unseen(
    tmp_path: Path, model: Path, make_corpus: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    out, corpus = tmp_path / "out", make_corpus(2, WORDS)
    command = ["adapt", str(corpus), "--out", str(out), "--set", "training.epochs=1", "--model"]
    assert run([*command, str(model)]) == 0
    assert "no better than before" in capsys.readouterr().err  # one epoch from nothing
    weights = (out / "run" / "model.safetensors").read_bytes()
    other = make_model(tmp_path / "other.safetensors", "en", seed=2)
    assert run([*command, str(other)]) == 1
    assert "holds another model's adaptation" in capsys.readouterr().err
    assert run([*command, str(model), "--set", "optimizer.learning_rate=0.1"]) == 1
    assert "holds an adaptation with other settings; --force begins again" in capsys.readouterr().err
    assert run([*command, str(model), "--set", "training.threads=1"]) == 0
    capsys.readouterr()
    more = make_corpus(3, WORDS, "more")
    assert run(["adapt", str(more), *command[2:], str(model)]) == 1
    assert "prepared from other input or settings" in capsys.readouterr().err
    assert (out / "run" / "model.safetensors").read_bytes() == weights
    shutil.rmtree(out / "data")
    assert run(["adapt", str(more), *command[2:], str(model)]) == 1
    assert "from this one before it was prepared anew" in capsys.readouterr().err
    failed = ["adapt", str(more), *command[2:], str(other), "--force"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("speechrnn.adapt.adaptation.prepare_corpus", _fail)
        assert run(failed) == 1
    assert run(failed[:-1]) == 0  # what is there is not the other model's, and is not taken for it
    assert (out / "run" / "model.safetensors").read_bytes() != weights
    assert run([*command, str(model), "--force"]) == 0
    assert (out / "run" / "model.safetensors").read_bytes() == weights


def _fail(*_: object, **__: object) -> None:
    raise OutputError("the disk is full")


def test_a_split_of_which_nothing_can_be_used_ends_it_before_training(
    tmp_path: Path, model: Path, make_corpus: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = make_corpus(1, WORDS)
    for recording in corpus.glob("*.wav"):
        recording.write_bytes(b"")
    assert run(["adapt", str(corpus), "--out", str(tmp_path / "out"), "--model", str(model)]) == 1
    assert "utterances can be used" in capsys.readouterr().err


def test_the_layout_is_found(tmp_path: Path, make_corpus: Make) -> None:
    assert find_layout(make_corpus(1, ("yes",))) == "tsv"
    assert find_layout(tmp_path) == "folder"
    (tmp_path / "mine.jsonl").touch()
    assert find_layout(tmp_path / "mine.jsonl") == "nemo"
    (tmp_path / "train_manifest.json").touch()
    assert find_layout(tmp_path) == "folder"
    (tmp_path / "train_manifest.json").write_text('{"audio_filepath": "a.wav", "text": "yes"}\n')
    assert find_layout(tmp_path) == "nemo"
    for path, message in ((tmp_path / "none", "is not there"), (next(tmp_path.rglob("*.wav")), "is a recording")):
        with pytest.raises(CorpusError, match=message):
            find_layout(path)


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
    one_split = tmp_path / "one" / "train"
    shutil.copytree(corpus, one_split)
    (one_split / "metadata.tsv").unlink()
    for recording, text in zip(one_split.glob("*.wav"), ("yes", "no"), strict=True):
        recording.with_suffix(".txt").write_text(text)
    assert run(["adapt", str(one_split.parent), "--out", str(tmp_path / "out"), "--model", str(model)]) == 1
    assert "nothing for test; there is train, dev" in capsys.readouterr().err
    command = ["adapt", str(corpus), "--out", str(tmp_path / "out"), "--model"]
    assert run([*command, str(model)]) == 1
    assert "2 different sentences with a text" in capsys.readouterr().err
    assert run([*command, str(tmp_path / "none")]) == 1
    assert "no such model" in capsys.readouterr().err
    (tmp_path / "exported.onnx").touch()
    assert run([*command, str(tmp_path / "exported.onnx")]) == 1
    assert "is exported" in capsys.readouterr().err
    assert run([*command, str(model), "--set", "training.epoch=1"]) == 1
    assert "unknown key training.epoch" in capsys.readouterr().err
    for setting in ("network.units=7", "training.dev_split=test"):
        assert run([*command, str(model), "--set", setting]) == 1
    assert "nothing is chosen on what is tested" in capsys.readouterr().err
    assert run([*command, str(model), "--set", "training.phones=0.5"]) == 1
    assert "training.phones is the model's" in capsys.readouterr().err
    assert run([*command, str(model), "--lm", "none.lm"]) == 1
    assert "no such language model" in capsys.readouterr().err
    line = {"audio_filepath": str(next(corpus.glob("*.wav"))), "text": "hola", "lang": "es-MX"}
    (tmp_path / "es.jsonl").write_text(json.dumps(line) + "\n")
    assert run(["adapt", str(tmp_path / "es.jsonl"), "--out", str(tmp_path / "out"), "--model", str(model)]) == 1
    assert "some of it is in es-MX, and the model knows en" in capsys.readouterr().err
    mine = ["adapt", str(make_corpus(1, WORDS, "mine")), "--out", str(tmp_path), "--model", str(model)]
    assert run(mine) == 1
    assert "holds the model that shall learn" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
