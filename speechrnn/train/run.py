"""A training run in its folder: begun, resumed, finished."""

import shlex
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from speechrnn.batches import Batch, collate
from speechrnn.config import NetworkConfig, Recipe
from speechrnn.console import abridge, count_of, name_command, note, show_doing
from speechrnn.errors import ModelError, TrainingError
from speechrnn.hardware import choose_device, count_cores, keep_freed_memory, measure_memory, use_threads
from speechrnn.interrupt import catch_interrupts
from speechrnn.modelfile import Model, build_network, describe_best, load_model, read_model_info
from speechrnn.modelinfo import MODEL_FILE, ModelInfo, Provenance
from speechrnn.network import AcousticNetwork, describe_network
from speechrnn.outputs import claim
from speechrnn.prepare.prepared import PreparedCorpus, read_prepared
from speechrnn.train.display import TrainingDisplay
from speechrnn.train.examples import ExampleSource
from speechrnn.train.folder import begin_folder, check_folder
from speechrnn.train.init import carry_over
from speechrnn.train.learner import Learner, make_learner
from speechrnn.train.log import RunLog, read_log
from speechrnn.train.loop import Training
from speechrnn.train.memory import try_largest_batch
from speechrnn.train.probe import confirm_precision, settle_precision, settle_threads
from speechrnn.train.sources import open_sources
from speechrnn.train.state import STATE_FILE, RunState, load_state, save_state, share_state
from speechrnn.train.team import Team, join_team
from speechrnn.train.watchdog import Watchdog

_WEIGHT_BYTES = 4
_TRAINED_BYTES = 4 * _WEIGHT_BYTES
"""Of each parameter: the weight, its gradient, and the optimiser's two moments."""


def train_model(
    data: Path,
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    force: bool = False,
    device: str = "auto",
    init: Path | None = None,
    again: str = "",
) -> Model:
    """Trains on a prepared corpus and returns the best model, which lies in `out` with the run's log.

    From then on this process keeps the memory that it frees.

    Args:
        data: A folder that `prepare` made.
        recipe: The settings.
        out: The run's folder.
        resume: Go on with the run in `out`, if there is one.
        force: Start again although there is one.
        device: "auto", or torch's name of a device.
        init: A model whose weights are the beginning, as far as they fit; None for fresh ones.
        again: The command that goes on after an interruption, if it is not `train` itself.

    Raises:
        CorpusError: `data` is not prepared, or lacks a split.
        ModelError: The model to begin from cannot be read.
        OutputError: `out` holds a run, or something else.
        RecipeError: The run to be resumed has another recipe.
        TrainingError: The run cannot start, go on or be resumed.
        KeyboardInterrupt: Somebody asked to stop; once its trials are over, the run can be resumed.
    """
    with join_team() as team, ExitStack() as held:
        team.lead(lambda: check_folder(out, recipe, resume, force))  # before what takes its time
        if init is not None and not (resume and (out / STATE_FILE).exists()):
            read_model_info(init)  # raises what it will raise before there is a folder
        prepared = read_prepared(data)
        chosen = choose_device(device, team.local_rank)
        train, dev = open_sources(data, prepared, recipe)
        fingerprint = train.name_labels(prepared.fingerprint)
        _check_sameness(team, recipe, fingerprint)
        cores = max(1, count_cores() // team.local_size)
        held.enter_context(use_threads(recipe.training.threads or cores))
        team.lead(lambda: held.enter_context(claim(out)))
        keep_freed_memory()
        resuming = team.lead(lambda: check_folder(out, recipe, resume, force))  # others may have been here since
        saved = resuming and (out / STATE_FILE).exists()
        if saved and init and not again and team.leads:
            note(f"{out} goes on with its own weights; --init {init} is not what it begins with")
        network = _begin_network(train, None if saved else init, team.local_size if chosen.type == "cpu" else 0)
        learner = make_learner(network.to(chosen), recipe, team)
        fresh = _make_state(fingerprint, prepared, train, None if saved else init)
        with show_doing("trying what is fastest here, and the largest batch", hidden=not team.leads):
            state = _settle_state(out, fresh, train, learner, cores, resuming)
        held.enter_context(use_threads(recipe.training.threads or min(state.threads, cores)))
        interrupt = held.enter_context(catch_interrupts())  # until here there is nothing to lose
        if team.leads and not saved:
            begin_folder(out, recipe)
            if init:
                save_state(out / STATE_FILE, state, learner)  # --resume need not be told again what it began with
        watchdog = Watchdog([record for record in read_log(out) if record.epoch <= state.epoch])
        training = Training(out, _describe(prepared, train, state), train, dev, learner, state, interrupt, watchdog)
        _announce(training)
        if not training.finished:
            _run(training, again or _name_resumption(data, out, device, team))
        model = team.lead(lambda: _load_best(out))
        note(f"{describe_best(model)}: {out / MODEL_FILE}")
        del learner, training  # which hold what connects the processes, and it must end before they do
        return model


def _load_best(out: Path) -> Model:
    """Returns the best model of a run that has ended; raises ModelError where somebody has removed or damaged it."""
    try:
        return load_model(out)
    except ModelError as error:
        raise ModelError(f"{error} (the run is finished; only --force makes its model again)") from error


def _begin_network(train: ExampleSource, init: Path | None, trained_here: int) -> AcousticNetwork:
    """Returns a network with fresh weights, or with another model's as far as they fit, which is said.

    In this machine's memory so many processes train it; none of them where a GPU's holds what training takes.
    """
    torch.manual_seed(train.recipe.training.seed)
    try:
        with torch.device("meta"):  # it takes no memory there
            size = build_network(train.recipe, train.features, train.alphabet, train.phones).count_parameters()
        if size * max(_WEIGHT_BYTES, _TRAINED_BYTES * trained_here) > measure_memory():
            raise MemoryError  # Linux overcommits: it would be allocated, and the process killed on its first use
        network = build_network(train.recipe, train.features, train.alphabet, train.phones)
    except (MemoryError, RuntimeError) as error:
        named = f"{train.recipe.network.layers} x {train.recipe.network.units}"
        raise TrainingError(f"network: {named} is more than this machine's memory holds; take fewer units") from error
    if init is not None:
        note(f"from {init}: {carry_over(load_model(init), network, train.alphabet, train.phones)}")
    return network


def _check_sameness(team: Team, recipe: Recipe, fingerprint: str) -> None:
    """Raises TrainingError where processes would train with different settings, or on different corpora."""
    mine = (recipe, fingerprint)
    others = team.gather([] if team.agree(mine) == mine else [str(team.rank)])

    def refuse() -> None:
        if others:
            raise TrainingError(
                f"the settings or the corpus of process {abridge(others)} are not those of the first; start all with"
                " the same command, over the same prepared corpus"
            )

    team.lead(refuse)


def _settle_state(
    out: Path, fresh: RunState, train: ExampleSource, learner: Learner, cores: int, resuming: bool
) -> RunState:
    """Returns where the run is, fresh or restored by the first process; all have its weights then."""
    team, objective, batch = learner.team, learner.objective, _take_middling(train, learner.team)
    restored = team.lead(lambda: _restore(out, fresh.fingerprint, learner) if resuming else None)
    settings = train.recipe.training
    asked = settings.threads or (restored.threads or cores if restored else 0)
    threads = team.lead(lambda: settle_threads(asked, cores, objective, batch))
    if restored:
        precision = restored.precision
    else:
        with use_threads(threads):
            precision = team.lead(lambda: settle_precision(settings.precision, objective, batch))
    if team.gather([] if confirm_precision(precision, objective, batch) == precision else [team.rank]):
        precision = "float32"  # some machine cannot do the other
    try_largest_batch(learner, train, precision)
    return share_state(replace(restored or fresh, precision=precision, threads=threads), learner)


def _restore(out: Path, fingerprint: str, learner: Learner) -> RunState | None:
    """Returns where the run in a folder is, everything restored; None if it was killed before it saved anything."""
    path = out / STATE_FILE
    if not path.exists():
        return None
    return load_state(path, learner, fingerprint)


def _take_middling(train: ExampleSource, team: Team) -> Batch:
    """Returns utterances of middling length, to try things on: 16, or as many as one process has of a batch.

    How many there are decides how much bfloat16 gains.
    """
    by_length = sorted(train.learnable, key=lambda index: int(train.store.frames[index]))
    middling = by_length[len(by_length) // 2 :]
    seconds = int(train.store.frames[middling[0]]) * train.features.hop_ms / 1000
    most = max(1, int(train.recipe.training.batch_seconds / team.size / seconds))
    return collate([train.make(index) for index in middling[: min(16, most)]])


def _run(training: Training, again: str) -> None:
    state = training.state
    log = RunLog(training.folder, state.epoch, state.step) if training.learner.team.leads else None
    try:
        with TrainingDisplay(training.recipe.training.epochs) as display:
            training.run(log, display)
    except KeyboardInterrupt:
        note(f"stopped in epoch {state.epoch + 1}; to go on: {again}")
        raise
    finally:
        if log:
            log.close()


def _name_resumption(data: Path, out: Path, device: str, team: Team) -> str:
    if team.size > 1:
        return "the same torchrun command with --resume"
    chosen = [] if device == "auto" else ["--device", device]
    return f"{name_command()} {shlex.join(['train', str(data), '--out', str(out), '--resume', *chosen])}"


def _make_state(fingerprint: str, prepared: PreparedCorpus, train: ExampleSource, init: Path | None) -> RunState:
    """Returns the state of a run that begins, with what it keeps of the model that it begins with.

    The priors of its phones stay where its phone output does, and it has heard more.
    """
    state = RunState(fingerprint, "float32")
    if init is None:
        return state
    was = read_model_info(init)
    same = was.phones == train.phones and _measure_top(was.recipe.network) == _measure_top(train.recipe.network)
    stays = same and was.provenance.hours > _measure_hours(prepared)
    return replace(state, origin=was.provenance.corpus, phone_priors=was.phone_priors if stays else ())


def _measure_top(network: NetworkConfig) -> int:
    """Returns how many units the last layer has, in both directions."""
    return network.units * (2 if network.bidirectional and network.kind != "mlp" else 1)


def _measure_hours(prepared: PreparedCorpus) -> float:
    return round(prepared.splits["train"].seconds / 3600, 3)


def _describe(prepared: PreparedCorpus, train: ExampleSource, state: RunState) -> ModelInfo:
    name = f"{prepared.corpus} ({Path(prepared.source).name})"
    if state.origin:
        name += f", from a model of {state.origin}"
    made_of = Provenance(name, prepared.splits["train"].utterances, _measure_hours(prepared))
    settings = (train.recipe, train.features, train.alphabet, prepared.lang)
    return ModelInfo(*settings, made_of, phones=train.phones, phone_priors=state.phone_priors)


def _announce(training: Training) -> None:
    state, learner = training.state, training.learner
    note(
        f"{describe_network(learner.network.config)}, {learner.network.count_parameters() / 1e6:.2f} M parameters,"
        f" {len(training.train.learnable)} utterances, {state.precision} on {learner.device}"
        + (f", {count_of(torch.get_num_threads(), 'thread')}" if learner.device.type == "cpu" else "")
        + (f" in each of {learner.team.size} processes" if learner.team.size > 1 else "")
        + (", finished already" if training.finished else f", resumed in epoch {state.epoch + 1}" if state.step else "")
    )
