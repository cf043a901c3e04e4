"""A model that learns from what it hears: round by round, whatever happens, and never from a test."""

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechrnn.adapt import untranscribed
from speechrnn.adapt.hearing import Recordings
from speechrnn.adapt.untranscribed import adapt_untranscribed
from speechrnn.audio import SAMPLE_RATE, read_utterance
from speechrnn.cli import run
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.modelfile import find_weights
from speechrnn.score.scoring import score_transcripts
from speechrnn.train.learner import Learner
from speechrnn.train.log import read_log
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.reading import Reading
from tests.adapt.conftest import OVERRIDES, WORDS, Capture, adapt, split_off_test, write_lines


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
    tmp_path: Path, learned: Path, recordings: Path, words: Path, capsys: Capture
) -> None:
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
