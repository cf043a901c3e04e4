"""A model that learns from what it hears: what is heard, what is kept of it, what is never looked at."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechrnn.adapt import untranscribed
from speechrnn.adapt.untranscribed import Heard, _hear_all, adapt_untranscribed, choose_surest
from speechrnn.audio import SAMPLE_RATE, read_utterance
from speechrnn.cli import run
from speechrnn.config import FeatureConfig
from speechrnn.errors import OutputError
from speechrnn.features import Cmvn, Features, compute_mfcc
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.modelfile import Model, build_network, find_weights, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.score.scoring import score_transcripts
from speechrnn.text import alphabet_of
from speechrnn.train.log import read_log
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.reading import Reading
from speechrnn.transcribe.torch_listener import TorchListener
from tests.conftest import prepare
from tests.train.conftest import TINY

WORDS = ("hello", "yes", "no")

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, phrases: Sequence[Utterance]) -> Path:
    """A model that knows three words of a few voices."""
    folder = tmp_path_factory.mktemp("learned")
    lines = [one for one in phrases if one.text in WORDS]
    voices = list(dict.fromkeys(one.speaker for one in lines))
    write_lines(folder / "train.jsonl", [one for one in lines if one.speaker in voices[:6]])
    write_lines(folder / "dev.jsonl", [one for one in lines if one.speaker == voices[12]])
    prepare("nemo", folder, folder / "data")
    recipe = replace(TINY, training=replace(TINY.training, epochs=40))
    train_model(folder / "data", recipe, folder / "run")
    return folder / "run"


def write_lines(path: Path, utterances: Sequence[Utterance], **changes: object) -> None:
    lines = [
        {"audio_filepath": one.audio_filepath, "offset": one.offset, "duration": one.duration, "text": one.text}
        | {"id": one.id, "speaker": one.speaker}
        | changes
        for one in utterances
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def unheard(tmp_path: Path, phrases: Sequence[Utterance]) -> Path:
    """Words of other voices, with a text that nobody said."""
    lines = [one for one in phrases if one.text in WORDS]
    voices = list(dict.fromkeys(one.speaker for one in lines))[6:12]
    write_lines(tmp_path / "unheard.jsonl", [one for one in lines if one.speaker in voices], text="nonsense")
    return tmp_path / "unheard.jsonl"


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(WORDS))
    return path


def test_of_what_is_heard_often_the_surest_of_each_is_kept_and_of_the_rest_the_surest_of_all() -> None:
    def hear(text: str, confidence: float) -> Heard:
        return Heard(Utterance(f"{text}-{confidence}.wav", text), confidence)

    yes = [hear("yes", 0.9 + place / 1000) for place in range(10)]
    no = [hear("no", 0.1 + place / 1000) for place in range(10)]
    once = [hear("maybe", 0.05), hear("never", 0.95)]
    kept = [one.text for one in choose_surest([*yes, *no, *once])]
    assert kept == ["yes"] * 7 + ["no"] * 7 + ["never"]
    assert choose_surest([]) == []


def test_each_round_learns_from_what_the_last_one_heard_and_no_text_is_looked_at(
    tmp_path: Path, learned: Path, unheard: Path, words: Path
) -> None:
    out = tmp_path / "out"
    reading = Reading(learned, words=words)
    adapted, assessment = adapt_untranscribed(reading, unheard, out, rounds=2, overrides=("training.epochs=2",))
    assert (adapted, assessment) == (out / "round2" / "run", None)
    known = {one.id: one for one in read_manifest(unheard)}
    for number in (1, 2):
        folder = out / f"round{number}" / "heard"
        train, dev = (read_manifest(folder / name) for name in ("train.jsonl", "dev.jsonl"))
        assert {one.text for one in train} >= set(WORDS)
        assert not {one.id for one in train} & {one.id for one in dev}
        assert len(dev) < len(train) < len(known)
        assert {one.id for one in train} <= known.keys()
    logged = [read_log(out / f"round{number}" / "run") for number in (1, 2)]
    assert [len(log) for log in logged] == [2, 2]
    more, _ = adapt_untranscribed(reading, unheard, out, rounds=3, overrides=("training.epochs=2",))
    assert more == out / "round3" / "run"
    assert [read_log(out / f"round{number}" / "run") for number in (1, 2)] == logged


def test_a_split_for_testing_is_not_heard_and_tells_what_was_brought(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, phrases: Sequence[Utterance]
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shutil.copy(unheard, corpus / "train.jsonl")
    last = list(dict.fromkeys(one.speaker for one in phrases))[-2:]
    write_lines(corpus / "test.jsonl", [one for one in phrases if one.speaker in last and one.text in WORDS])
    out = tmp_path / "out"
    command = ["adapt", str(corpus), "--out", str(out), "--model", str(learned), "--untranscribed", "--rounds", "1"]
    assert run([*command, "--words", str(words), "--layout", "nemo", "--set", "training.epochs=1"]) == 0
    heard = [one.id for name in ("train", "dev") for one in read_manifest(out / f"round1/heard/{name}.jsonl")]
    tested = {one.id for one in read_manifest(corpus / "test.jsonl")}
    assert tested
    assert tested.isdisjoint(heard)
    reading = Reading(learned, words=words).open()
    scored = score_transcripts(*transcribe_split(out / "test", "test", reading.listener, reading.decoder))
    assert {one.id for one in scored.utterances} == tested


def test_the_command_says_how_the_adapted_model_is_used(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["adapt", str(unheard), "--out", str(out), "--model", str(learned), "--untranscribed", "--letters"]
    assert run([*command, "--phrases", str(words), "--rounds", "1", "--set", "training.epochs=1"]) == 0
    printed = capsys.readouterr()
    assert not printed.out
    assert "round 1 of 1\nheard something in 18 of 18 utterances\nlearning from the surest" in printed.err
    assert "what that brought is not known" in printed.err
    used = f"transcribe FILE --model {out / 'round1' / 'run'} --phrases {words} --letters"
    assert printed.err.splitlines()[-1].endswith(used)


def test_a_long_recording_is_heard_in_pieces(tmp_path: Path, learned: Path, unheard: Path, words: Path) -> None:
    pause = np.zeros(SAMPLE_RATE, dtype=np.float32)
    signal = np.concatenate([part for one in read_manifest(unheard) for part in (read_utterance(one), pause)])
    soundfile.write(tmp_path / "long.wav", signal, SAMPLE_RATE)
    assert len(signal) > 30 * SAMPLE_RATE
    reading = Reading(learned, words=words)
    adapt_untranscribed(reading, tmp_path / "long.wav", tmp_path / "out", rounds=1, overrides=("training.epochs=1",))
    train = read_manifest(tmp_path / "out" / "round1" / "heard" / "train.jsonl")
    assert len(train) > 5
    ends = np.cumsum([len(read_utterance(one)) / SAMPLE_RATE + 1 for one in read_manifest(unheard)])
    assert len({int(np.searchsorted(ends, one.offset)) for one in train}) == len(train)  # none is cut in two
    assert len({one.id for one in train}) == len(train)
    for one in train:
        assert one.duration is not None
        assert one.duration < 5
        piece = signal[round(one.offset * SAMPLE_RATE) :][: round(one.duration * SAMPLE_RATE)]
        assert np.abs(piece - read_utterance(one)).max() < 1e-3


def test_each_round_is_heard_and_begun_by_the_model_of_the_last(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    hearing, learning = [], []

    def hear(reading: Reading, *rest: Any) -> Any:
        hearing.append(reading.model)
        return _hear_all(reading, *rest)

    def learn(*arguments: Any, **options: Any) -> Any:
        learning.append(options["init"])
        return train_model(*arguments, **options)

    monkeypatch.setattr("speechrnn.adapt.untranscribed._hear_all", hear)
    monkeypatch.setattr("speechrnn.adapt.untranscribed.train_model", learn)
    adapt_untranscribed(Reading(learned, words=words), unheard, out, rounds=2, overrides=("training.epochs=1",))
    models = [find_weights(learned), find_weights(out / "round1" / "run")]
    assert (hearing, learning) == (models, models)


@pytest.mark.parametrize("killed", ["_write_heard", "prepare_corpus", "train_model"])
def test_killed_anywhere_it_ends_with_the_weights_of_an_unbroken_one(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, killed: str
) -> None:
    def adapt(out: str) -> bytes:
        reading = Reading(learned, words=words)
        run, _ = adapt_untranscribed(reading, unheard, tmp_path / out, rounds=2, overrides=("training.epochs=1",))
        return find_weights(run).read_bytes()

    calls = iter(range(9))

    def break_off(*arguments: Any, **options: Any) -> Any:
        if next(calls) == 1:  # within the second round
            raise KeyboardInterrupt
        return original(*arguments, **options)

    original = getattr(untranscribed, killed)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(untranscribed, killed, break_off)
        with pytest.raises(KeyboardInterrupt):
            adapt("broken")
    assert adapt("broken") == adapt("whole")


def test_several_splits_for_testing_are_neither_heard_nor_tested(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    lines = unheard.read_text().splitlines(keepends=True)
    for name, part in (("train", lines[:9]), ("test-one", lines[9:13]), ("test-two", lines[13:])):
        (corpus / f"{name}.jsonl").write_text("".join(part))
    reading = Reading(learned, words=words)
    options: dict[str, Any] = {"layout": "nemo", "rounds": 1, "overrides": ("training.epochs=1",)}
    _, assessment = adapt_untranscribed(reading, corpus, tmp_path / "out", **options)
    assert assessment is None
    assert "test-one, test-two are not heard" in capsys.readouterr().err
    heard = {one.id for path in (tmp_path / "out/round1/heard").iterdir() for one in read_manifest(path)}
    assert heard <= {one.id for one in read_manifest(corpus / "train.jsonl")}


def test_of_two_recordings_with_one_name_both_are_heard_and_what_cannot_be_is_named(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = [json.loads(line) for line in unheard.read_text().splitlines()]
    lines = [line | {"id": "same"} for line in known]
    soundfile.write(tmp_path / "short.wav", np.zeros(100, dtype=np.float32), SAMPLE_RATE)
    lines += [{"audio_filepath": "short.wav", "text": ""}, {"audio_filepath": "gone.wav", "text": "", "duration": 1.0}]
    unheard.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "out"
    adapt_untranscribed(Reading(learned, words=words), unheard, out, rounds=1, overrides=("training.epochs=1",))
    said = capsys.readouterr().err
    assert "left out short: 6.2 ms of sound" in said
    assert "left out gone: " in said
    heard = [one for path in (out / "round1" / "heard").iterdir() for one in read_manifest(path)]
    assert len(heard) > 5
    places = {(one.audio_filepath, one.offset): one.id for one in heard}
    assert len({*places.values()}) == len(places) == len(heard)


def test_by_speaker_each_is_heard_with_a_mean_of_his_own(
    tmp_path: Path, unheard: Path, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(TINY, input=replace(TINY.input, cmvn="speaker"))
    info = ModelInfo(settings, FeatureConfig(), alphabet_of("en"), "en")
    ones = np.ones(20, dtype=np.float32)
    path = tmp_path / "model.safetensors"
    network = build_network(settings, info.features, info.alphabet)
    save_model(Model(info, network, Cmvn(ones.copy(), ones.copy(), ones.copy())), path)
    moves = []
    know = TorchListener.for_speaker

    def spy(self: TorchListener, mean: Features) -> TorchListener:
        moves.append(mean)
        return know(self, mean)

    monkeypatch.setattr(TorchListener, "for_speaker", spy)
    options: dict[str, Any] = {"rounds": 1, "overrides": ("training.epochs=1",)}
    adapt_untranscribed(Reading(path, phrases=words), unheard, tmp_path / "out", **options)
    spoken: dict[str, list[Features]] = {}
    for one in read_manifest(unheard):
        spoken.setdefault(one.speaker, []).append(compute_mfcc(read_utterance(one), info.features))
    expected = [np.concatenate(each).mean(axis=0) for each in spoken.values()]
    np.testing.assert_allclose(sorted(map(tuple, moves)), sorted(map(tuple, expected)), rtol=1e-4, atol=1e-4)


def test_what_an_adaptation_hears_cannot_change_unseen(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["adapt", str(unheard), "--out", str(tmp_path / "out"), "--model", str(learned), "--untranscribed"]
    command += ["--rounds", "1", "--set", "training.epochs=1", "--words", str(words)]
    assert run(command) == 0
    weights = tmp_path / "out" / "round1" / "run" / "model.safetensors"
    first = weights.read_bytes()
    assert run([*command, "--letters"]) == 1
    assert (
        "holds an adaptation with other lm, words, phrases or letters; --force begins again" in capsys.readouterr().err
    )
    other = tmp_path / "other.jsonl"
    shutil.copy(unheard, other)
    assert run(["adapt", str(other), *command[2:]]) == 1
    assert "holds an adaptation with other recordings" in capsys.readouterr().err
    assert weights.read_bytes() == first
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("speechrnn.adapt.untranscribed.choose_surest", _fail)
        assert run(["adapt", str(other), *command[2:], "--force"]) == 1
    assert not weights.exists()  # or it would pass for what was made of the other recordings
    assert run(["adapt", str(other), *command[2:]]) == 0


def _fail(*_: object) -> None:
    raise OutputError("the disk is full")


def test_what_cannot_be_heard_is_named(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert run(["adapt", str(unheard), "--out", out, "--words", str(words)]) == 2
    folder = tmp_path / "recordings"
    folder.mkdir()
    soundfile.write(folder / "silence.wav", np.zeros(SAMPLE_RATE, dtype=np.float32), SAMPLE_RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    command = ["adapt", str(folder), "--out", out, "--model", str(learned), "--untranscribed"]
    assert run(command) == 1
    said = capsys.readouterr().err
    assert "left out broken" in said
    assert "is too little" in said
    assert run([*command, "--words", "nowhere.txt", "--out", str(tmp_path / "else")]) == 1
    assert "nowhere.txt: no such file" in capsys.readouterr().err
    assert not (tmp_path / "else").exists()
