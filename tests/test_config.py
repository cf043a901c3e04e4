from dataclasses import replace
from pathlib import Path

import pytest

from speechrnn.config import FeatureConfig, Recipe
from speechrnn.errors import RecipeError
from speechrnn.records import build_record
from speechrnn.settings import dump_toml, list_recipes, load_recipe


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_recipe_survives_the_way_to_toml_and_back(tmp_path: Path) -> None:
    recipe = replace(Recipe(), training=replace(Recipe().training, epochs=7, dev_split="dev-clean"))
    assert load_recipe(write(tmp_path / "recipe.toml", dump_toml(recipe))) == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[network]\nunits = 0", r"network.units: expected a whole number >= 1, found 0"),
        ("[network]\nunits = 1.5", r"network.units: expected a whole number, found 1.5"),
        ('[network]\nunits = "many"', r"network.units: expected a whole number, found 'many'"),
        ('[network]\nkind = "transformer"', r"network.kind: expected one of mlp, rnn, gru, lstm, found 'transformer'"),
        ("[network]\ndropout = 1.0", r"network.dropout: expected a number < 1.0, found 1.0"),
        ("[network]\ndropout = nan", r"network.dropout: "),
        (
            "[network]\nunit = 3",
            r"unknown key network.unit; allowed here: kind, .*units.*; did you mean network.units\?$",
        ),
        ("[netwrok]\nunits = 3", r"unknown key netwrok; allowed here: input, network"),
        ("network = 3", r"network: expected a table, found 3"),
        ("[network]\nbidirectional = 1", r"network.bidirectional: expected true or false, found 1"),
        ("[optimizer]\nlearning_rate = -1.0", r"optimizer.learning_rate: expected a number > 0.0, found -1.0"),
        ("[network\n", r"not TOML .*line 1"),
    ],
)
def test_a_wrong_recipe_names_its_file_and_the_dotted_key(tmp_path: Path, text: str, message: str) -> None:
    name = write(tmp_path / "recipe.toml", text)
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(name)
    assert str(caught.value).startswith(name)


def test_overrides_take_toml_values_and_bare_words(tmp_path: Path) -> None:
    name = write(tmp_path / "recipe.toml", "[network]\nunits = 64")
    recipe = load_recipe(name, ["network.kind=gru", "optimizer.learning_rate=2e-3", "network.bidirectional=false"])
    assert (recipe.network.units, recipe.network.kind, recipe.network.bidirectional) == (64, "gru", False)
    assert recipe.optimizer.learning_rate == 2e-3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("network.units", "expected dotted.key=value"),
        ("=3", "expected dotted.key=value"),
        ("network.units=0", r"--set network.units=0: network.units: expected a whole number >= 1"),
        ("network.unit=3", r"unknown key network.unit"),
        ("network.kind.x=3", r"kind is a value, not a table"),
    ],
)
def test_a_wrong_override_is_named(tmp_path: Path, override: str, message: str) -> None:
    name = write(tmp_path / "recipe.toml", "[network]\nkind = 'lstm'")
    with pytest.raises(RecipeError, match=message):
        load_recipe(name, [override])


def test_of_several_overrides_the_wrong_one_alone_is_named(tmp_path: Path) -> None:
    name = write(tmp_path / "recipe.toml", "[network]\nunits = 64")
    with pytest.raises(RecipeError) as caught:
        load_recipe(name, ["network.units=8", "training.epohcs=3", "network.layers=2"])
    assert str(caught.value).startswith("--set training.epohcs=3: unknown key training.epohcs; allowed here: epochs")
    assert str(caught.value).endswith("; did you mean training.epochs?")


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'helo': neither a file nor one of .*hello"):
        load_recipe("helo")


@pytest.mark.parametrize("name", list_recipes())
def test_every_shipped_recipe_can_be_read(name: str) -> None:
    assert load_recipe(name) != Recipe()


@pytest.mark.parametrize(
    "settings", [{"coefficients": 41}, {"low_hz": 8000.0}, {"hop_ms": 26.0}, {"high_hz": 9000.0}, {"window_ms": 0.0}]
)
def test_features_that_contradict_themselves_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        build_record(FeatureConfig, settings)
