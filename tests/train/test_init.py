from dataclasses import replace
from pathlib import Path

import pytest
import torch

from speechrnn.config import FeatureConfig, Recipe
from speechrnn.errors import ModelError
from speechrnn.modelfile import Model, build_network, load_model, save_model
from speechrnn.modelinfo import MODEL_FILE, ModelInfo
from speechrnn.network import AcousticNetwork
from speechrnn.pronunciations import phones_of
from speechrnn.text import Alphabet, alphabet_of
from speechrnn.train.init import carry_over
from speechrnn.train.run import train_model
from speechrnn.train.state import STATE_FILE
from tests.train.conftest import TINY, tiny


def make(alphabet: Alphabet, seed: int, recipe: Recipe = TINY) -> AcousticNetwork:
    torch.manual_seed(seed)
    return build_network(recipe, FeatureConfig(), alphabet).eval()


def model_of(alphabet: Alphabet) -> Model:
    return Model(ModelInfo(TINY, FeatureConfig(), alphabet, "en"), make(alphabet, 1), None)


def test_a_network_of_the_same_kind_computes_the_same() -> None:
    english = alphabet_of("en")
    model, network = model_of(english), make(english, 2)
    said = carry_over(model, network, english)
    features, lengths = torch.randn(2, 60, 20), torch.tensor([60, 40])
    assert torch.equal(network(features, lengths)[0], model.network(features, lengths)[0])
    assert said == "10 of 10 tensors of the layers, 28 of 28 letters"


def test_letters_carry_over_by_themselves_and_not_by_their_place() -> None:
    english, spanish = alphabet_of("en"), alphabet_of("es")
    model, network = model_of(english), make(spanish, 2)
    fresh = network.output.weight.detach().clone()
    assert carry_over(model, network, spanish).endswith("27 of 34 letters")
    for letter in " aez":
        ours, theirs = spanish.encode(letter)[0], english.encode(letter)[0]
        assert torch.equal(network.output.weight[ours], model.network.output.weight[theirs])
        assert network.output.bias[ours] == model.network.output.bias[theirs]
    assert torch.equal(network.output.weight[0], model.network.output.weight[0])
    assert torch.equal(network.output.weight[spanish.encode("ñ")[0]], fresh[spanish.encode("ñ")[0]])


def test_phones_carry_over_as_they_are() -> None:
    english, phones = alphabet_of("en"), phones_of("en")
    assert phones
    theirs = build_network(TINY, FeatureConfig(), english, phones)
    model = Model(ModelInfo(TINY, FeatureConfig(), english, "en", phones=phones), theirs, None)
    ours = build_network(TINY, FeatureConfig(), english, phones)
    assert carry_over(model, ours, english, phones).startswith("12 of 12 tensors")
    assert carry_over(model_of(english), ours, english, phones).startswith("10 of 12 tensors")
    other = replace(model, info=replace(model.info, phones=Alphabet(tuple(reversed(phones.symbols)))))
    assert carry_over(other, ours, english, phones).startswith("10 of 12 tensors")
    features, lengths = torch.randn(2, 60, 20), torch.tensor([60, 40])
    carry_over(model, ours, english, phones)
    assert torch.equal(ours.eval().read_phones(features, lengths)[0], theirs.eval().read_phones(features, lengths)[0])


def test_what_does_not_fit_stays_fresh() -> None:
    english = alphabet_of("en")
    wide = replace(TINY, network=replace(TINY.network, units=13))
    deep = replace(TINY, network=replace(TINY.network, layers=2))
    assert carry_over(model_of(english), make(english, 2, wide), english).startswith("0 of 10 tensors")
    assert carry_over(model_of(english), make(english, 2, deep), english).startswith("10 of 20 tensors")


def test_a_run_begins_where_another_ended_and_says_so(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_model(data, TINY, tmp_path / "first")
    capsys.readouterr()
    still = replace(tiny(epochs=1), optimizer=replace(TINY.optimizer, learning_rate=1e-12, weight_decay=0.0))
    model = train_model(data, still, tmp_path / "second", init=tmp_path / "first")
    assert "28 of 28 letters" in capsys.readouterr().err
    assert "from a model of tsv (corpus)" in model.info.provenance.corpus
    first = load_model(tmp_path / "first" / MODEL_FILE).network.state_dict()
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(value, first[name], atol=1e-6, rtol=0)
    with pytest.raises(ModelError, match="no such model"):
        train_model(data, TINY, tmp_path / "third", init=tmp_path / "none")
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize("left", [("recipe.toml", "resume.pt"), ("recipe.toml",)])
def test_a_run_that_is_killed_before_its_first_step_still_begins_with_the_model(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, left: tuple[str, ...]
) -> None:
    train_model(data, tiny(epochs=1), tmp_path / "first")
    recipe = tiny(epochs=1, seed=5)
    train_model(data, recipe, tmp_path / "whole", init=tmp_path / "first")

    def die(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("speechrnn.train.run._run", die)
        with pytest.raises(ZeroDivisionError):
            train_model(data, recipe, tmp_path / "killed", init=tmp_path / "first")
    for path in (tmp_path / "killed").iterdir():
        if path.name not in left:
            path.unlink()
    train_model(data, recipe, tmp_path / "killed", resume=True, init=tmp_path / "first")
    weights = [(tmp_path / run / MODEL_FILE).read_bytes() for run in ("whole", "killed")]
    assert weights[0] == weights[1]


def test_a_resumed_run_keeps_where_it_began_and_may_begin_in_its_own_place(tmp_path: Path, data: Path) -> None:
    train_model(data, tiny(epochs=1), tmp_path / "run")
    model = train_model(data, tiny(epochs=1), tmp_path / "run", init=tmp_path / "run", force=True)
    assert model.info.provenance.corpus == "tsv (corpus), from a model of tsv (corpus)"
    resumed = train_model(data, tiny(epochs=1), tmp_path / "run", resume=True)
    assert resumed.info == model.info
    state = torch.load(tmp_path / "run" / STATE_FILE, weights_only=True)["state"]
    assert state["origin"] == "tsv (corpus)"


def test_priors_of_phones_stay_only_where_the_phone_output_does(tmp_path: Path, data: Path) -> None:
    train_model(data, tiny(epochs=1, phones=0.3), tmp_path / "first")
    first = tmp_path / "first" / MODEL_FILE
    model = load_model(first)
    heard = replace(model.info, provenance=replace(model.info.provenance, hours=100.0))
    save_model(replace(model, info=heard), first)
    wide = replace(tiny(epochs=1, phones=0.3), network=replace(TINY.network, units=13))
    for name, recipe, stays in (("same", tiny(epochs=1, phones=0.3), True), ("wide", wide, False)):
        trained = train_model(data, recipe, tmp_path / name, init=tmp_path / "first")
        assert (trained.info.phone_priors == heard.phone_priors) is stays
