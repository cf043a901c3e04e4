import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE, read_signal
from speechrnn.config import FeatureConfig, PrepareConfig
from speechrnn.errors import CorpusError, OutputError
from speechrnn.features import compute_mfcc
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.prepare import extract
from speechrnn.prepare.corpora import READERS
from speechrnn.prepare.pipeline import PreparedCorpus, prepare_corpus, read_prepared
from speechrnn.prepare.store import FeatureStore, read_set_aside

MakeCorpus = Callable[..., Path]


def prepare(source: Path, out: Path, config: PrepareConfig | None = None, **options: bool | int) -> PreparedCorpus:
    return prepare_corpus(READERS["tsv"], source, out, config or PrepareConfig(split="train"), **options)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_store_holds_each_utterances_features_in_the_manifests_order(
    tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    source = make_corpus()
    prepared = prepare(source, tmp_path / "data")
    store = FeatureStore(tmp_path / "data", "train")
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
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_corpus()
    first = prepare(source, tmp_path / "data")
    before = contents(tmp_path / "data")
    monkeypatch.setattr(extract, "extract_corpus", lambda *_: pytest.fail("read again"))
    assert prepare(source, tmp_path / "data") == first
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
    assert FeatureStore(tmp_path / "data", "train").coefficients == 13
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

    def die_after(utterance: Utterance, config: PrepareConfig) -> object:
        if len(read) == lines:
            raise KeyboardInterrupt
        read.append(utterance.id)
        return extract_utterance(utterance, config)

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
    process = kill_in_the_middle(source, tmp_path / "killed")
    assert process.returncode == -signal.SIGKILL
    features = tmp_path / "killed.partial" / "train.features.npy"
    if features.exists():
        features.write_bytes(features.read_bytes()[:-1000])
    prepare(source, tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def kill_in_the_middle(source: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "speechrnn", "prepare", "tsv", str(source), "--out", str(out), "--split", "train"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = out.with_name(out.name + ".partial") / "train.journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.001)
    process.kill()
    process.wait()
    return process


def test_a_folder_that_is_not_prepared_or_too_new_is_refused(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    with pytest.raises(CorpusError, match="not a prepared corpus"):
        read_prepared(tmp_path)
    prepare(make_corpus(), tmp_path / "data")
    settings = tmp_path / "data" / "prepare.toml"
    text = settings.read_text()
    settings.write_text(text.replace("format_version = 1", "format_version = 2"))
    with pytest.raises(CorpusError, match="newer than this release"):
        read_prepared(tmp_path / "data")
    settings.write_text(text[:100])
    with pytest.raises(CorpusError, match=r"prepare.toml"):
        read_prepared(tmp_path / "data")


def test_a_store_whose_files_do_not_fit_is_refused(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    prepare(make_corpus(), tmp_path / "data")
    manifest = tmp_path / "data" / "train.jsonl"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(CorpusError, match="do not belong together"):
        FeatureStore(tmp_path / "data", "train")
    (tmp_path / "data" / "train.features.npy").write_bytes(b"PK not numpy")
    with pytest.raises(CorpusError, match="no array of a prepared corpus"):
        FeatureStore(tmp_path / "data", "train")


def test_two_corpora_with_a_common_id_are_refused(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    source = make_corpus()
    reader = replace(READERS["tsv"], read=lambda _: _double(READERS["tsv"].read(source)["all"]))
    with pytest.raises(CorpusError, match="comes more than once"):
        prepare_corpus(reader, source, tmp_path / "data", PrepareConfig())


def _double(utterances: Sequence[Utterance]) -> dict[str, list[Utterance]]:
    return {"train": list(utterances), "dev": list(utterances[:1])}
