import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from speechrnn.config import FeatureConfig, Recipe
from speechrnn.counts import ErrorCounts
from speechrnn.errors import ModelError
from speechrnn.features import Cmvn
from speechrnn.modelfile import Model, build_network, describe_model, load_model, read_model_info, save_model
from speechrnn.modelinfo import FORMAT_VERSION, ModelInfo, Provenance, SplitScore
from speechrnn.pronunciations import phones_of
from speechrnn.text import alphabet_of


def make_model(cmvn: bool = False) -> Model:
    recipe = Recipe()
    recipe = replace(
        recipe,
        network=replace(recipe.network, layers=1, units=4),
        input=replace(recipe.input, cmvn="corpus" if cmvn else "utterance"),
    )
    score = SplitScore(ErrorCounts(3149, 121, 17, 36), ErrorCounts(5, 0, 0, 0))
    provenance = Provenance("fsdd", 2400, 0.29, 12, {"dev": score})
    info = ModelInfo(recipe, FeatureConfig(), alphabet_of("en"), "en", provenance)
    torch.manual_seed(0)
    statistics = Cmvn(np.arange(20, dtype=np.float32), np.ones(20, dtype=np.float32)) if cmvn else None
    return Model(info, build_network(recipe, info.features, info.alphabet), statistics)


@pytest.mark.parametrize("cmvn", [True, False])
def test_a_model_survives_the_way_to_disk_and_back(tmp_path: Path, cmvn: bool) -> None:
    model = make_model(cmvn)
    save_model(model, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path)
    assert loaded.info == model.info
    assert not loaded.network.training
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], tensor)
    assert (loaded.cmvn is None) == (model.cmvn is None)
    if loaded.cmvn and model.cmvn:
        np.testing.assert_array_equal(loaded.cmvn.mean, model.cmvn.mean)
        assert loaded.cmvn.centre is None


def make_model_by_speaker(centre: int | None) -> Model:
    model = make_model(cmvn=True)
    recipe = replace(model.info.recipe, input=replace(model.info.recipe.input, cmvn="speaker"))
    assert model.cmvn is not None
    cmvn = replace(model.cmvn, centre=None if centre is None else np.arange(centre, dtype=np.float32))
    return Model(replace(model.info, recipe=recipe), model.network, cmvn)


def test_the_mean_to_which_speakers_are_moved_survives_it_too(tmp_path: Path) -> None:
    save_model(make_model_by_speaker(20), tmp_path / "model.safetensors")
    loaded = load_model(tmp_path)
    assert loaded.cmvn is not None
    np.testing.assert_array_equal(loaded.cmvn.centre, np.arange(20))
    assert "normalised by speaker" in describe_model(tmp_path / "model.safetensors", loaded.info)


@pytest.mark.parametrize(("centre", "message"), [(None, "cmvn.centre"), (3, r"cmvn\.centre of shape \(3,\)")])
def test_a_model_by_speaker_without_such_a_mean_is_refused(tmp_path: Path, centre: int | None, message: str) -> None:
    save_model(make_model_by_speaker(centre), tmp_path / "m")
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path / "m")


def test_phones_survive_it_too(tmp_path: Path) -> None:
    info = replace(make_model().info, phones=phones_of("en"))
    model = Model(info, build_network(info.recipe, info.features, info.alphabet, info.phones), None)
    save_model(model, tmp_path / "model.safetensors")
    assert load_model(tmp_path).info == info
    assert "phones:     ␣AIOTWYb" in describe_model(tmp_path / "model.safetensors", info)


def test_a_model_describes_itself(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m.safetensors")
    text = describe_model(tmp_path / "m.safetensors", read_model_info(tmp_path / "m.safetensors"))
    assert "1 x 4 bidirectional LSTM" in text
    assert "fsdd, 2400 utterances, 0.29 h" in text
    assert "epoch 12 of 40" in text
    assert "%WER 5.29 [ 174 / 3287, 36 ins, 17 del, 121 sub ]" in text


def test_weights_of_no_single_epoch_have_no_best_one(tmp_path: Path) -> None:
    save_model(make_model(), tmp_path / "m.safetensors")
    info = read_model_info(tmp_path / "m.safetensors")
    averaged = replace(info, provenance=replace(info.provenance, epoch=0))
    assert "epoch" not in describe_model(tmp_path / "m.safetensors", averaged)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_model_that_is_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "m.safetensors"
    save_model(make_model(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match="no model, or cut short"):
        load_model(path)


def write_with(path: Path, **description: object) -> Path:
    good = {"format_version": FORMAT_VERSION, "info": asdict(make_model().info)}
    save_file({"network.output.bias": torch.zeros(3)}, path, {"speechrnn": json.dumps(good | description)})
    return path


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({"format_version": FORMAT_VERSION + 1}, r"format 3 is newer than this release.*upgrade"),
        ({"format_version": "x"}, "format x is newer"),
        ({"info": "{"}, "description cannot be read"),
        ({"info": {}}, "key recipe is missing"),
        ({}, "weights do not fit its recipe"),
    ],
)
def test_a_newer_or_damaged_file_is_refused(tmp_path: Path, description: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(write_with(tmp_path / "m.safetensors", **description))


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"speechrnn": "{"}, {"speechrnn": "[]"}])
def test_another_programs_file_is_refused(tmp_path: Path, metadata: dict[str, str]) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "m.safetensors", metadata)
    with pytest.raises(ModelError, match="no model of speechrnn; it does not say what it is"):
        load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    model = make_model()
    model.network.output.bias.data[0] = value
    save_model(model, tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match="not all are finite numbers"):
        load_model(tmp_path / "m.safetensors")


def test_statistics_of_another_width_are_refused(tmp_path: Path) -> None:
    model = make_model(cmvn=True)
    save_model(replace(model, cmvn=Cmvn(np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32))), tmp_path / "m")
    with pytest.raises(ModelError, match=r"cmvn\.mean of shape \(3,\), expected \(20,\)"):
        load_model(tmp_path / "m")


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "abcdefgh":
        save_model(make_model(cmvn=True), tmp_path / name)
    assert len({(tmp_path / name).read_bytes() for name in "abcdefgh"}) == 1


def test_what_a_model_says_of_itself_is_read_without_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(make_model(), tmp_path / "m")
    monkeypatch.setattr("speechrnn.modelfile._fill_network", lambda *_: pytest.fail("read"))
    assert read_model_info(tmp_path / "m") == make_model().info


def test_what_is_no_model_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("hello\n" * 50)
    for path, message in [
        (tmp_path / "none", "no such model"),
        (tmp_path, "no model.safetensors in this folder; train first"),
        (tmp_path / "text.safetensors", "no model, or cut short"),
    ]:
        with pytest.raises(ModelError, match=message):
            read_model_info(path)
