"""Settings in and out of TOML files, with `--set` overrides; the recipes that ship with the package, by name."""

import tomllib
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from speechrnn.config import Recipe
from speechrnn.errors import RecipeError, SpeechRnnError
from speechrnn.inputs import read_text
from speechrnn.records import build_record

T = TypeVar("T")


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Returns a recipe with overrides applied.

    Args:
        name: A TOML file, or the name of a recipe that ships with the package.
        overrides: `dotted.key=value`, the value as TOML writes it; quotes around words may be left out.

    Raises:
        RecipeError: There is no such recipe, or a key or value in it is not allowed.
    """
    path = Path(name) if Path(name).is_file() else _find_shipped(name)
    return build_settings(Recipe, read_toml(path, RecipeError), overrides, str(path))


def build_settings(kind: type[T], settings: dict[str, Any], overrides: Sequence[str], where: str) -> T:
    """Returns settings with overrides applied, as a checked instance of `kind`; errors begin with `where`.

    Raises:
        RecipeError: A key is unknown, a value of the wrong type or out of range.
    """
    try:
        build_record(kind, settings)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from error
    try:
        return build_record(kind, _override(settings, overrides))
    except ValueError as error:
        for override in overrides:
            try:
                build_record(kind, _override(settings, [override]))
            except ValueError as alone:
                raise RecipeError(f"--set {override}: {alone}") from alone
        given = [f"--set {override}" for override in overrides]
        raise RecipeError(f"{' '.join(given)}: {error}") from error


def read_toml(path: Path, error_kind: type[SpeechRnnError]) -> dict[str, Any]:
    """Returns the table in a TOML file.

    Raises:
        error_kind: The file cannot be read, or is not TOML; the message names the line.
    """
    text = read_text(path, error_kind)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise error_kind(f"{path}: not TOML ({error})") from error


def dump_toml(settings: Any) -> str:
    """Returns a settings dataclass as TOML."""
    return tomli_w.dumps(asdict(settings))


def list_recipes() -> list[str]:
    """Returns the names of the recipes that ship with the package."""
    return sorted({path.parent.name for folder in _recipe_folders() for path in folder.glob("*/recipe.toml")})


def _recipe_folders() -> list[Path]:
    """Where recipes lie: in the installed package, or beside it in a checkout."""
    package = Path(str(files("speechrnn")))
    return [package / "recipes", package.parent / "recipes"]


def _find_shipped(name: str) -> Path:
    for folder in _recipe_folders():
        if (folder / name / "recipe.toml").is_file():
            return folder / name / "recipe.toml"
    raise RecipeError(f"no recipe {name!r}: neither a file nor one of {', '.join(list_recipes())}")


def _override(settings: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    changed = deepcopy(settings)
    for override in overrides:
        _apply_override(changed, override)
    return changed


def _apply_override(settings: dict[str, Any], override: str) -> None:
    """Sets a dotted key in nested tables."""
    key, separator, text = override.partition("=")
    *tables, last = key.strip().split(".")
    if not separator or not last:
        raise RecipeError(f"--set {override}: expected dotted.key=value, like --set training.epochs=10")
    table = settings
    for name in tables:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise RecipeError(f"--set {override}: {name} is a value, not a table")
    try:
        table[last] = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        table[last] = text.strip()
