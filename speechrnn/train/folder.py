"""A run's folder: what lies in it, whether a run may begin or go on there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from speechrnn.config import Recipe
from speechrnn.errors import OutputError, RecipeError
from speechrnn.modelinfo import MODEL_FILE
from speechrnn.outputs import is_ours, write_atomically
from speechrnn.settings import build_settings, dump_toml, read_toml
from speechrnn.train.log import CURVES_FILE, EVENT_FILES, LOG_FILE, read_log
from speechrnn.train.loop import is_at_end
from speechrnn.train.state import STATE_FILE

RECIPE_FILE = "recipe.toml"

_REPLACED = (MODEL_FILE, STATE_FILE, LOG_FILE, CURVES_FILE)
"""What the next run in a folder writes anew."""


def is_finished(out: Path) -> bool:
    """Returns whether the run in a folder has come to its end.

    Raises:
        RecipeError: Its recipe was damaged.
        TrainingError: Its log was damaged.
    """
    records = read_log(out)
    best = max((record.epoch for record in records if record.best), default=0)
    return bool(records) and is_at_end(read_run_recipe(out).training, records[-1].epoch, best)


def read_run_recipe(out: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Returns the recipe of the run in a folder, with overrides applied.

    Raises:
        RecipeError: There is no run, or its recipe was damaged.
    """
    path = out / RECIPE_FILE
    if not path.exists():
        raise RecipeError(f"{out}: no run to resume here; begin one with --recipe")
    return build_settings(Recipe, read_toml(path, RecipeError), overrides, str(path))


def check_folder(out: Path, recipe: Recipe, resume: bool, force: bool) -> bool:
    """Returns whether there is a run to go on with.

    Raises:
        OutputError: A run or something else is in the way.
        RecipeError: The run to go on with has another recipe.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is no folder; name one for the run")
    path = out / RECIPE_FILE
    if path.exists() and resume:
        if but_for_threads(read_run_recipe(out)) != but_for_threads(recipe):
            raise RecipeError(
                f"{path}: differs from the recipe given; resume without --recipe and --set, or choose another --out"
                f" (--init {out} begins with what this run learned)"
            )
        if (out / MODEL_FILE).exists() and not (out / STATE_FILE).exists():
            raise OutputError(f"{out}: holds a model, but no {STATE_FILE} to resume from; --force starts again")
        return True
    begun = (out / STATE_FILE).exists() or (out / MODEL_FILE).exists()
    if path.exists() and begun and not force:
        raise OutputError(f"{out}: holds a run; --resume goes on with it, --force starts again")
    if out.exists() and not (begun and path.exists()) and any(not _is_left_over(entry) for entry in out.iterdir()):
        raise OutputError(f"{out}: holds other files; choose another --out")
    return False


def _is_left_over(path: Path) -> bool:
    """Returns whether a file is what a run leaves that was killed before it saved anything."""
    if path.name == RECIPE_FILE:
        return path.read_text(encoding="utf-8", errors="replace") == dump_toml(read_run_recipe(path.parent))
    return is_ours(path) or (path.name == LOG_FILE and not path.stat().st_size) or path.match(EVENT_FILES)


def is_of_run(path: Path) -> bool:
    """Returns whether a run gives its files a name like that of a path in its folder."""
    return path.name in (*_REPLACED, RECIPE_FILE) or path.match(EVENT_FILES) or is_ours(path)


def begin_folder(out: Path, recipe: Recipe) -> None:
    """Removes what an earlier run left, and writes the recipe; raises OutputError where that cannot be written."""
    for old in _REPLACED:
        (out / old).unlink(missing_ok=True)
    for events in out.glob(EVENT_FILES):
        events.unlink()
    with write_atomically(out / RECIPE_FILE) as temporary:
        temporary.write_text(dump_toml(recipe), encoding="utf-8")


def but_for_threads(recipe: Recipe) -> Recipe:
    """Returns a recipe without what changes how fast a run goes on, and not what it learns."""
    return replace(recipe, training=replace(recipe.training, threads=0))
