"""A training run in its folder: begun, resumed, finished."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch.optim import Optimizer

from speechrnn.config import Recipe, build_settings, dump_toml, read_toml
from speechrnn.console import note, warn
from speechrnn.errors import OutputError, RecipeError, TrainingError
from speechrnn.features import Cmvn, append_deltas, estimate_cmvn
from speechrnn.hardware import choose_device, count_cores
from speechrnn.modelfile import (
    MODEL_FILE,
    Model,
    ModelInfo,
    Provenance,
    build_network,
    load_model,
)
from speechrnn.network import AcousticNetwork
from speechrnn.outputs import LOCK_FILE, claim, write_atomically
from speechrnn.prepare.pipeline import PreparedCorpus, read_prepared
from speechrnn.prepare.store import FeatureStore
from speechrnn.text import alphabet_of
from speechrnn.train.batches import Batch, collate
from speechrnn.train.display import TrainingDisplay
from speechrnn.train.examples import ExampleSource
from speechrnn.train.interrupt import catch_interrupts
from speechrnn.train.log import CURVES_FILE, LOG_FILE, RunLog
from speechrnn.train.loop import Training
from speechrnn.train.optimizer import make_optimizer
from speechrnn.train.probe import Precision, can_train_in_bfloat16, measure_bfloat16
from speechrnn.train.state import STATE_FILE, RunState, load_state

RECIPE_FILE = "recipe.toml"

_NAMED = 10
"""Utterances that are named one by one before the rest is only counted."""


def train_model(
    data: Path, recipe: Recipe, out: Path, *, resume: bool = False, force: bool = False, device: str = "auto"
) -> Model:
    """Trains on a prepared corpus and returns the best model, which lies in `out` with the run's log.

    Args:
        data: A folder that `prepare` made.
        recipe: The settings.
        out: The run's folder.
        resume: Go on with the run in `out`, if there is one.
        force: Start again although there is one.
        device: "auto", or torch's name of a device.

    Raises:
        CorpusError: `data` is not prepared, or lacks a split.
        OutputError: `out` holds a run, or something else.
        RecipeError: The run to be resumed has another recipe.
        TrainingError: The run cannot start, go on or be resumed.
        KeyboardInterrupt: Somebody asked to stop; the run can be resumed.
    """
    prepared = read_prepared(data)
    chosen = choose_device(device)
    resuming = _check_folder(out, recipe, resume, force)
    train, dev = _open_sources(data, prepared, recipe)
    with claim(out), catch_interrupts() as interrupt:
        if not resuming:
            _begin_folder(out, recipe)
        torch.set_num_threads(recipe.training.threads or count_cores())
        torch.manual_seed(recipe.training.seed)
        network = build_network(recipe, prepared.config.features, train.alphabet).to(chosen)
        optimizer = make_optimizer(network, recipe.optimizer)
        state = _begin_or_restore(out / STATE_FILE, prepared, train, network, optimizer, chosen)
        info = _describe(prepared, train)
        training = Training(out, info, train, dev, network, optimizer, state, chosen, interrupt)
        _announce(training)
        log = RunLog(out, state.epoch, state.step)
        try:
            with TrainingDisplay(recipe.training.epochs) as display:
                training.run(log, display)
        except KeyboardInterrupt:
            note(f"stopped in epoch {state.epoch + 1}; speechrnn train {data} --out {out} --resume goes on")
            raise
        finally:
            log.close()
    return load_model(out)


def read_run_recipe(out: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Returns the recipe of the run in a folder, with overrides applied.

    Raises:
        RecipeError: There is no run, or its recipe was damaged.
    """
    path = out / RECIPE_FILE
    return build_settings(Recipe, read_toml(path, RecipeError), overrides, str(path))


def _check_folder(out: Path, recipe: Recipe, resume: bool, force: bool) -> bool:
    """Returns whether there is a run to go on with; raises where something is in the way."""
    path = out / RECIPE_FILE
    if path.exists() and resume:
        if read_run_recipe(out) != recipe:
            raise RecipeError(f"{path}: differs from the recipe given; resume without --recipe and --set, or --force")
        return True
    if path.exists() and not force:
        raise OutputError(f"{out}: holds a run; --resume goes on with it, --force starts again")
    if not path.exists() and out.exists() and any(entry.name != LOCK_FILE for entry in out.iterdir()):
        raise OutputError(f"{out}: holds other files; choose another --out")
    return False


def _begin_folder(out: Path, recipe: Recipe) -> None:
    """Removes what an earlier run left, and writes the recipe."""
    for old in (MODEL_FILE, STATE_FILE, LOG_FILE, CURVES_FILE):
        (out / old).unlink(missing_ok=True)
    for events in out.glob("events.out.tfevents.*"):
        events.unlink()
    with write_atomically(out / RECIPE_FILE) as temporary:
        temporary.write_text(dump_toml(recipe), encoding="utf-8")


def _open_sources(data: Path, prepared: PreparedCorpus, recipe: Recipe) -> tuple[ExampleSource, ExampleSource]:
    """Returns what is learned and what it is judged on, both normalised as the recipe says."""
    dev_split = recipe.training.dev_split
    for split in ("train", dev_split):
        if split not in prepared.splits or not prepared.splits[split].utterances:
            raise TrainingError(
                f"{data}: nothing in split {split!r}; there is {', '.join(prepared.splits)}"
                " (training.dev_split names the one to judge epochs on)"
            )
    store = FeatureStore(data, "train")
    deltas = recipe.input.deltas
    cmvn: Cmvn | None = None
    if recipe.input.cmvn == "corpus":
        cmvn = estimate_cmvn(append_deltas(store[index], deltas) for index in range(len(store)))
    alphabet = alphabet_of(prepared.config.lang)
    train = ExampleSource(store, recipe, prepared.config.features, cmvn, alphabet)
    dev = ExampleSource(FeatureStore(data, dev_split), recipe, prepared.config.features, cmvn, alphabet)
    for source in (train, dev):
        _report_unlearnable(source)
    if not train.learnable:
        raise TrainingError(f"{data}: no training utterance has frames enough for its characters; lower network.stack")
    return train, dev


def _report_unlearnable(source: ExampleSource) -> None:
    lines = source.explain_unlearnable()
    for line in lines[:_NAMED]:
        warn(f"left out of {source.store.split}'s loss: {line}")
    if len(lines) > _NAMED:
        warn(f"... and {len(lines) - _NAMED} more")


def _begin_or_restore(
    path: Path,
    prepared: PreparedCorpus,
    train: ExampleSource,
    network: AcousticNetwork,
    optimizer: Optimizer,
    device: torch.device,
) -> RunState:
    if not path.exists():
        return RunState(prepared.fingerprint, _settle_precision(train, network, device))
    state = load_state(path, network, optimizer)
    if state.fingerprint != prepared.fingerprint:
        raise TrainingError(f"{path}: the corpus was prepared anew since this run began; --force starts it again")
    if state.precision == "bfloat16" and not can_train_in_bfloat16(network, _middling_batch(train), device):
        warn("this run began in bfloat16, in which this machine cannot train; it goes on in float32")
        state.precision = "float32"
    return state


def _settle_precision(train: ExampleSource, network: AcousticNetwork, device: torch.device) -> Precision:
    """Returns the recipe's precision, or the faster one on a batch of middling length.

    Raises:
        TrainingError: The recipe asks for bfloat16, in which this machine cannot train.
    """
    wanted = train.recipe.training.precision
    if wanted == "float32":
        return wanted
    batch = _middling_batch(train)
    if not can_train_in_bfloat16(network, batch, device):
        if wanted == "bfloat16":
            raise TrainingError(
                f"training.precision: cannot train in bfloat16 on this {device}; choose float32 or auto"
            )
        note("precision float32: this machine cannot train in bfloat16")
        return "float32"
    if wanted == "bfloat16":
        return wanted
    ratio = measure_bfloat16(network, batch, device)
    chosen: Precision = "bfloat16" if ratio > 1 else "float32"
    note(f"precision {chosen}: a step in bfloat16 is {ratio:.2f} times as fast as in float32 here")
    return chosen


def _middling_batch(train: ExampleSource) -> Batch:
    """Returns utterances of middling length, to try things on."""
    by_length = sorted(train.learnable, key=lambda index: int(train.store.frames[index]))
    return collate([train.make(index) for index in by_length[len(by_length) // 2 :][:16]])


def _describe(prepared: PreparedCorpus, train: ExampleSource) -> ModelInfo:
    summary = prepared.splits["train"]
    provenance = Provenance(prepared.corpus, summary.utterances, round(summary.seconds / 3600, 3))
    return ModelInfo(train.recipe, train.features, train.alphabet, prepared.config.lang, provenance)


def _announce(training: Training) -> None:
    network, state = training.network.config, training.state
    kind = ("bidirectional " if network.bidirectional else "") + network.kind.upper()
    note(
        f"{network.layers} x {network.units} {kind}, {training.network.count_parameters() / 1e6:.2f} M parameters,"
        f" {len(training.train.learnable)} utterances, {state.precision} on {training.device}"
        + (f", resumed in epoch {state.epoch + 1}" if state.step else "")
    )
