"""A model that learns from what it hears: what is heard, what is kept of it, what is never looked at."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechrnn.adapt import untranscribed
from speechrnn.adapt.hearing import Heard, Recordings, choose_surest
from speechrnn.adapt.untranscribed import adapt_untranscribed
from speechrnn.audio import SAMPLE_RATE, Signal, read_utterance
from speechrnn.cli import run
from speechrnn.config import FeatureConfig
from speechrnn.errors import OutputError
from speechrnn.features import Cmvn, Features, compute_mfcc
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.modelfile import Model, build_network, find_weights, read_model_info, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.outputs import claim
from speechrnn.prepare.corpora.nemo import read_nemo
from speechrnn.prepare.corpus import UNSPLIT
from speechrnn.score.scoring import score_transcripts
from speechrnn.text import alphabet_of
from speechrnn.train.learner import Learner
from speechrnn.train.log import read_log
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.reading import Reading
from speechrnn.transcribe.torch_listener import TorchListener
from tests.conftest import prepare
from tests.train.conftest import TINY

WORDS = ("hello", "yes", "no")

OVERRIDES = ("training.epochs=2", "training.batch_seconds=3")
"""Little, but several steps: a single one is taken at a learning rate of 0."""

Capture = pytest.CaptureFixture[str]


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


def test_each_round_learns_from_what_the_last_one_heard(
    tmp_path: Path, learned: Path, unheard: Path, words: Path
) -> None:
    out = tmp_path / "out"
    reading = Reading(learned, words=words)
    assert adapt_untranscribed(reading, unheard, out, rounds=2, overrides=("training.epochs=2",)) is None
    assert find_weights(out / "run").read_bytes() == find_weights(out / "round2" / "run").read_bytes()
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
    adapt_untranscribed(reading, unheard, out, rounds=3, overrides=("training.epochs=2",))
    assert find_weights(out / "run").read_bytes() == find_weights(out / "round3" / "run").read_bytes()
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
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    command = ["adapt", str(unheard), "--out", str(out), "--model", str(learned), "--untranscribed", "--letters"]
    assert run([*command, "--phrases", str(words), "--rounds", "1", "--set", "training.epochs=1"]) == 0
    printed = capsys.readouterr()
    assert not printed.out
    assert re.match(
        r"round 1 of 1\nheard something in \d+ of 18 utterances\nlearning from the surest \d+; \d more choose",
        printed.err,
    )
    assert "what that brought is not known" in printed.err
    used = f"transcribe FILE --model {out / 'run'} --phrases {words} --letters"
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
    hearers, learners = [], []

    listen = Recordings.hear

    def hear(self: Recordings, reading: Reading) -> Any:
        hearers.append(reading.model)
        return listen(self, reading)

    def learn(*arguments: Any, **options: Any) -> Any:
        learners.append(options["init"])
        return train_model(*arguments, **options)

    monkeypatch.setattr(Recordings, "hear", hear)
    monkeypatch.setattr("speechrnn.adapt.untranscribed.train_model", learn)
    adapt_untranscribed(Reading(learned, words=words), unheard, out, rounds=2, overrides=("training.epochs=1",))
    models = [find_weights(learned), find_weights(out / "round1" / "run")]
    assert (hearers, learners) == (models, models)


@pytest.mark.parametrize(
    ("place", "name", "call"),
    [
        (untranscribed, "_write_heard", 1),
        (untranscribed, "write_manifest", 2),  # the second of a round's two manifests
        (untranscribed, "prepare_corpus", 1),
        (untranscribed, "train_model", 1),
        (Learner, "step", 4),  # within an epoch
        (shutil, "copyfile", 0),
    ],
)
def test_killed_anywhere_it_ends_with_the_weights_of_an_unbroken_one(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, place: Any, name: str, call: int
) -> None:
    def adapt(out: str) -> bytes:
        reading = Reading(learned, words=words)
        adapt_untranscribed(reading, unheard, tmp_path / out, rounds=2, overrides=OVERRIDES)
        return find_weights(tmp_path / out / "run").read_bytes()

    calls = iter(range(99))

    def break_off(*arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    original = getattr(place, name)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(place, name, break_off)
        with pytest.raises(KeyboardInterrupt):
            adapt("broken")
    assert next(calls) == call + 1
    assert adapt("broken") == adapt("whole")


def test_several_splits_for_testing_are_neither_heard_nor_tested(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    lines = unheard.read_text().splitlines(keepends=True)
    for name, part in (("train", lines[:9]), ("test-one", lines[9:13]), ("test-two", lines[13:])):
        (corpus / f"{name}.jsonl").write_text("".join(part))
    reading = Reading(learned, words=words)
    options: dict[str, Any] = {"layout": "nemo", "rounds": 1, "overrides": ("training.epochs=1",)}
    assessment = adapt_untranscribed(reading, corpus, tmp_path / "out", **options)
    assert assessment is None
    assert "test-one, test-two are not heard" in capsys.readouterr().err
    heard = {one.id for path in (tmp_path / "out/round1/heard").iterdir() for one in read_manifest(path)}
    assert heard <= {one.id for one in read_manifest(corpus / "train.jsonl")}


def test_of_two_recordings_with_one_name_both_are_heard_and_what_cannot_be_is_named(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    known = [json.loads(line) for line in unheard.read_text().splitlines()]
    lines = [line | {"id": "same"} for line in known]
    lines[3]["id"] = "same#2"
    soundfile.write(tmp_path / "short.wav", np.zeros(100, dtype=np.float32), SAMPLE_RATE)
    lines += [{"audio_filepath": "short.wav", "text": ""}, {"audio_filepath": "gone.wav", "text": "", "duration": 1.0}]
    unheard.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "out"
    adapt_untranscribed(Reading(learned, words=words), unheard, out, rounds=1, overrides=("training.epochs=1",))
    said = capsys.readouterr().err
    assert "set aside short: 6.2 ms of sound" in said
    assert "set aside gone: " in said
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
    means: dict[TorchListener, Features] = {}
    heard: dict[bytes, TorchListener] = {}
    know, listen = TorchListener.for_speaker, TorchListener.compute_log_probs

    def spy_mean(self: TorchListener, mean: Features) -> TorchListener:
        listener = know(self, mean)
        means[listener] = mean
        return listener

    def spy_signal(self: TorchListener, signal: Signal, phones: bool = False) -> Any:
        heard[signal.tobytes()] = self
        return listen(self, signal, phones)

    monkeypatch.setattr(TorchListener, "for_speaker", spy_mean)
    monkeypatch.setattr(TorchListener, "compute_log_probs", spy_signal)
    Recordings(read_manifest(unheard), info).hear(Reading(path, phrases=words))
    spoken: dict[str, list[Features]] = {}
    for one in read_manifest(unheard):
        spoken.setdefault(one.speaker, []).append(compute_mfcc(read_utterance(one), info.features))
    assert len(heard) == 18
    for one in read_manifest(unheard):
        mean = means[heard[read_utterance(one).tobytes()]]
        np.testing.assert_allclose(mean, np.concatenate(spoken[one.speaker]).mean(axis=0), rtol=1e-4, atol=1e-4)


def test_what_an_adaptation_hears_cannot_change_unseen(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    command = ["adapt", str(unheard), "--out", str(tmp_path / "out"), "--model", str(learned), "--untranscribed"]
    command += ["--rounds", "1", "--set", "training.epochs=1", "--words", str(words)]
    assert run(command) == 0
    weights = tmp_path / "out" / "round1" / "run" / "model.safetensors"
    first = weights.read_bytes()
    assert run([*command, "--letters"]) == 1
    assert "holds an adaptation with other letters; --force begins again" in capsys.readouterr().err
    other = tmp_path / "other.jsonl"
    other.write_text("".join(unheard.read_text().splitlines(keepends=True)[1:]))
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
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
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
    assert "set aside broken" in said
    assert "is too little" in said
    assert run([*command, "--words", "nowhere.txt", "--out", str(tmp_path / "else")]) == 1
    assert "nowhere.txt: no such file" in capsys.readouterr().err
    assert not (tmp_path / "else").exists()


def adapt(learned: Path, words: Path, recordings: Path, out: Path, *options: str) -> int:
    command = ["adapt", str(recordings), "--out", str(out), "--model", str(learned), "--untranscribed"]
    changes = [part for override in OVERRIDES for part in ("--set", override)]
    return run([*command, "--words", str(words), "--rounds", "1", *changes, *options])


def split_off_test(corpus: Path, unheard: Path, text: str) -> Path:
    """Makes a folder of manifests: two thirds of the recordings to be heard, and a third for testing."""
    corpus.mkdir()
    lines = [json.loads(line) for line in unheard.read_text().splitlines()]
    for name, part in (("train", lines[:12]), ("test", [line | {"text": text} for line in lines[12:]])):
        (corpus / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in part))
    return corpus


def test_no_text_is_looked_at(tmp_path: Path, learned: Path, unheard: Path, words: Path) -> None:
    bare = [json.loads(line) for line in unheard.read_text().splitlines()]
    for line in bare:
        del line["text"]
    (tmp_path / "bare.jsonl").write_text("".join(json.dumps(line) + "\n" for line in bare))
    heard = []
    for manifest in (unheard, tmp_path / "bare.jsonl"):
        out = tmp_path / f"{manifest.stem}-out"
        assert adapt(learned, words, manifest, out) == 0
        heard.append([path.read_bytes() for path in sorted((out / "round1" / "heard").iterdir())])
    assert heard[0] == heard[1]


@pytest.mark.skipif(sys.platform != "linux", reason="names there are bytes")
def test_of_a_folder_only_the_recordings_are_read(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    recordings = tmp_path / "recordings" / "deep" / "down"
    recordings.mkdir(parents=True)
    for number, one in enumerate(read_manifest(unheard)):
        soundfile.write(recordings / f"{number}.wav", read_utterance(one), SAMPLE_RATE)
        (recordings / f"{number}.txt").write_bytes(b"\xff")
    (tmp_path / "recordings" / "metadata.tsv").write_text("nothing\n")
    shutil.copy(recordings / "0.wav", recordings / os.fsdecode(b"\xff.wav"))
    nameless = tmp_path / os.fsdecode(b"\xff")
    (tmp_path / "recordings").rename(nameless)
    assert adapt(learned, words, nameless, tmp_path / "out") == 1
    assert "set aside deep/down/0: its name is not UTF-8" in capsys.readouterr().err
    nameless.rename(tmp_path / "recordings")
    assert adapt(learned, words, tmp_path / "recordings", tmp_path / "out") == 0
    said = capsys.readouterr().err
    assert "set aside deep/down/\\udcff: its name is not UTF-8; rename it" in said
    assert "of 18 utterances" in said


@pytest.mark.skipif(sys.platform != "linux", reason="names there are bytes")
def test_of_folders_for_training_and_testing_only_the_texts_of_the_test_are_read(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    for number, one in enumerate(read_manifest(unheard)):
        folder = tmp_path / "corpus" / ("train" if number < 12 else "test")
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{number}.wav", read_utterance(one), SAMPLE_RATE)
        (folder / f"{number}.txt").write_bytes(b"\xff" if number < 12 else b"yes")
    shutil.copy(tmp_path / "corpus/test/17.wav", tmp_path / "corpus/test" / os.fsdecode(b"\xff.wav"))
    assert adapt(learned, words, tmp_path / "corpus", tmp_path / "out") == 0
    printed = capsys.readouterr()
    assert "set aside test/\\udcff: its name is not UTF-8" in printed.err
    assert "of 12 utterances" in printed.err
    assert "%WER" in printed.out
    assert len(read_manifest(tmp_path / "out" / "test" / "test.jsonl")) == 6
    for recording in (tmp_path / "corpus" / "train").glob("*.wav"):
        recording.rename(recording.with_suffix(".m4a"))
    assert adapt(learned, words, tmp_path / "corpus", tmp_path / "other") == 1
    assert "there is nothing but test, for testing, which is not heard" in capsys.readouterr().err


def test_a_test_without_texts_tells_nothing_and_is_not_heard(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    corpus = split_off_test(tmp_path / "corpus", unheard, "")
    assert adapt(learned, words, corpus, tmp_path / "out", "--layout", "nemo") == 0
    said = capsys.readouterr().err
    assert "test is not heard; it has no texts that would tell what was brought" in said
    assert "of 12 utterances" in said
    (corpus / "train.jsonl").rename(corpus / "test-other.jsonl")
    assert adapt(learned, words, corpus, tmp_path / "other", "--layout", "nemo") == 1
    said = capsys.readouterr().err
    assert "there is nothing but test, test-other, for testing, which is not heard; put what shall be heard" in said
    assert adapt(learned, words, corpus, tmp_path / "other") == 1
    said = capsys.readouterr().err
    assert "test-other, test is for testing, and no manifest says what shall be heard; name one, or --layout" in said
    assert adapt(learned, words, corpus / "test.jsonl", tmp_path / "other") == 0  # named alone


def test_begun_again_with_another_test_or_other_numbers_it_is_tested_on_what_is_there_now(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    first = split_off_test(tmp_path / "first", unheard, "yes 2")
    out, options = tmp_path / "out", ("--layout", "nemo", "--spell-numbers")
    assert adapt(learned, words, first, out, *options) == 0
    assert "%WER" in capsys.readouterr().out
    log = (out / "round1" / "run" / "log.jsonl").read_bytes()
    assert adapt(learned, words, first, out, *options[:2]) == 1  # its numbers cannot be read now
    assert "characters outside the alphabet: '2'" in capsys.readouterr().err
    assert adapt(learned, words, first, out, *options) == 0
    assert (out / "round1" / "run" / "log.jsonl").read_bytes() == log
    second = split_off_test(tmp_path / "second", unheard, "no")
    assert adapt(learned, words, second, out, *options) == 0
    assert {one.text for one in read_manifest(out / "test" / "test.jsonl")} == {"no"}
    assert (out / "round1" / "run" / "log.jsonl").read_bytes() == log
    assert adapt(learned, words, second / "train.jsonl", out, "--force") == 0
    assert not (out / "test").exists()


def test_recordings_that_came_or_went_are_other_recordings(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for number, one in enumerate(read_manifest(unheard)):
        soundfile.write(recordings / f"{number}.wav", read_utterance(one), SAMPLE_RATE)
    assert adapt(learned, words, recordings, tmp_path / "out") == 0
    shutil.copy(recordings / "0.wav", recordings / "new.wav")
    capsys.readouterr()
    assert adapt(learned, words, recordings, tmp_path / "out") == 1
    assert "holds an adaptation with other recordings; --force begins again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("test/letter.txt", "out/test: holds other files (letter.txt)"),
        ("data/letter.txt", "out/data: holds other files (letter.txt)"),
        ("data.partial/letter.txt", "out/data.partial: is in the way and not ours"),
        ("run/letter.txt", "out/run/letter.txt: is in the way, and not what adapt wrote; move it"),
        ("round7/letter.txt", "out/round7/letter.txt: is in the way, and not what adapt wrote; move it"),
        ("round1/run/letter.txt", "out/round1/run/letter.txt: is in the way, and not what adapt wrote; move it"),
        ("round1/heard/letter.txt", "out/round1/heard/letter.txt: is in the way, and not what adapt wrote; move it"),
        ("round1/data/letter.txt", "out/round1/data: also holds letter.txt"),
        ("origin.toml", "out/origin.toml: is not what adapt wrote, or was damaged; choose another --out"),
    ],
)
def test_what_it_did_not_write_is_never_removed(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, path: str, message: str, capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert adapt(learned, words, unheard, out) == 0
    weights = find_weights(out / "run").read_bytes()
    (out / path).parent.mkdir(exist_ok=True)
    (out / path).write_text("title = 'mine'")
    (out / "test.jsonl").write_text("mine")
    (out / ".old.removed").mkdir()
    assert adapt(learned, words, unheard, out, "--force") == 1
    assert message in capsys.readouterr().err
    assert find_weights(out / "run").read_bytes() == weights
    assert (out / path).read_text() == "title = 'mine'"
    if path != "origin.toml":
        (out / path).rename(tmp_path / "moved")
        assert adapt(learned, words, unheard, out, "--force") == 0
    assert (out / "test.jsonl").read_text() == "mine"
    assert (out / ".old.removed").is_dir()


def test_fewer_rounds_than_there_are_are_said(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert adapt(learned, words, unheard, out, "--rounds", "2") == 0
    assert "stays" not in capsys.readouterr().err
    assert adapt(learned, words, unheard, out) == 0
    assert f"{out / 'run'} is now the model of round 1 of 2; {out / 'round2'} stays" in capsys.readouterr().err


def test_a_folder_of_manifests_named_after_splits_is_taken_for_what_it_is(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    corpus = split_off_test(tmp_path / "corpus", unheard, "yes")
    soundfile.write(corpus / "stray.wav", np.zeros(SAMPLE_RATE, dtype=np.float32), SAMPLE_RATE)
    assert adapt(learned, words, corpus, tmp_path / "out") == 0
    printed = capsys.readouterr()
    assert "of 12 utterances" in printed.err
    assert "%WER" in printed.out


def test_what_only_has_the_name_of_a_manifest_is_none(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for number, one in enumerate(read_manifest(unheard)):
        soundfile.write(recordings / f"{number}.wav", read_utterance(one), SAMPLE_RATE)
    (recordings / "training-settings.json").write_text('{"a": 1}')
    (recordings / "test.json").mkdir()
    assert adapt(learned, words, recordings, tmp_path / "out") == 0
    assert "of 18 utterances" in capsys.readouterr().err


def test_a_test_that_is_also_heard_is_doubted(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    corpus = split_off_test(tmp_path / "corpus", unheard, "yes")
    shutil.copy(corpus / "test.jsonl", corpus / "dev.jsonl")
    assert adapt(learned, words, corpus, tmp_path / "out") == 0
    assert "warning: 6 utterances of test are also heard; what they tell is too good" in capsys.readouterr().err


def test_phrases_that_hardly_anybody_says_are_doubted(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    words.write_text("hello yes no hello yes no")
    command = ["adapt", str(unheard), "--out", str(tmp_path / "out"), "--model", str(learned), "--untranscribed"]
    assert run([*command, "--phrases", str(words)]) == 1
    assert "warning: heard something in 0 of 18 utterances; are these phrases what is said?" in capsys.readouterr().err


def test_what_ended_for_too_little_is_no_obstacle(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    (tmp_path / "noise").mkdir()
    for number in range(9):
        soundfile.write(tmp_path / "noise" / f"{number}.wav", noise, SAMPLE_RATE)
    other = tmp_path / "other.txt"
    other.write_text("hello hello\nyes no yes")
    out = tmp_path / "out"
    command = ["adapt", str(tmp_path / "noise"), "--out", str(out), "--model", str(learned), "--untranscribed"]
    assert run([*command, "--phrases", str(other)]) == 1
    said = capsys.readouterr().err
    assert "heard something in 0 of 9 utterances" in said
    assert "0 utterances to learn from is too little; record more, or help it to hear" in said
    assert adapt(learned, words, unheard, out) == 0


@pytest.mark.parametrize(("offset", "left"), [(0.0, 0.004), (1.5, 1.0)])
def test_of_a_part_of_a_long_recording_that_part_is_heard_piece_by_piece(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, offset: float, left: float
) -> None:
    pause = np.zeros(SAMPLE_RATE, dtype=np.float32)
    spoken = read_manifest(unheard)
    signal = np.concatenate([part for one in (*spoken, *spoken[:3]) for part in (read_utterance(one), pause)])
    soundfile.write(tmp_path / "long.wav", signal, SAMPLE_RATE)
    seconds = round(len(signal) / SAMPLE_RATE - offset - left, 2)
    line = {"audio_filepath": "long.wav", "offset": offset, "duration": seconds, "id": "long"}
    (tmp_path / "long.jsonl").write_text(json.dumps(line))
    info = read_model_info(find_weights(learned))
    lines = read_nemo(tmp_path / "long.jsonl", untranscribed=True)[UNSPLIT]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("speechrnn.adapt.hearing.read_utterance", read_briefly)
        heard = [one.utterance for one in Recordings(lines, info).hear(Reading(learned, words=words))]
    assert len(heard) > 9
    for one in heard:
        assert one.duration is not None
        assert offset <= one.offset <= one.offset + one.duration <= offset + seconds + 1e-6
        assert one.id == f"long-{one.offset:.2f}"


def read_briefly(one: Utterance) -> Signal:
    assert one.duration is not None
    assert one.duration < 5
    return read_utterance(one)


@pytest.mark.parametrize("call", [0, 2, 5, 9])
def test_killed_while_another_adaptation_goes_no_part_of_that_is_taken_for_the_new_one(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, call: int
) -> None:
    out, other = tmp_path / "out", tmp_path / "other.jsonl"
    other.write_text("".join(unheard.read_text().splitlines(keepends=True)[4:]))
    assert adapt(learned, words, unheard, out) == 0
    before = find_weights(out / "run").read_bytes()
    calls = iter(range(99))

    def break_off(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    with pytest.MonkeyPatch.context() as patched:
        for name in ("unlink", "rmdir", "rename"):
            patched.setattr(os, name, partial(break_off, getattr(os, name)))
        assert adapt(learned, words, other, out, "--force") == 130
    whole = not any(path.name == "round1" for path in out.iterdir())
    assert adapt(learned, words, other, out) == (0 if whole else 1)
    if not whole:
        assert adapt(learned, words, unheard, out) == 0
        assert find_weights(out / "run").read_bytes() == before


def test_only_one_process_adapts_in_a_folder_and_what_a_kill_left_there_goes(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    with claim(out):
        assert adapt(learned, words, unheard, out) == 1
    assert "another process is writing there" in capsys.readouterr().err
    assert adapt(learned, words, unheard, out) == 0
    (out / ".round1.removed").mkdir()
    (out / "round1").rename(elsewhere)
    (out / "round1").symlink_to(elsewhere)
    assert adapt(learned, words, unheard, out, "--force") == 0
    assert not list(out.glob(".*.removed"))
    assert list(elsewhere.iterdir())


def test_an_adaptation_with_texts_is_another_one_and_a_renamed_model_is_not(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    out, moved = tmp_path / "out", tmp_path / "moved"
    assert adapt(learned, words, unheard, out) == 0
    shutil.copytree(learned, moved)
    assert adapt(moved, words, unheard, out, "--layout", "nemo") == 0
    capsys.readouterr()
    split_off_test(tmp_path / "corpus", unheard, "yes")
    shutil.copy(tmp_path / "corpus" / "test.jsonl", tmp_path / "corpus" / "dev.jsonl")
    told = ["adapt", str(tmp_path / "corpus"), "--out", str(out), "--model", str(learned), "--layout", "nemo"]
    assert run(told) == 1
    assert "holds an adaptation of another kind, with texts or without; --force" in capsys.readouterr().err
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, np.zeros(SAMPLE_RATE, dtype=np.float32), SAMPLE_RATE)
    assert adapt(learned, words, noise, out, "--force") == 1
    assert "is too little" in capsys.readouterr().err
    assert adapt(learned, words, unheard, out) == 0  # where nothing is left, nothing is in the way


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "late.jsonl",
            r"set aside late: .*late.wav: 99.00 s lies outside the recording, which ends at 40.00 s; mend the",
        ),
        ("late.wav", "set aside late: .*late.wav: nobody speaks in it"),
        ("gone.jsonl", "set aside gone: .*none of the recordings can be heard"),
        ("nowhere", "nowhere: is not there; name a recording, a folder of them, or a manifest"),
        ("a.m4a", "set aside a: .*libsndfile cannot read it .*ffmpeg -i a.m4a"),
        ("a.unknown", "set aside a: .*libsndfile cannot read it "),
        ("folder", "no recordings here .*; a.m4a and its like cannot be read, convert them, with ffmpeg, say"),
        ("empty.jsonl", "empty.jsonl: holds no utterances"),
    ],
)
def test_where_there_is_nothing_to_hear_it_says_so(
    tmp_path: Path, learned: Path, words: Path, name: str, message: str, capsys: Capture
) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "a.m4a", tmp_path / "a.unknown", tmp_path / "folder" / "a.m4a"):
        path.write_bytes(b"....ftypM4A ")
    (tmp_path / "empty.jsonl").write_text("")
    soundfile.write(tmp_path / "late.wav", np.zeros(40 * SAMPLE_RATE, dtype=np.float32), SAMPLE_RATE)
    (tmp_path / "late.jsonl").write_text('{"audio_filepath": "late.wav", "offset": 99.0, "id": "late"}')
    (tmp_path / "gone.jsonl").write_text('{"audio_filepath": "gone.wav", "duration": 1.0, "text": null}')
    assert adapt(learned, words, tmp_path / name, tmp_path / "out") == 1
    assert re.search(message, capsys.readouterr().err.replace("\n", " "))
