"""A corpus with a fault of every kind planted in it, beside a clean half that must raise no alarm."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from speechrnn.audio import SAMPLE_RATE, Signal, read_utterance
from speechrnn.cli import run
from speechrnn.config import PrepareConfig, Recipe
from speechrnn.errors import CorpusError, OutputError
from speechrnn.manifest import Utterance, read_manifest, write_manifest
from speechrnn.prepare.doctor.cases import Suspicion
from speechrnn.prepare.doctor.doctor import Diagnosis, diagnose, read_patient, write_clean
from speechrnn.prepare.doctor.report import draw_durations, format_json
from tests.conftest import prepare

NOISE = np.random.default_rng(0).normal(0, 0.1, 3 * SAMPLE_RATE).astype(np.float32)

PHRASES = {
    "train": ("hello again", "good morning", "who is there", "this is my voice", "the world is big", "thank you"),
    "dev": ("good night", "how are you", "hello my friend"),
    "test": ("a new world", "i hear you", "please say yes"),
}

PLANTED = {
    "broken_audio": "train/x/broken",
    "too_short": "train/x/short",
    "too_long": "train/x/long",
    "silent": "train/x/silent",
    "faint": "train/x/faint",
    "clipped": "train/x/clipped",
    "offset": "train/x/offset",
    "cancelled": "train/x/cancelled",
    "dead_channel": "train/x/dead",
    "noisy": "train/x/noisy",
    "mostly_silence": "train/x/pause",
    "narrow_band": "train/x/telephone",
    "mixed_rates": "train/x/telephone",
    "upsampled": "train/x/upsampled",
    "empty_text": "train/x/wordless",
    "foreign_characters": "train/x/foreign",
    "unlearnable": "train/x/hasty",
    "too_fast": "train/x/hasty",
    "too_slow": "train/x/sparse",
    "look_alike": "train/x/greek",
    "contradiction": "train/x/one",
    "copy": "train/x/twin",
    "leak": "train/x/leaked",
    "shared_speaker": "dev/x/both",
    "shared_sentence": "test/y/same",
    "no_speaker": "train/nameless",
}


def put(root: Path, id: str, samples: np.ndarray, text: str, sample_rate: int = SAMPLE_RATE) -> None:
    path = root / f"{id}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, sample_rate, subtype="FLOAT")
    path.with_suffix(".txt").write_text(text)


def plant(root: Path, speech: Signal, other: Signal) -> None:
    x = f"{root}/train/x"
    put(root, "train/x/broken", speech, "hello")
    Path(f"{x}/broken.wav").write_text("no audio")
    put(root, "train/x/short", speech[:200], "hello")
    put(root, "train/x/long", np.tile(speech, 80), "hello " * 80)
    put(root, "train/x/silent", np.zeros_like(speech), "hello")
    put(root, "train/x/faint", speech * 0.005, "hello world")
    put(root, "train/x/clipped", np.clip(speech * 20, -0.7, 0.7), "hello world")
    put(root, "train/x/offset", speech * 0.5 + 0.05, "hello world")
    put(root, "train/x/cancelled", np.stack([speech, -speech * 0.98], axis=1), "hello world")
    put(root, "train/x/dead", np.stack([speech, speech * 0], axis=1), "hello world")
    put(root, "train/x/noisy", NOISE, "hello world to you")
    put(root, "train/x/pause", np.concatenate([speech * 0.9, np.zeros(6 * SAMPLE_RATE)]), "hello world")
    put(root, "train/x/telephone", soxr.resample(speech, SAMPLE_RATE, 8000), "hello world", 8000)
    narrow = soxr.resample(soxr.resample(speech * 0.8, SAMPLE_RATE, 8000), 8000, SAMPLE_RATE)
    put(root, "train/x/upsampled", narrow, "hello world")
    put(root, "train/x/wordless", speech * 0.7, "...")
    put(root, "train/x/foreign", speech * 0.6, "room 101")
    put(root, "train/x/hasty", speech * 0.55, "all of this was said in just one second, or so the transcript has it")
    put(root, "train/x/sparse", np.tile(other, 8), "no")
    put(root, "train/x/greek", speech * 0.45, "hellο")
    put(root, "train/x/one", speech * 0.4, "hello world")
    put(root, "train/x/other", speech * 0.4, "goodbye world")
    put(root, "train/x/twice", speech * 0.35, "hello world")
    put(root, "train/x/twin", speech * 0.35, "hello world")
    put(root, "train/x/leaked", speech * 0.3, "hello world")
    put(root, "test/y/original", speech * 0.3, "hello world")
    put(root, "dev/x/both", speech * 0.25, "is anybody there")
    put(root, "test/y/same", other, "hello")
    put(root, "train/nameless", other * 0.9, "hello")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, phrases: Sequence[Utterance]) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    voices = list(dict.fromkeys(one.speaker for one in phrases))
    for split, speakers in (("train", voices[:6]), ("dev", voices[6:8]), ("test", voices[8:10])):
        for one in phrases:
            if one.speaker in speakers and one.text in PHRASES[split]:
                put(root, f"{split}/{one.speaker}/{one.id}", read_utterance(one), one.text)
    spoken = {one.text: read_utterance(one) for one in phrases if one.speaker == voices[11]}
    plant(root, spoken["hello world"], spoken["hello"])
    return root


@pytest.fixture(scope="module")
def diagnosis(corpus: Path) -> Diagnosis:
    return diagnose(read_patient(corpus), Recipe())


@pytest.mark.parametrize(("kind", "name"), PLANTED.items())
def test_every_planted_fault_is_found(diagnosis: Diagnosis, kind: str, name: str) -> None:
    found = {finding.rule.kind: finding for finding in diagnosis.findings}
    assert name in found[kind].details


def test_the_clean_half_raises_no_alarm(diagnosis: Diagnosis) -> None:
    clean = {case.id for case in diagnosis.cases if case.utterance.speaker not in ("x", "y", "")}
    assert len(clean) == 6 * 6 + 2 * 3 + 2 * 3
    alarms = {id: finding.rule.what for finding in diagnosis.findings for id in finding.details if id in clean}
    assert alarms == {}


def test_a_clean_corpus_has_nothing(tmp_path: Path, phrases: Sequence[Utterance]) -> None:
    for one in phrases[:80]:
        put(tmp_path, f"{one.speaker}/{one.id}", read_utterance(one), one.text)
    assert diagnose(read_patient(tmp_path), Recipe()).findings == []
    assert run(["doctor", str(tmp_path)]) == 0


def test_errors_come_first_and_then_what_touches_more(diagnosis: Diagnosis) -> None:
    keys = [("error", "warning", "note").index(one.rule.severity) for one in diagnosis.findings]
    assert keys == sorted(keys)
    errors = [len(one.details) for one in diagnosis.findings if one.rule.severity == "error"]
    assert errors == sorted(errors, reverse=True)
    assert diagnosis.must_be_mended


def test_frames_and_labels_and_repeats_are_spelled_out(diagnosis: Diagnosis) -> None:
    detail = next(one.details["train/x/hasty"] for one in diagnosis.findings if one.rule.kind == "unlearnable")
    text = "all of this was said in just one second or so the transcript has it"
    case = next(case for case in diagnosis.cases if case.id == "train/x/hasty")
    needed = (len(text) + 1 - 1) * 3 + 1  # one repeat, the two l of "all"
    assert detail == (
        f"{case.frames} frames, stacked by 3, cannot emit {len(text)} characters (with their repeats at least"
        f" {needed} frames)"
    )


def test_the_clean_manifest_prepares_without_anything_set_aside(diagnosis: Diagnosis, tmp_path: Path) -> None:
    bad = {id for finding in diagnosis.findings if finding.rule.drop for id in finding.details}
    assert write_clean(diagnosis, tmp_path / "clean") == len(bad)
    prepared = prepare("nemo", tmp_path / "clean", tmp_path / "data")
    assert list(prepared.splits) == ["train", "dev", "test"]
    assert all(split.set_aside == 0 for split in prepared.splits.values())
    kept = {one.id for split in prepared.splits for one in read_manifest(tmp_path / "data" / f"{split}.jsonl")}
    assert kept == {case.id for case in diagnosis.cases} - bad


def test_the_json_holds_every_utterance_that_was_found(diagnosis: Diagnosis) -> None:
    report = json.loads(format_json(diagnosis))
    assert report["utterances"] == len(diagnosis.cases)
    assert sum(one["utterances"] for one in report["durations"]) == len(diagnosis.seconds)
    kinds = {one["kind"]: {each["id"] for each in one["utterances"]} for one in report["findings"]}
    assert all(name in kinds[kind] for kind, name in PLANTED.items())
    assert 0 <= report["batches"]["padding"] < 0.5


def test_the_command_prints_a_plain_table_and_exits_1(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(corpus)]) == 1
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["severity", "what", "utterances", "for example", "what to do"]
    assert {len(line) for line in lines} == {5}
    assert lines[1][0] == "error"


def test_a_prepared_corpus_is_examined_as_it_was_prepared(tmp_path: Path, make_corpus: Callable[..., Path]) -> None:
    source = make_corpus(voices=4, texts=["hello", "hello again"])
    prepare("tsv", source, tmp_path / "data", PrepareConfig(speeds=(0.9, 1.0)))
    patient = read_patient(tmp_path / "data")
    assert list(patient.splits) == ["train", "dev", "test"]
    diagnosis = diagnose(patient, Recipe())
    assert [one.rule.kind for one in diagnosis.findings] == ["shared_sentence"]
    frames = np.load(tmp_path / "data" / "train.frames.npy")
    assert [case.frames for case in diagnosis.cases if case.split == "train"] == frames.tolist()


def test_a_model_points_at_labels_that_it_doubts(corpus: Path) -> None:
    patient = read_patient(corpus)
    doubted = patient.splits["train"][0].id
    diagnosis = diagnose(patient, Recipe(), {doubted: Suspicion("something else", 3.5)})
    found = next(one for one in diagnosis.findings if one.rule.kind == "suspect_label")
    assert "heard “something else” (3.5 nats" in found.details[doubted]


def test_a_folder_without_a_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus in a layout that we know; name it with --corpus"):
        read_patient(tmp_path)


def test_several_languages_are_refused_as_prepare_refuses_them(tmp_path: Path) -> None:
    put(tmp_path, "one", NOISE, "")
    utterances = [Utterance(str(tmp_path / "one.wav"), "a", lang=lang, id=lang) for lang in ("en", "es")]
    write_manifest(tmp_path / "train.jsonl", utterances)
    with pytest.raises(CorpusError, match=r"the transcripts are in en, es; .* name it with --lang"):
        read_patient(tmp_path, "nemo")


def test_durations_are_drawn_to_scale() -> None:
    lines = draw_durations([0.4] * 10 + [1.5] * 20 + [100.0])
    assert [line.split()[:4] for line in lines] == [
        ["up", "to", "0.5", "s"],
        ["up", "to", "2", "s"],
        ["over", "60", "s", "1"],
    ]
    assert [line.count("█") for line in lines] == [20, 40, 2]


def write_manifests(folder: Path, **splits: Sequence[Utterance]) -> Path:
    folder.mkdir()
    for split, utterances in splits.items():
        write_manifest(folder / f"{split}.jsonl", utterances)
    return folder


def test_test_in_dev_is_found_as_dev_in_train_is(tmp_path: Path, hello_world: Signal) -> None:
    for name in ("a", "b"):
        put(tmp_path, name, hello_world, "hello")
    ours = Utterance(str(tmp_path / "a.wav"), "hello world", id="x", speaker="bo")
    theirs = Utterance(str(tmp_path / "b.wav"), "hello world", id="y", speaker="bo")
    corpus = write_manifests(tmp_path / "corpus", dev=[ours], test=[theirs])
    found = {one.rule.kind: one.details for one in diagnose(read_patient(corpus, "nemo"), Recipe()).findings}
    assert list(found["leak"]) == ["x"]
    assert found["shared_speaker"] == {"y": "bo is in dev and in test"}
    assert found["shared_sentence"] == {"y": "“hello world” is in dev and in test"}


def test_of_a_recording_in_two_splits_under_one_id_the_later_split_keeps_it(
    tmp_path: Path, hello_world: Signal
) -> None:
    put(tmp_path, "a", hello_world, "hello")
    same = Utterance(str(tmp_path / "a.wav"), "hello world", id="x", speaker="bo")
    corpus = write_manifests(tmp_path / "corpus", train=[same], dev=[same])
    assert write_clean(diagnose(read_patient(corpus, "nemo"), Recipe()), tmp_path / "clean") == 1
    assert read_manifest(tmp_path / "clean" / "train.jsonl") == []
    assert [one.id for one in read_manifest(tmp_path / "clean" / "dev.jsonl")] == ["x"]


def test_clean_manifests_replace_nothing_unasked(
    diagnosis: Diagnosis, tmp_path: Path, make_corpus: Callable[..., Path]
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "dev.jsonl").write_text("precious")
    with pytest.raises(OutputError, match=r"dev.jsonl: exists; --force"):
        write_clean(diagnosis, tmp_path / "own")
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == ["dev.jsonl"]
    prepare("tsv", make_corpus(), tmp_path / "data")
    with pytest.raises(OutputError, match="is a prepared corpus"):
        write_clean(diagnosis, tmp_path / "data", force=True)


def test_what_a_corpus_without_splits_leaves_clean_can_be_prepared(
    tmp_path: Path, make_corpus: Callable[..., Path]
) -> None:
    write_clean(diagnose(read_patient(make_corpus(), "tsv"), Recipe()), tmp_path / "clean")
    assert [path.name for path in (tmp_path / "clean").iterdir()] == ["all.jsonl"]
    assert list(prepare("nemo", tmp_path / "clean", tmp_path / "data").splits) == ["train", "dev", "test"]


def test_figures_are_words_where_prepare_would_spell_them(tmp_path: Path, hello_world: Signal) -> None:
    put(tmp_path / "corpus", "ana/1", hello_world, "hello 5")
    refusing, spelling = (
        {one.rule.kind for one in diagnose(read_patient(tmp_path / "corpus", "folder", config), Recipe()).findings}
        for config in (PrepareConfig(), PrepareConfig(numbers="spell"))
    )
    assert "foreign_characters" in refusing - spelling


def test_recordings_are_cut_where_prepare_would_cut_them(tmp_path: Path, hello_world: Signal) -> None:
    put(tmp_path / "corpus", "ana/talk", np.tile(hello_world, 3), "all of it")
    table = tmp_path / "segments.tsv"
    table.write_text("recording\tstart\tend\ttext\nana/talk\t0\t0.9\thello world\nana/talk\t1.0\t1.9\thello again\n")
    patient = read_patient(tmp_path / "corpus", "folder", segments=table)
    assert [one.text for split in patient.splits.values() for one in split] == ["hello world", "hello again"]


def test_only_the_parts_that_prepare_would_take_are_read(tmp_path: Path, hello_world: Signal) -> None:
    for subset in ("train-clean-5", "dev-clean-2"):
        put(tmp_path, f"{subset}/1/2/1-2-0000", hello_world, "")
        (tmp_path / subset / "1/2/1-2.trans.txt").write_text("1-2-0000 HELLO WORLD\n")
    patient = read_patient(tmp_path, "librispeech", PrepareConfig(subsets=("dev-clean-2",)))
    assert list(patient.splits) == ["dev"]


def test_a_prepared_corpus_that_lost_bytes_is_named(tmp_path: Path, make_corpus: Callable[..., Path]) -> None:
    prepare("tsv", make_corpus(), tmp_path / "data")
    store = tmp_path / "data" / "train.features.npy"
    store.write_bytes(store.read_bytes()[:-100])
    with pytest.raises(CorpusError, match=r"train"):
        read_patient(tmp_path / "data")


def test_no_sound_at_all_is_a_fault_and_no_crash(tmp_path: Path, hello_world: Signal) -> None:
    put(tmp_path, "a", hello_world, "hello")
    short = Utterance(str(tmp_path / "a.wav"), "hello", duration=0.00001, id="x")
    corpus = write_manifests(tmp_path / "corpus", train=[short])
    assert "broken_audio" in {one.rule.kind for one in diagnose(read_patient(corpus, "nemo"), Recipe()).findings}


def test_samples_that_prepare_refuses_are_a_fault(tmp_path: Path, hello_world: Signal) -> None:
    put(tmp_path / "corpus", "ana/1", hello_world * np.float32(1e30), "hello world")
    found = {
        one.rule.kind: one.details for one in diagnose(read_patient(tmp_path / "corpus", "folder"), Recipe()).findings
    }
    assert "too large; export it within [-1, 1]" in found["broken_audio"]["ana/1"]
