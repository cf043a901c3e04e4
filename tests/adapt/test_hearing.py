"""What a model hears in recordings without texts: all of them, in pieces, what is sure and what cannot be heard."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechrnn.adapt.hearing import Heard, Recordings, choose_surest
from speechrnn.adapt.untranscribed import adapt_untranscribed
from speechrnn.audio import SAMPLE_RATE, Signal, read_utterance
from speechrnn.cli import run
from speechrnn.config import FeatureConfig
from speechrnn.features import Cmvn, Features, compute_mfcc
from speechrnn.manifest import Utterance, read_manifest
from speechrnn.modelfile import Model, build_network, find_weights, read_model_info, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.prepare.corpora.nemo import read_nemo
from speechrnn.prepare.corpus import UNSPLIT
from speechrnn.text import alphabet_of
from speechrnn.transcribe.reading import Reading
from speechrnn.transcribe.torch_listener import TorchListener
from tests.adapt.conftest import Capture, adapt
from tests.train.conftest import TINY


def test_of_what_is_heard_often_the_surest_of_each_is_kept_and_of_the_rest_the_surest_of_all() -> None:
    def hear(text: str, confidence: float) -> Heard:
        return Heard(Utterance(f"{text}-{confidence}.wav", text), confidence)

    yes = [hear("yes", 0.9 + place / 1000) for place in range(10)]
    no = [hear("no", 0.1 + place / 1000) for place in range(10)]
    once = [hear("maybe", 0.05), hear("never", 0.95)]
    kept = [one.text for one in choose_surest([*yes, *no, *once])]
    assert kept == ["yes"] * 7 + ["no"] * 7 + ["never"]
    assert choose_surest([]) == []


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


def test_phrases_that_hardly_anybody_says_are_doubted(
    tmp_path: Path, learned: Path, unheard: Path, words: Path, capsys: Capture
) -> None:
    words.write_text("hello yes no hello yes no")
    command = ["adapt", str(unheard), "--out", str(tmp_path / "out"), "--model", str(learned), "--untranscribed"]
    assert run([*command, "--phrases", str(words)]) == 1
    assert "warning: heard something in 0 of 18 utterances; are these phrases what is said?" in capsys.readouterr().err


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
