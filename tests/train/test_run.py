import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from speechrnn.config import PrepareConfig, Recipe
from speechrnn.errors import ModelError, OutputError, RecipeError, TextError, TrainingError
from speechrnn.loss import compute_ctc_loss
from speechrnn.modelfile import build_network, load_model
from speechrnn.modelinfo import MODEL_FILE
from speechrnn.network import AcousticNetwork
from speechrnn.prepare.prepared import read_prepared
from speechrnn.settings import dump_toml, load_recipe
from speechrnn.train import loop, objective
from speechrnn.train import run as train_run
from speechrnn.train.folder import RECIPE_FILE
from speechrnn.train.log import CURVES_FILE, LOG_FILE, read_log
from speechrnn.train.run import train_model
from speechrnn.train.sources import open_sources
from speechrnn.train.state import STATE_FILE
from speechrnn.train.team import Team
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.decoding import make_decoder
from speechrnn.transcribe.torch_listener import TorchListener
from tests.conftest import prepare
from tests.train.conftest import TINY, tiny


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(run / STATE_FILE, weights_only=True)["network"]
    return state


def assert_same_bits(run: Path, other: Path) -> None:
    mine, theirs = weights_of(run), weights_of(other)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    best, others_best = load_file(run / MODEL_FILE), load_file(other / MODEL_FILE)
    assert all(torch.equal(best[name], others_best[name]) for name in best)
    for record, others in zip(read_log(run), read_log(other), strict=True):
        assert replace(record, wall_seconds=0.0) == replace(others, wall_seconds=0.0)


def test_a_run_leaves_model_recipe_log_curves_and_events(tmp_path: Path, data: Path) -> None:
    model = train_model(data, TINY, tmp_path / "run")
    run = tmp_path / "run"
    assert load_recipe(str(run / RECIPE_FILE)) == TINY == model.info.recipe
    assert load_model(run).info == model.info
    assert (run / CURVES_FILE).read_bytes().startswith(b"\x89PNG")
    assert len(list(run.glob("events.out.tfevents.*"))) == 1
    lines = [json.loads(line) for line in (run / LOG_FILE).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert lines[-1]["words"].keys() == {"hits", "substitutions", "deletions", "insertions"}
    best = [line for line in lines if line["best"]][-1]
    assert model.info.provenance.epoch == best["epoch"]
    assert model.info.provenance.scores["dev"].words.errors == best["words"]["substitutions"] + sum(
        best["words"][kind] for kind in ("deletions", "insertions")
    )
    assert lines[-1]["loss"] < lines[0]["loss"]


@pytest.mark.parametrize(("changes", "learns"), [({}, False), ({"epochs": 2}, True), ({"batch_seconds": 3.0}, True)])
def test_a_run_of_a_single_step_is_told_that_it_learns_nothing(
    tmp_path: Path, data: Path, changes: dict[str, float], learns: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    train_model(data, tiny(**{"epochs": 1, "batch_seconds": 1000.0} | changes), tmp_path / "run")
    assert ("one batch and one epoch are one step" in capsys.readouterr().err) is not learns


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path, data: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        train_model(data, tiny(seed=seed, epochs=2), tmp_path / name)
    assert_same_bits(tmp_path / "one", tmp_path / "two")
    assert not torch.equal(weights_of(tmp_path / "one")["output.bias"], weights_of(tmp_path / "other")["output.bias"])


@pytest.mark.parametrize("steps", [1, 4, 5, 7])
def test_a_run_stopped_between_two_steps_ends_with_the_same_bits(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    train_model(data, TINY, tmp_path / "whole")
    take_step = loop.Training._take_step

    def stop_after(self: loop.Training, *arguments: object) -> float:
        if self.state.step + 1 == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return take_step(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop.Training, "_take_step", stop_after)
    with pytest.raises(KeyboardInterrupt):
        train_model(data, TINY, tmp_path / "stopped")
    monkeypatch.setattr(loop.Training, "_take_step", take_step)
    torch.rand(5)
    train_model(data, TINY, tmp_path / "stopped", resume=True)
    assert_same_bits(tmp_path / "whole", tmp_path / "stopped")


def test_ctrl_c_ends_the_trials_before_a_run_at_once(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_run, "try_largest_batch", lambda *_: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr(train_run, "share_state", lambda *_: pytest.fail("went on"))
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            train_model(data, TINY, tmp_path / "run")
    finally:
        signal.signal(signal.SIGINT, earlier)


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path: Path, data: Path) -> None:
    recipe = tiny(epochs=4, save_minutes=1e-6)
    train_model(data, recipe, tmp_path / "whole")
    run = tmp_path / "killed"
    (tmp_path / "tiny.toml").write_text(dump_toml(recipe))
    command = [sys.executable, "-m", "speechrnn", "train", str(data), "--out", str(run), "--resume"]
    for kill in range(2):
        first = ["--recipe", str(tmp_path / "tiny.toml")] if kill == 0 else []
        process = subprocess.Popen(command + first, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for_a_new_state(run / STATE_FILE, process)
        process.kill()
        process.wait()
    train_model(data, recipe, run, resume=True)
    assert_same_bits(tmp_path / "whole", run)


def _wait_for_a_new_state(path: Path, process: subprocess.Popen[bytes]) -> None:
    before = path.stat().st_mtime_ns if path.exists() else 0
    while process.poll() is None and not (path.exists() and path.stat().st_mtime_ns != before):
        time.sleep(0.002)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path, data: Path) -> None:
    train_model(data, TINY, tmp_path / "run")
    before = {name: (tmp_path / "run" / name).read_bytes() for name in (MODEL_FILE, STATE_FILE, LOG_FILE)}
    train_model(data, TINY, tmp_path / "run", resume=True)
    assert before == {name: (tmp_path / "run" / name).read_bytes() for name in before}


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: os.truncate(path, 1000)])
def test_a_finished_run_whose_model_is_gone_or_damaged_begins_again_by_force(
    tmp_path: Path, data: Path, damage: Callable[[Path], None]
) -> None:
    run = tmp_path / "run"
    train_model(data, tiny(epochs=1), run)
    damage(run / MODEL_FILE)
    with pytest.raises(ModelError, match="the run is finished; only --force makes its model again"):
        train_model(data, tiny(epochs=1), run, resume=True)
    train_model(data, tiny(epochs=1), run, force=True)


def test_a_run_is_not_written_over_unasked(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "run"
    train_model(data, tiny(epochs=1), run)
    before = (run / MODEL_FILE).read_bytes()
    with pytest.raises(OutputError, match="holds a run; --resume goes on with it, --force starts again"):
        train_model(data, TINY, run)
    with pytest.raises(RecipeError, match="differs from the recipe given"):
        train_model(data, TINY, run, resume=True)
    assert (run / MODEL_FILE).read_bytes() == before
    train_model(data, TINY, run, force=True)
    assert len(read_log(run)) == 3


def test_a_model_without_its_state_is_not_replaced_by_resuming(tmp_path: Path, data: Path) -> None:
    run = tmp_path / "run"
    train_model(data, tiny(epochs=1), run)
    (run / STATE_FILE).unlink()
    before = (run / MODEL_FILE).read_bytes()
    with pytest.raises(OutputError, match=r"holds a model, but no resume\.pt to resume from; --force starts again"):
        train_model(data, tiny(epochs=1), run, resume=True)
    assert (run / MODEL_FILE).read_bytes() == before


@pytest.mark.parametrize(("name", "content"), [(RECIPE_FILE, dump_toml(TINY) + "# mine\n"), (LOG_FILE, "my notes\n")])
def test_what_a_run_has_not_left_is_in_its_way(tmp_path: Path, data: Path, name: str, content: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / RECIPE_FILE).write_text(dump_toml(TINY))
    (tmp_path / "run" / name).write_text(content)
    with pytest.raises(OutputError, match="holds other files"):
        train_model(data, TINY, tmp_path / "run")
    assert (tmp_path / "run" / name).read_text() == content


def test_force_does_not_cost_a_run_when_the_new_one_cannot_start(tmp_path: Path, data: Path) -> None:
    train_model(data, TINY, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(TrainingError, match="nothing in split"):
        train_model(data, tiny(dev_split="none"), tmp_path / "run", force=True)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}


def test_a_network_that_no_memory_holds_is_refused_before_it_is_made(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = []

    def watch(*arguments: Any) -> AcousticNetwork:
        network = build_network(*arguments)
        devices.append(next(network.parameters()).device.type)
        return network

    monkeypatch.setattr(train_run, "build_network", watch)
    monkeypatch.setattr(train_run, "measure_memory", lambda: 1e5)
    with pytest.raises(TrainingError, match="is more than this machine's memory holds; take fewer units"):
        train_model(data, TINY, tmp_path / "run")
    assert devices == ["meta"]


def test_a_run_that_never_began_is_not_in_the_way_of_the_next(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "compute_ctc_loss", lambda *tensors: compute_ctc_loss(*tensors) * float("nan"))
    with pytest.raises(TrainingError, match="not a number"):
        train_model(data, TINY, tmp_path / "run")
    monkeypatch.undo()
    (tmp_path / "run" / ".resume.pt.123.partial").touch()  # as a kill leaves it
    train_model(data, tiny(epochs=1), tmp_path / "run")
    assert not list((tmp_path / "run").glob("*.partial"))


def test_force_keeps_the_old_run_where_the_new_one_is_refused(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_model(data, TINY, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    monkeypatch.setattr("speechrnn.train.probe.can_train_in_bfloat16", lambda *_: False)
    with pytest.raises(TrainingError, match="cannot train in bfloat16"):
        train_model(data, tiny(precision="bfloat16"), tmp_path / "run", force=True)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}


def test_weights_that_are_no_numbers_end_the_run_before_they_are_saved(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(self: loop.Training, *_: object) -> float:
        self.learner.network.output.bias.data[:] = float("nan")
        return 1.0

    monkeypatch.setattr(loop.Training, "_take_step", spoil)
    with pytest.raises(TrainingError, match=r"no longer numbers after epoch 1; lower optimizer.learning_rate"):
        train_model(data, TINY, tmp_path / "run")
    assert not (tmp_path / "run" / MODEL_FILE).exists()


def test_a_single_flipped_bit_in_the_state_is_noticed(tmp_path: Path, data: Path) -> None:
    train_model(data, tiny(epochs=1), tmp_path / "run")
    state = bytearray((tmp_path / "run" / STATE_FILE).read_bytes())
    state[len(state) // 2] ^= 16
    (tmp_path / "run" / STATE_FILE).write_bytes(state)
    with pytest.raises(TrainingError, match=r"resume.pt: cannot be resumed from"):
        train_model(data, tiny(epochs=1), tmp_path / "run", resume=True)


def test_a_broken_line_in_the_log_is_named(tmp_path: Path, data: Path) -> None:
    train_model(data, tiny(epochs=1), tmp_path / "run")
    (tmp_path / "run" / LOG_FILE).write_text("not an epoch\n")
    with pytest.raises(TrainingError, match=r"log.jsonl:1: no epoch of a run"):
        read_log(tmp_path / "run")


def test_an_emptied_transcript_is_named_by_its_id(tmp_path: Path, data: Path) -> None:
    manifest = data / "train.jsonl"
    lines = manifest.read_text().splitlines()
    broken = json.loads(lines[0]) | {"text": "4"}
    manifest.write_text("\n".join([json.dumps(broken), *lines[1:]]) + "\n")
    with pytest.raises(TextError, match=rf"train.jsonl, {broken['id']}: characters outside the alphabet: '4'"):
        train_model(data, TINY, tmp_path / "run")


def test_a_file_is_no_place_for_a_run(tmp_path: Path, data: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: is no folder"):
        train_model(data, TINY, tmp_path / "file")


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path, data: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").touch()
    with pytest.raises(OutputError, match="holds other files"):
        train_model(data, TINY, tmp_path / "home", force=True)


def test_a_corpus_prepared_anew_cannot_be_resumed_on(
    tmp_path: Path, data: Path, make_corpus: Callable[..., Path]
) -> None:
    train_model(data, TINY, tmp_path / "run")
    for lang in ("en", "es"):  # of the same letters as before, and of others
        prepare("tsv", make_corpus(voices=5, name=f"new-{lang}"), data, PrepareConfig(lang=lang), force=True)
        with pytest.raises(TrainingError, match="prepared anew"):
            train_model(data, TINY, tmp_path / "run", resume=True)


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 cut"])
def test_a_damaged_state_is_named(tmp_path: Path, data: Path, content: bytes) -> None:
    train_model(data, tiny(epochs=1), tmp_path / "run")
    (tmp_path / "run" / STATE_FILE).write_bytes(content)
    with pytest.raises(TrainingError, match=r"resume.pt: cannot be resumed from"):
        train_model(data, tiny(epochs=1), tmp_path / "run", resume=True)


def test_a_full_disk_while_saving_leaves_the_last_state_whole(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    write_bytes = Path.write_bytes
    written: list[Path] = []

    def fill_up(path: Path, content: bytes) -> int:
        if STATE_FILE in path.name:
            written.append(path)
            if len(written) > 1:
                write_bytes(path, bytes(content)[:100])
                raise OSError(28, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with pytest.raises(OutputError, match="No space left on device"):
        train_model(data, TINY, run)
    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    train_model(data, TINY, run, resume=True)
    train_model(data, TINY, tmp_path / "whole")
    assert_same_bits(run, tmp_path / "whole")


def test_utterances_with_too_few_frames_are_named_and_left_out(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = replace(TINY, network=replace(TINY.network, stack=20), training=replace(TINY.training, epochs=1))
    train_model(data, recipe, tmp_path / "run")
    heard = capsys.readouterr().err
    assert "left out of train's loss" in heard
    assert "stacked by 20, cannot emit 5 characters" in heard
    with pytest.raises(TrainingError, match="no training utterance has frames enough"):
        train_model(data, replace(recipe, network=replace(recipe.network, stack=200)), tmp_path / "none")


def test_a_loss_that_is_no_number_names_its_utterances(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "compute_ctc_loss", lambda *tensors: compute_ctc_loss(*tensors) * float("nan"))
    with pytest.raises(TrainingError, match=r"not a number at step 1, in .*; look at these utterances"):
        train_model(data, TINY, tmp_path / "run")


def test_a_missing_split_is_answered_with_those_there_are(tmp_path: Path, data: Path) -> None:
    with pytest.raises(TrainingError, match="nothing in split 'dev-other'; there is train, dev, test"):
        train_model(data, tiny(dev_split="dev-other"), tmp_path / "run")


def test_an_unknown_device_is_refused(tmp_path: Path, data: Path) -> None:
    for device in ("tpu", "cuda:77"):
        with pytest.raises(TrainingError, match="cannot be used here"):
            train_model(data, TINY, tmp_path / "run", device=device)


def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path, data: Path) -> None:
    recipe = tiny(epochs=9, patience=2)
    train_model(data, replace(recipe, optimizer=replace(recipe.optimizer, learning_rate=1e-9)), tmp_path / "run")
    records = read_log(tmp_path / "run")
    best = max(record.epoch for record in records if record.best)
    assert len(records) == best + 2 < 9


def test_the_probe_changes_nothing_that_it_does_not_say(tmp_path: Path, data: Path) -> None:
    train_model(data, tiny(epochs=1, precision="auto"), tmp_path / "auto")
    chosen = torch.load(tmp_path / "auto" / STATE_FILE, weights_only=True)["state"]["precision"]
    train_model(data, tiny(epochs=1, precision=chosen), tmp_path / "fixed")
    mine, theirs = weights_of(tmp_path / "auto"), weights_of(tmp_path / "fixed")
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_the_probe_sees_what_one_process_has_of_a_batch(data: Path) -> None:
    source, _ = open_sources(data, read_prepared(data), tiny())
    alone, beside = (train_run._take_middling(source, Team(size=size)) for size in (1, 2))
    assert len(alone.input_lengths) == 2 * len(beside.input_lengths) == 4


def test_bfloat16_learns_about_the_same(tmp_path: Path, data: Path) -> None:
    train_model(data, tiny(), tmp_path / "float32")
    try:
        train_model(data, tiny(precision="bfloat16"), tmp_path / "bfloat16")
    except TrainingError as error:
        pytest.skip(str(error))
    full, half = (read_log(tmp_path / precision)[-1].loss for precision in ("float32", "bfloat16"))
    assert half == pytest.approx(full, rel=0.05)


@pytest.mark.parametrize("change", [{"cmvn": "corpus"}, {"cmvn": "speaker"}, {"deltas": 2}])
def test_every_input_trains_and_is_kept_in_the_model(tmp_path: Path, data: Path, change: dict[str, object]) -> None:
    recipe = replace(tiny(epochs=1), input=replace(TINY.input, **change))  # type: ignore[arg-type]
    model = train_model(data, recipe, tmp_path / "run")
    assert (model.cmvn is not None) == (recipe.input.cmvn != "utterance")
    assert model.network.layers[0].forward_cell.input_size == 20 * (recipe.input.deltas + 1) * 3  # type: ignore[union-attr]


def test_training_works_outside_the_main_thread(tmp_path: Path, data: Path) -> None:
    thread = threading.Thread(target=train_model, args=(data, tiny(epochs=1), tmp_path / "run"))
    thread.start()
    thread.join()
    assert (tmp_path / "run" / MODEL_FILE).exists()


@pytest.mark.parametrize("change", [{"kind": "rnn"}, {"kind": "gru"}, {"kind": "mlp"}, {"front": "convolution"}])
def test_other_networks_train_too(tmp_path: Path, data: Path, change: dict[str, object]) -> None:
    recipe: Recipe = replace(tiny(epochs=1), network=replace(TINY.network, **change))  # type: ignore[arg-type]
    model = train_model(data, recipe, tmp_path / "run")
    assert model.info.recipe.network == recipe.network


def test_a_dev_set_that_ctc_cannot_judge_by_its_loss_is_judged_by_its_words(tmp_path: Path, data: Path) -> None:
    dev = data / "dev.jsonl"
    lines = [json.loads(line) | {"text": "no " * 200 + "no"} for line in dev.read_text().splitlines()]
    dev.write_text("".join(json.dumps(line) + "\n" for line in lines))
    train_model(data, tiny(epochs=1), tmp_path / "run")
    train_model(data, tiny(epochs=1), tmp_path / "run", resume=True)
    (record,) = read_log(tmp_path / "run")
    assert record.dev_loss is None


def test_a_process_computes_in_no_more_threads_than_are_its_own(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    used: list[int] = []

    @contextmanager
    def join() -> Iterator[Team]:
        yield Team(local_size=4)

    def settle(wanted: int, most: int, *_: object) -> int:
        asked.append((wanted, most))
        return wanted or 3

    def see(_: object) -> None:
        used.append(torch.get_num_threads())

    monkeypatch.setattr(train_run, "join_team", join)
    monkeypatch.setattr(train_run, "settle_threads", settle)
    monkeypatch.setattr(train_run, "_announce", see)
    for cores in (16, 8, 16):  # a run goes on with fewer, and with as many as before
        monkeypatch.setattr(train_run, "count_cores", lambda cores=cores: cores)
        train_model(data, tiny(epochs=1, threads=0), tmp_path / "run", resume=True)
    assert asked == [(0, 4), (3, 2), (3, 4)]
    assert used == [3, 2, 3]


def test_a_resumed_run_may_take_other_threads(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_model(data, tiny(epochs=1, threads=1), tmp_path / "run")
    assert "float32 on cpu, 1 thread" in capsys.readouterr().err
    train_model(data, tiny(epochs=1, threads=2), tmp_path / "run", resume=True)
    assert "float32 on cpu, 2 threads, finished already" in capsys.readouterr().err


def test_a_model_that_learns_phones_reads_a_vocabulary_by_them(tmp_path: Path, data: Path) -> None:
    train_model(data, tiny(phones=0.5, epochs=1), tmp_path / "run")
    model = train_model(data, tiny(phones=0.5, epochs=1), tmp_path / "run", resume=True)
    assert model.info.phones
    assert model.info.phones.symbols[0] == " "
    assert sum(model.info.phone_priors) == pytest.approx(1, abs=1e-4)
    with pytest.raises(ValueError, match="phone_priors has not one for each phone"):
        replace(model.info, phone_priors=(0.5, 0.5))
    (tmp_path / "words.txt").write_text("hello yes no")
    decoder = make_decoder(model.info, words=tmp_path / "words.txt")
    assert decoder
    assert decoder.reads_phones
    _, heard = transcribe_split(data, "dev", TorchListener(model), decoder)
    assert {word for one in heard.values() for word in one.text.split()} <= {"hello", "yes", "no"}


def test_words_whose_sound_nobody_knows_are_named(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("speechrnn.train.examples.pronounce", lambda words, lang: {"yes": "jɛs", "no": "nO"})
    train_model(data, tiny(phones=0.5, epochs=1), tmp_path / "run")
    assert "utterances are not learned; no pronunciation is known of hello" in capsys.readouterr().err


def test_phones_of_a_language_that_we_cannot_pronounce_are_refused(
    tmp_path: Path, make_corpus: Callable[..., Path]
) -> None:
    prepare("tsv", make_corpus(voices=5), tmp_path / "data", PrepareConfig(lang="es"))
    with pytest.raises(TrainingError, match=r"training\.phones: no pronunciation is known in 'es', only in en"):
        train_model(tmp_path / "data", tiny(phones=0.5), tmp_path / "run")
    assert not (tmp_path / "run" / STATE_FILE).exists()
