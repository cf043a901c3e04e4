"""The commands as a shell runs them: what they print, where, and how they exit."""

import json
import os
import pty
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn import __version__
from speechrnn.audio import Signal
from speechrnn.cli import run
from speechrnn.prepare.corpora import CORPORA
from speechrnn.prepare.corpus import Archive
from speechrnn.settings import dump_toml
from speechrnn.transcribe.lm.ngrams import load_ngrams
from tests.train.conftest import TINY

MakeCorpus = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a prepared corpus in `data`, a run in `run`, and the tiny recipe."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.toml").write_text(dump_toml(TINY))
    source = folder / "corpus"
    source.mkdir()
    rows = ["path\tspeaker\ttext"]
    for speaker in "abcde":
        noise = np.random.default_rng(ord(speaker)).normal(0, 0.1, 16_000)
        soundfile.write(source / f"{speaker}.wav", noise, 16_000)
        rows.append(f"{speaker}.wav\t{speaker}\thello world")
    (source / "metadata.tsv").write_text("\n".join(rows))
    assert run(["prepare", "tsv", str(source), "--out", str(folder / "data")]) == 0
    assert (
        run(["train", str(folder / "data"), "--recipe", str(folder / "tiny.toml"), "--out", str(folder / "run")]) == 0
    )
    return folder


def errors_of(capsys: Capture) -> str:
    return capsys.readouterr().err


def test_prepare_prints_a_table_that_cut_and_grep_read(
    tmp_path: Path, make_corpus: MakeCorpus, capsys: Capture
) -> None:
    assert run(["prepare", "tsv", str(make_corpus(voices=5)), "--out", str(tmp_path / "data")]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["split", "utterances", "hours", "speakers", "set aside"]
    assert [line[0] for line in lines[1:]] == ["train", "dev", "test"]
    assert sum(int(line[1]) for line in lines[1:]) == 15


def test_prepare_names_what_it_sets_aside_and_succeeds(
    tmp_path: Path, make_corpus: MakeCorpus, capsys: Capture
) -> None:
    source = make_corpus(voices=3)
    broken = sorted(source.glob("*.wav"))[:2]
    for path in broken:
        path.write_text("no audio")
    assert run(["prepare", "tsv", str(source), "--out", str(tmp_path / "data"), "--split", "train"]) == 0
    heard = errors_of(capsys)
    assert all(f"warning: set aside {path.stem}: {path}: libsndfile cannot read it" in heard for path in broken)


def test_prepare_takes_settings_and_speakers(tmp_path: Path, make_corpus: MakeCorpus, capsys: Capture) -> None:
    arguments = [
        "--set",
        "features.mels=30",
        "--set",
        "features.coefficients=13",
        "--test-speakers",
        "af_alloy, af_aoede",
    ]
    assert run(["prepare", "tsv", str(make_corpus()), "--out", str(tmp_path / "data"), *arguments]) == 0
    assert "coefficients = 13" in (tmp_path / "data" / "prepare.toml").read_text()
    assert capsys.readouterr().out.splitlines()[-1].split("\t")[:2] == ["test", "6"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "fsdd", "--out", "x"], "say where the corpus lies"),
        (["prepare", "tsv", "none", "--out", "x"], "No such file"),
        (["prepare", "librispeech", "none", "--out", "x"], "no LibriSpeech subset"),
        (["prepare", "tsv", ".", "--out", "x", "--lang", "xx"], "No such file"),
        (["prepare", "tsv", ".", "--out", "x", "--set", "features.mel=3"], "unknown key features.mel; allowed here"),
        (["train", "none", "--recipe", "hello", "--out", "x"], "not a prepared corpus"),
        (["train", "none", "--recipe", "helo", "--out", "x"], "no recipe 'helo'"),
        (["train", "none", "--out", "x", "--resume"], "no run to resume here"),
        (["transcribe", "a.wav", "--model", "none"], "none: no such model"),
        (["score", "none", "none"], "none: cannot be read"),
        (["info", "none"], "none: no such model"),
        (["hello", "none.wav"], "none.wav: cannot be opened"),
    ],
)
def test_a_mistake_is_one_line_and_exit_1(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 1
    heard = capsys.readouterr()
    assert heard.out == ""
    assert heard.err.startswith("speechrnn: ")
    assert heard.err.count("\n") == 1
    assert message in heard.err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["prepare", "timit", ".", "--out", "x"],
        ["prepare", "tsv", ".", "--out", "x", "--split", "odd"],
        ["doctor", ".", "--corpus", "timit"],
        ["train"],
        ["train", "x", "--out", "y"],
        ["lm", "convert", "x.lm", "--out", "x.arpa", "--small"],
        ["lm", "build", "x.txt", "--out", "x.arpa", "--small"],
        ["score", "x"],
        ["transcribe", "a", "--format", "xml"],
        ["transcribe", "a", "--one-speaker", "--output-dir", "x", "--skip-existing"],
        ["transcribe", "--mic", "--one-speaker"],
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str], capsys: Capture) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


def test_without_a_model_english_as_it_ships_is_read_and_named(
    tmp_path: Path, hello_world: Signal, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "english").mkdir()  # nobody has asked for what is in it
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "a.wav", hello_world, 16_000)
    assert run(["transcribe", str(tmp_path / "a.wav")]) == 0
    heard = capsys.readouterr()
    assert heard.out == "hello world\n"
    assert "model english and language model english; --model names another" in heard.err
    assert run(["transcribe", str(tmp_path / "a.wav"), "--beam", "1"]) == 0
    assert run(["transcribe", str(tmp_path / "a.wav"), "--beam", "1", "--words", "digits"]) == 2
    assert run(["score", str(tmp_path), "--model", "english", "--beam", "1", "--lm", "english"]) == 2
    assert run(["transcribe", str(tmp_path / "a.wav"), "--hotword", "world"]) == 0
    assert "model english and language model english;" in capsys.readouterr().err
    assert run(["transcribe", str(tmp_path / "a.wav"), "--words", "digits"]) == 0
    assert "model english; --model names another" in capsys.readouterr().err
    monkeypatch.chdir("/")
    assert run(["transcribe", str(tmp_path / "a.wav"), "--model", "english"]) == 0
    assert "--lm english reads with its language model" in capsys.readouterr().err
    assert run(["info", "english"]) == 0
    assert "bidirectional LSTM" in capsys.readouterr().out


def test_one_recording_prints_its_text_alone_and_several_their_ids(trained: Path, capsys: Capture) -> None:
    model, corpus = str(trained / "run"), trained / "corpus"
    capsys.readouterr()
    assert run(["transcribe", str(corpus / "a.wav"), "--model", model]) == 0
    text = capsys.readouterr().out.rstrip("\n")
    assert run(["transcribe", str(corpus), "--model", model]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ")[0] for line in lines] == list("abcde")
    assert lines[0] == f"a {text}".rstrip()


def test_json_has_a_line_a_recording_with_duration_model_and_confidence(trained: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert run(["transcribe", str(trained / "corpus"), "--model", str(trained / "run"), "--format", "json"]) == 0
    transcripts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["id"] for one in transcripts] == list("abcde")
    for one in transcripts:
        assert one["duration"] == 1.0
        assert 0 <= one["confidence"] <= 1
        assert one["model"] == str(trained / "run" / "model.safetensors")


def test_a_failed_recording_fails_the_command_after_the_rest(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").mkdir()
    recordings = [str(tmp_path / "none.wav"), str(tmp_path / "empty"), str(trained / "corpus" / "a.wav")]
    capsys.readouterr()
    assert run(["transcribe", *recordings, "--model", str(trained / "run")]) == 1
    heard = capsys.readouterr()
    assert heard.out.startswith("a")
    assert "none.wav: cannot be opened" in heard.err
    assert "holds no recordings" in heard.err


def test_transcripts_can_be_scored_as_they_are_printed(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    for format in ("txt", "json"):
        capsys.readouterr()
        assert run(["transcribe", str(trained / "corpus"), "--model", str(trained / "run"), "--format", format]) == 0
        (tmp_path / "hyp").write_text(capsys.readouterr().out)
        (tmp_path / "ref").write_text("".join(f"{speaker} hello world\n" for speaker in "abcde"))
        assert run(["score", str(tmp_path / "ref"), str(tmp_path / "hyp")]) == 0
        assert capsys.readouterr().out.startswith("%WER ")


def test_score_is_plain_and_whole_in_a_pipe(tmp_path: Path, capsys: Capture) -> None:
    words = " ".join(f"word{number}" for number in range(60))
    (tmp_path / "ref").write_text(f"u1 {words}\nu2 yes\n")
    (tmp_path / "hyp").write_text(f"u1 {words.replace('word7', 'ward7', 1)}\nu3 x\n")
    assert run(["score", str(tmp_path / "ref"), str(tmp_path / "hyp")]) == 0
    heard = capsys.readouterr()
    lines = heard.out.splitlines()
    assert lines[0] == "%WER 3.28 [ 2 / 61, 0 ins, 1 del, 1 sub ]"
    assert lines[1].startswith("%CER ")
    assert f"REF: {words}" in lines
    assert "\x1b" not in heard.out
    assert "no hypothesis for u2" in heard.err
    assert "no reference for u3" in heard.err


def test_score_shows_what_it_is_asked_for(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "ref.jsonl").write_text(
        '{"id": "u1", "text": "Hello, world!", "speaker": "ana", "duration": 1.5}\n{"id": "u2", "text": "yes"}\n'
    )
    (tmp_path / "hyp.ctm").write_text("u1 1 0 0.5 hello 0.9\nu1 1 0.5 0.5 word 0.2\nu2 1 0 1 yes 0.8\n")
    command = ["score", str(tmp_path / "ref.jsonl"), str(tmp_path / "hyp.ctm")]
    assert run([*command, "--normalize", "basic", "--by", "speaker,duration", "--calibration", "--worst", "0"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "normalised on both sides: basic"
    assert out[1] == "%WER 33.33 [ 1 / 3, 0 ins, 0 del, 1 sub ]"
    assert "confidence: mean 63.3 %, 66.7 % of the words right; calibration error" in out[5]
    assert "confidence\tright\twords\t" in out
    assert [line.split("\t")[:4] for line in out[-6:]] == [
        ["speaker", "utterances", "words", "%WER"],
        ["ana", "1", "2", "50.00"],
        ["unknown", "1", "1", "0.00"],
        ["duration", "utterances", "words", "%WER"],
        ["below 2 s", "1", "2", "50.00"],
        ["unknown", "1", "1", "0.00"],
    ]
    assert run([*command, "--json", "--trn", str(tmp_path / "nist")]) == 0
    assert json.loads(capsys.readouterr().out)["words"]["substitutions"] == 2
    assert (tmp_path / "nist" / "ref.trn").read_text() == "Hello, world! (u1)\nyes (u2)\n"
    assert run([*command, "--trn", str(tmp_path / "nist")]) == 1
    assert "exists; --force" in errors_of(capsys)
    assert run([*command, "--by", "weather"]) == 2
    assert "'weather' is none of speaker" in errors_of(capsys)
    assert run([*command, "--normalize", "shout"]) == 1
    assert "neither a file nor one of none, basic, english, spanish" in errors_of(capsys)


def test_a_prepared_corpus_is_scored_with_a_model(trained: Path, capsys: Capture) -> None:
    for split in ("test", "dev"):
        capsys.readouterr()
        assert (
            run(["score", str(trained / "data"), "--model", str(trained / "run"), "--split", split, "--worst", "0"])
            == 0
        )
        assert capsys.readouterr().out.startswith("%WER ")
    assert run(["score", str(trained / "data"), "--model", str(trained / "run"), "--split", "odd"]) == 1
    assert "no split 'odd'; there is train, dev, test" in errors_of(capsys)


def test_info_says_what_a_model_is(trained: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert run(["info", str(trained / "run")]) == 0
    out = capsys.readouterr().out
    assert "1 x 12 bidirectional LSTM" in out
    assert "trained on: tsv (corpus), 3 utterances" in out
    assert "%WER " in out


def test_ids_that_are_paths_meet_those_that_are_stems(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "ref").write_text("audio/a hello\naudio/b world\n")
    (tmp_path / "hyp").write_text("a hello\nb word\n")
    assert run(["score", str(tmp_path / "ref"), str(tmp_path / "hyp")]) == 0
    assert capsys.readouterr().out.startswith("%WER 50.00 [ 1 / 2, 0 ins, 0 del, 1 sub ]")


def test_errors_of_case_and_punctuation_are_pointed_out(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "ref").write_text("a Hello, World\n")
    (tmp_path / "hyp").write_text("a hello word\n")
    assert run(["score", str(tmp_path / "ref"), str(tmp_path / "hyp")]) == 0
    told = errors_of(capsys)
    assert "1 of the 2 errors are upper or lower case or punctuation, no other words: %WER 50.00 [ 1 / 2" in told
    (tmp_path / "ref").write_text("a FOR A KING SHOULD\n")  # aligned as it is, no word meets itself
    (tmp_path / "hyp").write_text("a a king should\n")
    assert run(["score", str(tmp_path / "ref"), str(tmp_path / "hyp")]) == 0
    assert "3 of the 4 errors are upper or lower case" in errors_of(capsys)
    (tmp_path / "ref").write_text("a wellknown\n")  # which basic makes two words of, and two errors of one
    (tmp_path / "hyp").write_text("a well-known\n")
    assert run(["score", str(tmp_path / "ref"), str(tmp_path / "hyp")]) == 0
    assert "errors are upper" not in errors_of(capsys)


def test_references_are_taken_from_a_prepared_folder(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    texts = [json.loads(line) for line in (trained / "data" / "dev.jsonl").read_text().splitlines()]
    (tmp_path / "hyp").write_text("".join(f"{one['id']} {one['text']}\n" for one in texts))
    assert run(["score", str(trained / "data"), str(tmp_path / "hyp"), "--split", "dev"]) == 0
    assert capsys.readouterr().out.startswith("%WER 0.00 [ 0 / ")


def test_a_reference_without_words_has_no_interval(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "ref").write_text("a\nb\n")
    (tmp_path / "hyp").write_text("a x\nb y\n")
    assert run(["score", str(tmp_path / "ref"), str(tmp_path / "hyp"), "--worst", "0"]) == 0
    assert "interval" not in capsys.readouterr().out
    assert run(["score", str(tmp_path / "ref"), str(tmp_path / "hyp"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["interval_percent"] == [None, None]


def test_stm_is_refused(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "ref.stm").write_text("u1 1 ana 0.0 1.0 <o> hello\n")
    assert run(["score", str(tmp_path / "ref.stm"), str(tmp_path / "ref.stm")]) == 1
    assert "stm is not read; give trn" in errors_of(capsys)


def test_the_version_and_the_corpora_are_listed(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"speechrnn {__version__}\n"
    assert run(["prepare", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["corpus", *CORPORA]


def test_a_download_goes_to_a_folder_named_after_the_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("speechrnn.prepare.download.fetch", fake_fetch)
    assert run(["prepare", "yesno", "--download", "--out", "out"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[:2] == ["train", "25"]
    assert len(list(Path("data/yesno/waves_yesno").glob("*.wav"))) == 60


def fake_fetch(archive: Archive, folder: Path) -> Path:
    file = folder / "waves_yesno.tar.gz"
    rng = np.random.default_rng(0)
    with tarfile.open(file, "w:gz") as tar:
        for number in range(60):
            path = folder / f"{'_'.join(f'{number:08b}')}.wav"
            soundfile.write(path, rng.normal(0, 0.1, 8_000), 8_000)
            tar.add(path, f"waves_yesno/{path.name}")
            path.unlink()
    return file


def test_ctrl_c_keeps_the_run_and_exits_130(trained: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "long.toml"
    recipe.write_text(dump_toml(TINY).replace("epochs = 3", "epochs = 100000"))
    command = [sys.executable, "-m", "speechrnn", "train", str(trained / "data"), "--out", str(tmp_path / "run")]
    process = subprocess.Popen([*command, "--recipe", str(recipe)], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (tmp_path / "run" / "resume.pt").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, heard = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "to go on: " in heard
    assert "--resume" in heard
    assert "Traceback" not in heard
    assert (tmp_path / "run" / "model.safetensors").exists()


def transcribing(trained: Path) -> list[str]:
    """The command, in a process of its own, that transcribes the corpus."""
    command = [sys.executable, "-m", "speechrnn", "transcribe", str(trained / "corpus")]
    return [*command, "--model", str(trained / "run")]


def test_results_go_to_stdout_though_a_bar_is_drawn_in_the_terminal(trained: Path, tmp_path: Path) -> None:
    command = transcribing(trained)
    master, terminal = pty.openpty()
    with (tmp_path / "hyp").open("wb") as hypotheses:
        process = subprocess.run(command, stdout=hypotheses, stderr=terminal, check=False)
    os.close(terminal)
    assert process.returncode == 0
    assert [line.split()[0] for line in (tmp_path / "hyp").read_text().splitlines()] == list("abcde")
    assert "Transcribing" in os.read(master, 100_000).decode()
    os.close(master)


def test_names_and_letters_that_the_terminal_lacks_are_spelled(trained: Path, tmp_path: Path) -> None:
    strange = Path(os.fsdecode(bytes(tmp_path / "l") + b"\xe9tin.wav"))
    strange.write_bytes((trained / "corpus" / "a.wav").read_bytes())
    command = [sys.executable, "-m", "speechrnn"]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    both = [str(strange), str(trained / "corpus" / "b.wav"), "--model", str(trained / "run")]
    process = subprocess.run([*command, "transcribe", *both], capture_output=True, check=False)
    assert (process.returncode, process.stdout.count(b"\n")) == (0, 2)
    assert process.stdout.startswith(b"l\\udce9tin")
    process = subprocess.run([*command, "info", str(trained / "run")], capture_output=True, env=ascii_only, check=False)
    assert (process.returncode, process.stderr) == (0, b"")


def test_nobody_needs_to_listen(trained: Path) -> None:
    command = f"'{sys.executable}' -m speechrnn info '{trained / 'run'}' >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0


def test_ctrl_c_while_the_command_line_is_imported_is_130_without_a_traceback() -> None:
    program = """
import os, signal, sys
from speechrnn.__main__ import main

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "speechrnn.cli":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits that it is ignored
sys.meta_path.insert(0, Interrupting())
main()
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (130, "")


def test_a_reader_that_hangs_up_is_no_error_of_ours(trained: Path) -> None:
    command = transcribing(trained)
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert "Traceback" not in process.stderr


def test_two_recognisers_are_compared_on_the_same_references(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ref").write_text("a the cat sat\nb hello world\n")
    (tmp_path / "ours").write_text("a the hat sat\nb hello world\n")
    (tmp_path / "theirs").write_text("a the cat sat\n")
    command = ["score", str(tmp_path / "ref"), str(tmp_path / "ours"), "--worst", "0", "--vs"]
    assert run([*command, str(tmp_path / "theirs")]) == 0
    captured = capsys.readouterr()
    assert f"against {tmp_path / 'theirs'}: %WER 40.00 [ 2 / 5, 0 ins, 2 del, 0 sub ]" in captured.out
    assert "difference -20.00" in captured.out
    assert "better in 1 utterance, worse in 1" in captured.out
    assert "no hypothesis for b" in captured.err
    assert run([*command, str(tmp_path / "theirs"), "--beam", "5"]) == 2
    assert run([*command, str(tmp_path / "none")]) == 1  # before anything is printed
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_texts_without_words_make_no_language_model(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text(text)
    assert run(["lm", "build", str(tmp_path / "text"), "--out", str(tmp_path / "a.lm")]) == 1
    assert "text: no words in 'en'; is it plain text?" in capsys.readouterr().err
    assert not (tmp_path / "a.lm").exists()


def test_a_language_model_is_built_tuned_tested_and_converted(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("Hello!\nYes, no.\nHello, no\n")
    lm, arpa = str(tmp_path / "a.lm"), str(tmp_path / "a.arpa")
    assert run(["lm", "build", str(tmp_path / "text"), "--out", lm, "--order", "2"]) == 0
    assert run(["lm", "build", str(tmp_path / "text"), "--out", lm]) == 1
    assert "exists; --force replaces a file" in capsys.readouterr().err
    tune = ["lm", "tune", str(trained / "data"), "--model", str(trained / "run"), "--lm"]
    assert run([*tune, "english"]) == 1
    assert "english ships with the package and stays as it is" in capsys.readouterr().err
    assert run([*tune, lm]) == 0
    tried = capsys.readouterr().out.splitlines()
    best = max(number for number, line in enumerate(tried) if line.endswith("best so far"))
    errors = [int(line.split("[")[1].split("/")[0]) for line in tried]
    assert errors[best] == min(errors)
    assert run(["info", lm]) == 0
    told = capsys.readouterr().out
    assert "2-grams" in told
    assert "by phones:  not tuned yet; lm tune finds its weights" in told
    weights = load_ngrams(Path(lm)).beams["letters"]
    assert tried[best].startswith(f"lm_weight {weights.lm_weight:.2f}")
    assert weights.temperature > 0
    assert run(["lm", "convert", lm, "--out", arpa]) == 0
    assert run([*tune, arpa]) == 1
    assert "ARPA has no place for weights; lm convert makes a .lm of it" in capsys.readouterr().err
    assert run(["lm", "perplexity", lm, str(tmp_path / "text")]) == 0
    assert run(["lm", "perplexity", arpa, str(tmp_path / "text")]) == 0
    ours, theirs = capsys.readouterr().out.splitlines()
    assert ours == theirs
