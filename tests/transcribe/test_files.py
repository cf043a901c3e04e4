import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.cli import run
from speechrnn.config import FeatureConfig, NetworkConfig, Recipe
from speechrnn.interrupt import Interrupt
from speechrnn.manifest import to_token
from speechrnn.modelfile import Model, build_network, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.text import alphabet_of
from speechrnn.transcribe import files
from speechrnn.transcribe.files import find_recordings, name_recordings, print_transcripts
from speechrnn.transcribe.formats import FORMATS
from speechrnn.transcribe.ledger import hash_file
from speechrnn.transcribe.transcript import Transcript


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file with an untrained network that babbles."""
    recipe = Recipe(network=NetworkConfig(layers=1, units=16))
    info = ModelInfo(recipe, FeatureConfig(), alphabet_of("en"), "en")
    torch.manual_seed(1)
    network = build_network(recipe, info.features, info.alphabet)
    network.output.weight.data *= 20
    save_model(Model(info, network.eval(), None), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def recordings(tmp_path: Path, hello_world: Signal) -> Path:
    folder = tmp_path / "recordings"
    for name in ("one.wav", "sub/two.wav", "three.wav"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, hello_world * len(name) / 20, SAMPLE_RATE)
    return folder


@pytest.fixture
def into_folder(tmp_path: Path, model: Path, recordings: Path) -> list[str]:
    """The command that transcribes the recordings into the folder `out`."""
    return ["transcribe", str(recordings), "--model", str(model), "-o", str(tmp_path / "out")]


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("ledger.jsonl", ".lock")}


def test_all_formats_of_many_recordings_are_written_into_a_folder(
    tmp_path: Path, into_folder: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*into_folder, "-f", "all"]) == 0
    endings = ("txt", "json", "srt", "vtt", "tsv", "ctm", "textgrid")
    expected = {f"{name}.{ending}" for name in ("one", "two", "three") for ending in endings}
    assert read_folder(tmp_path / "out").keys() == expected
    assert capsys.readouterr().out == ""


def test_a_recording_beside_its_folder_is_read_once(
    model: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["transcribe", str(recordings / "one.wav"), str(recordings), "--model", str(model)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["one", "two", "three"]


def test_what_the_ledger_has_is_not_done_again(
    tmp_path: Path, recordings: Path, into_folder: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, command = tmp_path / "out", [*into_folder, "--skip-existing"]
    assert run(command) == 0
    first = read_folder(out)
    for path in out.glob("*.txt"):
        path.write_text("kept\n")
    assert run(command) == 0
    assert "3 recordings of 3 done already" in capsys.readouterr().err
    assert set(read_folder(out).values()) == {b"kept\n"}
    (out / "one.txt").unlink()  # a file that is gone is written again
    assert run(command) == 0
    assert read_folder(out)["one.txt"] == first["one.txt"]
    assert run([*command, "--beam", "4"]) == 0  # another decoder, another transcript, but not of what somebody changed
    assert "two.txt: changed since it was written, left as it is" in capsys.readouterr().err
    assert read_folder(out)["two.txt"] == b"kept\n"
    assert '"one.txt"' in (out / "ledger.jsonl").read_text().splitlines()[-1]
    assert run([*into_folder, "--beam", "4", "--force"]) == 0
    assert read_folder(out)["two.txt"] != b"kept\n"
    assert run(command) == 0  # what the other decoder has replaced is not what this one left
    assert read_folder(out) == first
    (out / "two.txt").write_text("kept\n")
    other = (recordings / "three.wav").read_bytes()
    (recordings / "one.wav").write_bytes(other)  # another recording of that name
    assert run(command) == 0
    assert read_folder(out)["one.txt"] == first["three.txt"]


def test_a_ledger_whose_last_line_was_cut_short_by_a_kill_goes_on(
    tmp_path: Path, into_folder: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, command = tmp_path / "out", [*into_folder, "--skip-existing"]
    assert run(command) == 0
    ledger = (out / "ledger.jsonl").read_text()
    (out / "ledger.jsonl").write_text(ledger[:-20])
    for done in (2, 3):
        assert run(command) == 0
        assert f"{done} recordings of 3 done already" in capsys.readouterr().err
    (out / "ledger.jsonl").write_text("{\n" + ledger)
    assert run(command) == 1
    assert "ledger.jsonl:1: damaged" in capsys.readouterr().err


def test_a_run_that_is_killed_between_two_files_goes_on(
    tmp_path: Path, into_folder: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(transcript: Transcript) -> str:
        raise KeyboardInterrupt

    command = [*into_folder, "--skip-existing", "-f", "all"]
    with monkeypatch.context() as patched:
        patched.setattr(files, "FORMATS", {**FORMATS, "vtt": interrupt})
        assert run(command) == 130
    assert "what is written is whole: --skip-existing" in capsys.readouterr().err
    assert read_folder(tmp_path / "out").keys() == {"one.txt", "one.json", "one.srt"}
    assert run(command) == 0
    assert len(read_folder(tmp_path / "out")) == 21
    assert "done already" not in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="names there are bytes")
def test_a_name_that_is_no_text_is_written_with_escapes_and_the_rest_goes_on(
    tmp_path: Path, recordings: Path, into_folder: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "one.wav").rename(os.fsdecode(os.fsencode(recordings) + b"/\xff.wav"))
    assert run([*into_folder, "-f", "all"]) == 0
    assert len(read_folder(tmp_path / "out")) == 3 * len(FORMATS)
    assert run([*into_folder, "-f", "all", "--skip-existing"]) == 0
    assert "3 recordings of 3 done already" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="no named pipes elsewhere")
def test_a_pipe_among_recordings_is_none(
    recordings: Path, into_folder: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(recordings / "pipe.wav")
    assert run(into_folder) == 1
    assert "pipe.wav: is no file; give a recording" in capsys.readouterr().err
    assert hash_file(recordings / "pipe.wav") != hash_file(recordings / "pipe.wav")  # what comes next is new


@pytest.mark.parametrize("pieces", [0, 100])
def test_reading_stops_at_the_next_piece_or_recording_when_somebody_asks_for_it(
    recordings: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    class Long:
        done = 0

        def transcribe(self, path: Path, /, *, advance: Callable[[float], None]) -> Transcript:
            asked.requested = True
            for _ in range(pieces):
                advance(0.1)
                self.done += 1
            return Transcript("", "", (), 0.0, "", 0.0, "")

    asked = Interrupt()
    monkeypatch.setattr(files, "catch_interrupts", lambda: nullcontext(asked))
    reader = Long()
    with pytest.raises(KeyboardInterrupt):
        print_transcripts(reader, [recordings / "one.wav"])
    assert reader.done == 0


def test_nothing_is_written_over_without_force(
    tmp_path: Path, into_folder: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "two.txt").write_text("somebody's transcript\n")
    for options in ([], ["--skip-existing"]):
        assert run([*into_folder, *options]) == 1
        assert (
            "two.txt: exists; --skip-existing (without --one-speaker) goes on, --force replaces"
            in capsys.readouterr().err
        )
        assert read_folder(out) == {"two.txt": b"somebody's transcript\n"}
    assert run([*into_folder, "--force"]) == 0
    assert read_folder(out)["two.txt"] != b"somebody's transcript\n"
    assert run(into_folder) == 1  # the second run over the first one's output
    assert "one.txt and 2 more: exists" in capsys.readouterr().err


def test_two_recordings_are_not_written_into_one_file(
    tmp_path: Path, recordings: Path, into_folder: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a_b/x.wav", "a/b/x.wav"):
        (recordings / name).parent.mkdir(parents=True)
        (recordings / name).write_bytes((recordings / "one.wav").read_bytes())
    assert run(into_folder) == 1
    assert "two recordings would be written there" in capsys.readouterr().err
    assert read_folder(tmp_path / "out") == {}


def test_failures_are_listed_at_the_end_and_leave_no_file(
    tmp_path: Path, recordings: Path, into_folder: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "bad.wav").write_bytes(b"no audio")
    assert run(into_folder) == 1
    assert read_folder(tmp_path / "out").keys() == {"one.txt", "two.txt", "three.txt"}
    assert capsys.readouterr().err.splitlines()[-1] == f"speechrnn: 1 of 4 failed: {recordings / 'bad.wav'}"


def test_subtitles_of_several_recordings_need_a_folder(
    model: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["transcribe", str(recordings), "--model", str(model), "-f", "srt"]) == 1
    assert "srt holds one recording, and there are 3; add --output-dir" in capsys.readouterr().err
    assert run(["transcribe", str(recordings / "one.wav"), "--model", str(model), "-f", "srt"]) == 0
    assert "00:00:0" in capsys.readouterr().out
    assert run(["transcribe", str(recordings), "--model", str(model), "-f", "all"]) == 2


def test_stdin_is_a_recording_too(
    model: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["transcribe", str(recordings / "one.wav"), "--model", str(model)]) == 0
    expected = capsys.readouterr().out
    stream = io.TextIOWrapper(io.BytesIO((recordings / "one.wav").read_bytes()))
    monkeypatch.setattr("sys.stdin", stream)
    assert run(["transcribe", "-", "--model", str(model)]) == 0
    assert capsys.readouterr().out == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((recordings / "one.wav").read_bytes())))
    assert run(["transcribe", "-", "--model", str(model), "-f", "json"]) == 0
    heard = json.loads(capsys.readouterr().out)
    assert (heard["id"], heard["audio_filepath"]) == ("stdin", "stdin")
    for rubbish, message in (
        (b"", "stdin: the file is empty"),
        (
            b"text",
            "stdin: libsndfile cannot read it (Format not recognised); convert it, for example with ffmpeg -i - ",
        ),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rubbish)))
        assert run(["transcribe", "-", "--model", str(model)]) == 1
        assert capsys.readouterr().err.startswith(f"speechrnn: {message}")


def test_silence_gives_no_words(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for name, level in (("digital", 0.0), ("faint", 3e-4)):
        soundfile.write(tmp_path / f"{name}.wav", rng.normal(0, level, 40_000), SAMPLE_RATE, subtype="FLOAT")
        assert run(["transcribe", str(tmp_path / f"{name}.wav"), "--model", str(model), "-f", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["words"] == []


def test_favoured_and_only_words_are_options(
    tmp_path: Path, model: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text("Yes\nno\n")
    command = ["transcribe", str(recordings / "one.wav"), "--model", str(model)]
    assert run([*command, "--words", str(tmp_path / "words.txt")]) == 0
    assert set(capsys.readouterr().out.split()) <= {"yes", "no"}
    assert run([*command, "--hotword", "ana:abc"]) == 1
    assert "--hotword ana:abc: expected a word, or WORD:BOOST" in capsys.readouterr().err
    assert run([*command, "--hotword", "niño"]) == 1
    assert "--hotword niño: characters outside the alphabet: 'ñ'" in capsys.readouterr().err
    (tmp_path / "words.txt").write_text("yes\nniño\n")
    assert run([*command, "--words", str(tmp_path / "words.txt")]) == 1
    assert "words.txt:2: characters outside the alphabet: 'ñ'" in capsys.readouterr().err
    (tmp_path / "words.txt").write_text("\n")
    assert run([*command, "--words", str(tmp_path / "words.txt")]) == 1
    assert "words.txt: holds no words" in capsys.readouterr().err
    for name in ("none.lm", "none.arpa"):
        assert run([*command, "--lm", str(tmp_path / name)]) == 1
        assert f"{name}: no such language model; what ships is named english" in capsys.readouterr().err


def test_a_known_text_is_laid_over_its_recording(
    tmp_path: Path, model: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("Hello, world!\n")
    command = ["transcribe", str(recordings / "one.wav"), "--model", str(model), "--align", str(tmp_path / "text.txt")]
    assert run([*command, "-f", "ctm"]) == 0
    hello, world = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (hello[0], hello[4], world[4]) == ("one", "hello", "world")
    assert 0 <= float(hello[2]) < float(hello[2]) + float(hello[3]) <= float(world[2])
    assert float(world[2]) + float(world[3]) <= soundfile.info(recordings / "one.wav").duration
    assert run([*command, "--beam", "3"]) == 2
    (tmp_path / "text.txt").write_text("hello " * 30)
    assert run(command) == 1
    assert "are too short for 179 characters; is this its text?" in capsys.readouterr().err
    soundfile.write(tmp_path / "silence.wav", np.zeros(4 * SAMPLE_RATE), SAMPLE_RATE)
    assert run([*command, str(tmp_path / "silence.wav")]) == 2  # one text, two recordings
    command[1] = str(tmp_path / "silence.wav")
    assert run(command) == 1
    assert "silence.wav: 4.00 s are too short for 179 characters" in capsys.readouterr().err
    (tmp_path / "text.txt").write_text("¿qué 7?")
    command[1] = str(recordings / "one.wav")
    assert run(command) == 1
    assert "one.wav: characters outside the alphabet: '7'" in capsys.readouterr().err


def test_a_manifest_has_the_texts_of_many(
    tmp_path: Path, model: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        {"audio_filepath": "recordings/one.wav", "text": "hello"},
        {"audio_filepath": "x", "text": "yes", "id": "two"},
    ]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ["transcribe", str(recordings), "--model", str(model), "--align", str(tmp_path / "texts.jsonl")]
    assert run(command) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["one hello", "two yes"]
    assert "has no text for" in captured.err


def test_parts_of_a_recording_are_aligned_each_within_its_own(
    tmp_path: Path, model: Path, recordings: Path, hello_world: Signal, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = len(hello_world) / SAMPLE_RATE
    soundfile.write(recordings / "two.wav", np.tile(hello_world, 3), SAMPLE_RATE)
    part = {"audio_filepath": "recordings/two.wav", "text": "hello world", "duration": seconds}
    lines = [{**part, "id": "b", "offset": 2 * seconds}, {**part, "id": "a", "offset": seconds}]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = ["transcribe", "--model", str(model), "--align", str(tmp_path / "texts.jsonl"), "-f", "ctm"]
    assert run(command) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(row[0], row[4]) for row in rows] == [("two", "hello"), ("two", "world")] * 2
    first, second = ([float(row[2]) - offset * seconds for row in rows[2 * offset - 2 :][:2]] for offset in (1, 2))
    assert first == pytest.approx(second, abs=0.03)
    (tmp_path / "texts.jsonl").write_text(json.dumps(lines[1]) + "\n")  # of the rest nobody knows anything
    assert run(command) == 0
    assert [float(line.split()[2]) for line in capsys.readouterr().out.splitlines()] == [
        float(row[2]) for row in rows[:2]
    ]


def test_names_that_only_white_space_tells_apart_have_different_ids() -> None:
    paths = [Path("take 1.wav"), Path("take_1.wav"), Path("b.wav"), Path("take\t1.wav")]
    ids = [to_token(id) for id in name_recordings(paths)]
    assert len(set(ids)) == 4
    assert ids[2] == "b"


def test_folders_behind_links_are_searched_once(tmp_path: Path, recordings: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to(recordings)
    (recordings / "sub" / "back").symlink_to(tmp_path / "top")
    (recordings / "a").symlink_to(recordings / "sub")
    (recordings / "b").symlink_to(recordings / "sub")
    found, _ = find_recordings([tmp_path / "top"])
    link = tmp_path / "top" / "link"
    assert found == [link / "one.wav", link / "sub" / "two.wav", link / "three.wav"]


def test_a_name_without_room_for_an_ending_costs_nothing(
    tmp_path: Path, model: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["transcribe", str(recordings), "--model", str(model), "-o", str(tmp_path / "out")]
    (recordings / "one.wav").rename(recordings / f"{'l' * 250}.wav")
    assert run(command) == 0
    assert len(read_folder(tmp_path / "out")) == 3
    assert run([*command, "-f", "textgrid"]) == 1
    assert "too long for the name of a file; rename the recording" in capsys.readouterr().err


def test_a_path_that_no_file_can_have_is_said_in_its_turn(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "texts.jsonl").write_text('{"audio_filepath": "a.wav\\u0000", "text": "a"}\n')
    assert run(["transcribe", "--model", str(model), "--align", str(tmp_path / "texts.jsonl")]) == 1
    assert "cannot be the name of a file" in capsys.readouterr().err


def test_a_rate_of_a_few_samples_a_second_is_no_speech(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(4000), 7)
    assert run(["transcribe", "--model", str(model), str(tmp_path / "a.wav")]) == 1
    assert "a rate of 7 Hz; expected 1000 to 1000000" in capsys.readouterr().err


def test_an_empty_argument_is_not_the_folder_that_one_is_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["transcribe", ""]) == 2
    assert capsys.readouterr().err == "speechrnn: an argument is empty; has a variable no value?\n"


def test_a_manifest_names_the_recordings_too(
    tmp_path: Path, model: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (
        {"audio_filepath": f"recordings/{name}.wav", "text": "hello", "id": f"a/{name}"} for name in ("one", "three")
    )
    command = ["transcribe", "--model", str(model), "--align", str(tmp_path / "texts.jsonl")]

    def align(*lines: Mapping[str, object]) -> int:
        (tmp_path / "texts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return run(command)

    assert align(one, two) == 0
    assert capsys.readouterr().out.splitlines() == ["a/one hello", "a/three hello"]
    assert run([*command, "-f", "ctm", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "three.ctm").read_text().startswith("a/three ")
    for part in ({**one, "id": "b"}, {**two, "id": "c", "offset": 0.1}):
        assert align(one, two, part) == 1
        assert "at the same time" in capsys.readouterr().err
    assert align({**one, "speed": 1.1}) == 1
    assert "at another speed, and recordings are aligned as they are" in capsys.readouterr().err
    assert align() == 1
    assert "texts.jsonl: holds no recordings" in capsys.readouterr().err
    align(one, {**one, "id": "b"}, two)
    assert run([*command, str(recordings / "three.wav")]) == 0  # of which there is one text
    assert run([*command, str(recordings / "one.wav")]) == 1
    (tmp_path / "text.txt").write_text("hello")
    assert run(["transcribe", "--model", str(model), "--align", str(tmp_path / "text.txt")]) == 2
