import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE, read_signal
from speechrnn.config import FeatureConfig, PrepareConfig
from speechrnn.errors import CorpusError, OutputError
from speechrnn.features import compute_mfcc
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.prepare import extract
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.extract import extract_utterance
from speechrnn.prepare.plan import plan_corpus
from speechrnn.prepare.prepared import PreparedCorpus, list_parts, read_prepared
from speechrnn.prepare.store import FeatureStore, StoreWriter, read_set_aside
from tests.conftest import prepare as prepare_any

MakeCorpus = Callable[..., Path]


def prepare(source: Path, out: Path, config: PrepareConfig | None = None, **options: Any) -> PreparedCorpus:
    return prepare_any("tsv", source, out, config or PrepareConfig(split="train"), **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_store_holds_each_utterances_features_in_the_manifests_order(
    tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    source = make_corpus()
    prepared = prepare(source, tmp_path / "data")
    store = FeatureStore([tmp_path / "data"], "train")
    assert prepared.splits["train"].utterances == len(store) == 12
    assert store.coefficients == 20
    for index, utterance in enumerate(store.utterances):
        signal = read_signal(Path(utterance.audio_filepath))
        assert utterance.duration == pytest.approx(len(signal) / SAMPLE_RATE, abs=1e-5)
        np.testing.assert_allclose(store[index], compute_mfcc(signal, FeatureConfig()), atol=1e-3)
        assert store.frames[index] == len(store[index])


def test_any_program_that_reads_numpys_files_reads_the_store(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    prepare(make_corpus(), tmp_path / "data")
    features = np.load(tmp_path / "data" / "train.features.npy", allow_pickle=False)
    frames = np.load(tmp_path / "data" / "train.frames.npy", allow_pickle=False)
    assert features.dtype == np.float32
    assert features.shape == (frames.sum(), 20)


def test_the_number_of_workers_changes_no_byte(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    prepare(source, tmp_path / "one", workers=1)
    prepare(source, tmp_path / "five", workers=5)
    assert contents(tmp_path / "one") == contents(tmp_path / "five")


def test_an_unchanged_corpus_is_not_read_again(
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_corpus()
    first = prepare(source, tmp_path / "data")
    before = contents(tmp_path / "data")
    monkeypatch.setattr(extract, "extract_corpus", lambda *_: pytest.fail("read again"))
    assert prepare(source, tmp_path / "data") == first
    assert "unchanged; nothing to prepare" in capsys.readouterr().err
    assert contents(tmp_path / "data") == before


def test_a_changed_corpus_asks_for_force_and_keeps_the_old_result(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    prepare(source, tmp_path / "data")
    before = contents(tmp_path / "data")
    changed = PrepareConfig(split="train", features=FeatureConfig(mels=30, coefficients=13))
    with pytest.raises(OutputError, match="--force"):
        prepare(source, tmp_path / "data", changed)
    assert contents(tmp_path / "data") == before
    prepare(source, tmp_path / "data", changed, force=True)
    assert FeatureStore([tmp_path / "data"], "train").coefficients == 13
    os.utime(next(source.glob("*.wav")), (1, 1))
    with pytest.raises(OutputError, match="--force"):
        prepare(source, tmp_path / "data", changed)


def test_nothing_that_prepare_did_not_write_is_lost(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source, out = make_corpus(), tmp_path / "data"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"holds other files \(thesis.tex\)"):
        prepare(source, out, force=True)
    (out / "thesis.tex").unlink()
    prepare(source, out)
    (out / "run").mkdir()
    with pytest.raises(OutputError, match="also holds run"):
        prepare(source, out, PrepareConfig(split="dev"), force=True)
    assert (out / "run").is_dir()


def test_bad_utterances_are_set_aside_by_id_and_the_rest_is_prepared(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    soundfile.write(source / "nan.wav", np.where(noise > 0.2, np.nan, noise), SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(source / "zero.wav", noise[:0], SAMPLE_RATE)
    soundfile.write(source / "short.wav", noise[:300], SAMPLE_RATE)
    soundfile.write(source / "cut.wav", noise, SAMPLE_RATE)
    (source / "cut.wav").write_bytes((source / "cut.wav").read_bytes()[:20_000])
    soundfile.write(source / "long.flac", np.zeros(3 * 3600 * 1000, dtype=np.float32), 1000)
    (source / "text.wav").write_text("not audio" * 100)
    (source / "empty.wav").touch()
    soundfile.write(source / "foreign.wav", noise, SAMPLE_RATE)
    bad = {
        "nan": "not numbers",
        "zero": "holds no samples",
        "short": "shorter than one window",
        "cut": "cut short",
        "long": "10800.0 s in one utterance",
        "text": "libsndfile cannot read it",
        "empty": "the file is empty",
        "missing": "No such file",
        "foreign": "outside the alphabet: '4'",
        "silent": "the transcript is empty",
    }
    with (source / "metadata.tsv").open("a") as table:
        for name in bad:
            path = next((path.name for path in source.glob(f"{name}.*")), f"{name}.wav")
            table.write(f"{path}\tana\t{ {'foreign': 'room 4', 'silent': '...'}.get(name, 'hello') }\n")
    prepared = prepare(source, tmp_path / "data")
    assert (prepared.splits["train"].utterances, prepared.splits["train"].set_aside) == (12, len(bad))
    reasons = {note.id: note.reason for note in read_set_aside(tmp_path / "data", "train")}
    assert reasons.keys() == bad.keys()
    for id, message in bad.items():
        assert message in reasons[id]


def test_a_corpus_of_nothing_usable_is_refused(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus(voices=1, texts=["hello"])
    for path in source.glob("*.wav"):
        path.write_text("no audio")
    with pytest.raises(CorpusError, match=r"none of the 1 utterances can be used; the first, .*libsndfile cannot read"):
        prepare(source, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_telephone_speech_and_stereo_come_out_at_16_khz(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus(voices=1, texts=["hello"])
    path = next(source.glob("*.wav"))
    signal = read_signal(path)
    expected = len(signal) / SAMPLE_RATE
    for sample_rate, channels in ((8_000, 1), (44_100, 2)):
        samples = np.zeros((round(expected * sample_rate), channels))
        samples[:] = np.sin(np.arange(len(samples)) * 2 * np.pi * 440 / sample_rate)[:, None] / 2
        soundfile.write(path, samples, sample_rate)
        prepare(source, tmp_path / f"{sample_rate}")
        utterance = read_manifest(tmp_path / f"{sample_rate}" / "train.jsonl")[0]
        assert utterance.duration == pytest.approx(expected, abs=1e-3)


def test_a_full_disk_leaves_the_earlier_result_and_says_so(
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_corpus()
    prepare(source, tmp_path / "data")
    before = contents(tmp_path / "data")

    def run_out_of_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("speechrnn.prepare.store.StoreWriter.append", run_out_of_space)
    with pytest.raises(OutputError, match="No space left on device"):
        prepare(source, tmp_path / "data", PrepareConfig(split="dev"), force=True)
    assert contents(tmp_path / "data") == before


@pytest.mark.parametrize("lines", [0, 1, 5, 11])
@pytest.mark.parametrize("torn", [True, False])
def test_a_killed_preparation_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch, lines: int, torn: bool
) -> None:
    source = make_corpus()
    prepare(source, tmp_path / "whole")
    read: list[str] = []
    extract_utterance = extract.extract_utterance

    def die_after(utterance: Utterance, config: PrepareConfig, letters: str) -> object:
        if len(read) == lines:
            raise KeyboardInterrupt
        read.append(utterance.id)
        return extract_utterance(utterance, config, letters)

    monkeypatch.setattr(extract, "extract_utterance", die_after)
    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "killed", workers=1)
    partial = tmp_path / "killed.partial"
    if torn:
        for name in ("train.journal.jsonl", "train.features.npy"):
            with (partial / name).open("ab") as file:
                file.write(b'{"utterance": {"id"')
    monkeypatch.setattr(extract, "extract_utterance", extract_utterance)
    prepare(source, tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert not partial.exists()


def test_features_that_never_reached_the_disk_are_extracted_again(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    prepare(source, tmp_path / "whole")
    assert kill_at_the_last(source, tmp_path / "killed") == -signal.SIGKILL
    features = tmp_path / "killed.partial" / "train.features.npy"
    features.write_bytes(features.read_bytes()[:-1000])
    prepare(source, tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def kill_at_the_last(source: Path, out: Path) -> int:
    """Returns the exit code of a preparation that is killed where the last of twelve utterances is read."""
    program = """
import os, signal, sys
from speechrnn.cli import run
from speechrnn.prepare import extract

extract_utterance, read = extract.extract_utterance, []

def die_at_the_last(*arguments):
    read.append(arguments)
    if len(read) == 12:
        os.kill(os.getpid(), signal.SIGKILL)
    return extract_utterance(*arguments)

extract.extract_utterance = die_at_the_last
run(["prepare", "tsv", sys.argv[1], "--out", sys.argv[2], "--split", "train", "--workers", "1"])
"""
    return subprocess.run([sys.executable, "-c", program, source, out], check=False).returncode


def test_a_folder_that_is_not_prepared_or_too_new_is_refused(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    with pytest.raises(CorpusError, match="not a prepared corpus"):
        read_prepared(tmp_path)
    prepare(make_corpus(), tmp_path / "data")
    settings = tmp_path / "data" / "prepare.toml"
    text = settings.read_text()
    settings.write_text(text.replace("format_version = 2", "format_version = 3"))
    with pytest.raises(CorpusError, match="format 3, this release reads 2; upgrade speechrnn"):
        read_prepared(tmp_path / "data")
    settings.write_text(text[:100])
    with pytest.raises(CorpusError, match=r"prepare.toml"):
        read_prepared(tmp_path / "data")


def test_a_store_whose_files_do_not_fit_is_refused(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    prepare(make_corpus(), tmp_path / "data")
    manifest = tmp_path / "data" / "train.jsonl"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(CorpusError, match="do not belong together"):
        FeatureStore([tmp_path / "data"], "train")
    (tmp_path / "data" / "train.features.npy").write_bytes(b"PK not numpy")
    with pytest.raises(CorpusError, match="no array of a prepared corpus"):
        FeatureStore([tmp_path / "data"], "train")


def test_what_has_the_id_of_another_is_set_aside_and_both_where_they_contradict_each_other(
    tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    source = make_corpus()
    tsv = find_corpus("tsv")
    corpus = replace(tsv, read=lambda source, subsets: _double(tsv.read(source, subsets)["all"]))
    plan = plan_corpus(corpus, source, PrepareConfig())
    ids = [one.id for one in plan.splits["train"]]
    assert [one.id for one in plan.splits["dev"]] == [f"{ids[0]}#2"]
    assert plan.refused == {f"{ids[0]}#2": "its id comes 2 times; delete all but one"}
    other = replace(tsv, read=lambda source, subsets: _double(tsv.read(source, subsets)["all"], text="else"))
    assert plan_corpus(other, source, PrepareConfig()).refused.keys() == {ids[0], f"{ids[0]}#2"}


def _double(utterances: Sequence[Utterance], text: str = "") -> dict[str, list[Utterance]]:
    first = utterances[0]
    return {"train": list(utterances), "dev": [replace(first, text=text or first.text)]}


def test_shards_are_read_as_one_store_without_being_copied(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    whole = prepare(source, tmp_path / "whole")
    for number in (3, 1, 2):
        prepare(source, tmp_path / "parts", shard=(number, 3))
    joined = read_prepared(tmp_path / "parts")
    assert joined == whole
    one, other = (FeatureStore(list_parts(tmp_path / name), "train") for name in ("whole", "parts"))
    assert one.utterances == other.utterances
    for index in range(len(one)):
        np.testing.assert_array_equal(one[index], other[index])
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {f"shard-{number}-of-3" for number in (1, 2, 3)}


def test_a_missing_or_a_foreign_shard_is_named(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source, out = make_corpus(), tmp_path / "data"
    prepare(source, out, shard=(1, 2))
    with pytest.raises(CorpusError, match="shard 2/2 is missing; prepare it with --shard 2/2"):
        read_prepared(out)
    prepare(source, out, PrepareConfig(split="train", features=FeatureConfig(mels=30)), shard=(2, 2))
    with pytest.raises(CorpusError, match="its shards are of different corpora or settings"):
        read_prepared(out)
    prepare(source, tmp_path / "whole")
    with pytest.raises(OutputError, match="prepared whole"):
        prepare(source, tmp_path / "whole", shard=(1, 2))


def test_half_precision_takes_half_the_room_and_changes_little(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    prepare(source, tmp_path / "full")
    prepare(source, tmp_path / "half", PrepareConfig(split="train", dtype="float16"))
    full, half = (FeatureStore([tmp_path / name], "train") for name in ("full", "half"))
    sizes = [(tmp_path / name / "train.features.npy").stat().st_size - 128 for name in ("full", "half")]
    assert sizes[0] == 2 * sizes[1]
    for index in range(len(full)):
        assert half[index].dtype == np.float32
        np.testing.assert_allclose(half[index], full[index], rtol=1e-3, atol=1e-3)


def test_a_faster_copy_is_shorter_and_higher(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus(voices=1, texts=["hello"])
    path = next(source.glob("*.wav"))
    soundfile.write(path, np.sin(2 * np.pi * 800 * np.arange(SAMPLE_RATE) / SAMPLE_RATE) / 2, SAMPLE_RATE)
    prepare(
        source,
        tmp_path / "data",
        PrepareConfig(split="train", speeds=(1.0, 1.25), features=FeatureConfig(coefficients=40)),
    )
    store = FeatureStore([tmp_path / "data"], "train")
    assert store.frames.tolist() == [98, 78]
    assert [one.duration for one in store.utterances] == [1.0, 1.0]
    soundfile.write(path, np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE) / 2, SAMPLE_RATE)
    expected = compute_mfcc(read_signal(path), FeatureConfig(coefficients=40))
    np.testing.assert_allclose(store[1][10:-10].mean(axis=0), expected[10:-10].mean(axis=0), atol=0.5)


def test_what_a_kill_leaves_is_swept_or_finished(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source, out = make_corpus(), tmp_path / "data"
    prepare(source, out)
    before = contents(out)
    for litter in ("fingerprint", ".lock", "train.journal.jsonl"):
        (out / litter).touch()  # killed after the rename
    changed = PrepareConfig(split="train", features=FeatureConfig(mels=30))
    prepare(source, out, changed, force=True)
    prepare(source, out, force=True)
    assert contents(out) == before
    out.rename(tmp_path / "data.partial")  # killed before it
    (tmp_path / "data.partial" / "fingerprint").write_text(read_prepared(tmp_path / "data.partial").fingerprint)
    prepare(source, out)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir() if path != source] == ["data"]


def test_a_partial_folder_that_is_not_ours_is_left_alone(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    thesis = tmp_path / "data.partial" / "thesis.tex"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    with pytest.raises(OutputError, match=r"data.partial: is in the way and not ours"):
        prepare(make_corpus(), tmp_path / "data")
    assert thesis.read_text() == "years of work"


def test_force_replaces_a_result_that_was_damaged(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source, out = make_corpus(), tmp_path / "data"
    prepare(source, out)
    (out / "prepare.toml").write_text("format_version = 'x'")
    with pytest.raises(CorpusError, match="prepare it again"):
        prepare(source, out)
    prepare(source, out, force=True)
    assert len(FeatureStore([out], "train")) == 12


def test_a_store_that_lost_a_file_is_not_taken_for_prepared(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source, out = make_corpus(), tmp_path / "data"
    prepare(source, out)
    whole = contents(out)
    for name in ("train.features.npy", "train.jsonl", "train.frames.npy"):
        (out / name).unlink()
        with pytest.raises(CorpusError, match=r"prepare it again \(with --force\)"):
            prepare(source, out)
        prepare(source, out, force=True)
        assert contents(out) == whole


def test_out_may_be_a_link_but_not_where_one_works(
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_corpus()
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    prepare(source, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "prepare.toml").exists()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(OutputError, match="cannot be replaced as a whole"):
        prepare(source, Path())


def test_a_name_that_is_no_text_is_set_aside(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    strange = Path(os.fsdecode(bytes(source / "s") + b"\xe9.wav"))
    next(source.glob("*.wav")).rename(strange)
    strange.with_suffix(".txt").write_text("hello")
    for path in source.glob("*.wav"):
        path.with_suffix(".txt").write_text("hello")
    prepare_any("folder", source, tmp_path / "data", PrepareConfig(split="train"))
    assert [(one.id, one.reason) for one in read_set_aside(tmp_path / "data", "train")] == [
        ("s\\udce9", "its name is not UTF-8; rename it")
    ]


def test_force_keeps_a_manifest_of_somebody_else(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source, out = make_corpus(), tmp_path / "data"
    prepare(source, out)
    (out / "my_hypotheses.jsonl").write_text("mine")
    with pytest.raises(OutputError, match=r"also holds my_hypotheses.jsonl, which prepare did not write"):
        prepare(source, out, PrepareConfig(features=FeatureConfig(mels=30)), force=True)
    assert (out / "my_hypotheses.jsonl").read_text() == "mine"


def test_a_shard_without_a_usable_utterance_is_empty_and_the_whole_complete(
    tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    source, out = make_corpus(voices=2), tmp_path / "parts"
    first = sorted(source.glob("*.wav"))[0]
    table = (source / "metadata.tsv").read_text().splitlines()
    (source / "metadata.tsv").write_text("\n".join([table[0], *sorted(table[1:])]) + "\n")
    first.write_bytes(b"")
    config = PrepareConfig(split="train")
    count = len(table) - 1
    for number in range(1, count + 1):
        prepare(source, out, config, shard=(number, count))
    joined = FeatureStore(list_parts(out), "train")
    assert len(joined) == count - 1
    assert all(len(joined[index]) for index in range(len(joined)))


def test_a_damaged_line_of_the_journal_is_its_end(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    prepare(source, tmp_path / "whole")
    plan = plan_corpus(find_corpus("tsv"), source, PrepareConfig())
    utterances = plan.splits["train"]
    with StoreWriter(tmp_path, "train", plan.config.features.coefficients) as writer:
        writer.append(extract_utterance(utterances[0], plan.config, plan.letters))
    with (tmp_path / "train.journal.jsonl").open("a") as journal:
        journal.write("\0\0garbage\n")
    with StoreWriter(tmp_path, "train", plan.config.features.coefficients) as writer:
        assert writer.done == 1
        writer.append(extract_utterance(utterances[1], plan.config, plan.letters))
        assert writer.finish().utterances == 2
