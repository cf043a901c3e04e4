import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import speechrnn
from speechrnn.audio import SAMPLE_RATE, Signal, read_signal, read_utterance, resample
from speechrnn.config import FeatureConfig, PrepareConfig, Recipe
from speechrnn.errors import AudioError, CorpusError
from speechrnn.manifest import Utterance
from speechrnn.modelfile import Model, build_network, save_model
from speechrnn.modelinfo import ModelInfo
from speechrnn.parallel import map_in_order
from speechrnn.text import alphabet_of
from speechrnn.transcribe import segments
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.files import name_recordings, transcribe_files
from speechrnn.transcribe.recognizer import Recognizer, amplify
from speechrnn.transcribe.segments import Piece, measure_loudest
from speechrnn.transcribe.torch_listener import TorchListener
from speechrnn.transcribe.transcript import Transcript
from tests.conftest import prepare


@pytest.fixture
def model() -> Model:
    """An untrained network that babbles: it emits letters at most frames."""
    recipe = Recipe()
    recipe = replace(recipe, network=replace(recipe.network, layers=1, units=16))
    info = ModelInfo(recipe, FeatureConfig(), alphabet_of("en"), "en")
    torch.manual_seed(1)
    network = build_network(recipe, info.features, info.alphabet)
    network.output.weight.data *= 20
    return Model(info, network.eval(), None)


def write(path: Path, signal: Signal) -> Path:
    soundfile.write(path, signal, SAMPLE_RATE, subtype="FLOAT")
    return path


def test_a_models_temperature_lowers_or_raises_its_confidences(model: Model, hello_world: Signal) -> None:
    plain = Recognizer(TorchListener(model), "m").recognize(hello_world)
    cold = Recognizer(TorchListener(replace(model, info=replace(model.info, temperature=0.5))), "m")
    mended = cold.recognize(hello_world)
    assert [word.text for word in mended] == [word.text for word in plain] != []
    squares = [word.confidence**2 for word in plain]
    assert [word.confidence for word in mended] == pytest.approx(squares, abs=2e-4)


def test_a_transcript_says_what_was_heard_where_by_what(tmp_path: Path, model: Model, hello_world: Signal) -> None:
    save_model(model, tmp_path / "model.safetensors")
    path = write(tmp_path / "voice.wav", hello_world)
    transcript = speechrnn.load_model(tmp_path).transcribe(path)
    assert transcript.text == " ".join(word.text for word in transcript.words) != ""
    assert transcript.duration == pytest.approx(len(hello_world) / SAMPLE_RATE, abs=1e-3)
    assert 0 < transcript.confidence <= 1
    ends = [time for word in transcript.words for time in (word.start, word.end)]
    assert ends == sorted(ends)
    assert ends[-1] <= transcript.duration + 0.03
    assert json.loads(transcript.to_json())["model"] == str(tmp_path / "model.safetensors")


def test_a_file_gives_what_its_features_give(tmp_path: Path, model: Model, make_corpus: Callable[..., Path]) -> None:
    source = make_corpus(voices=2)
    prepare("tsv", source, tmp_path / "data", PrepareConfig(split="test"))
    references, hypotheses = transcribe_split(tmp_path / "data", "test", TorchListener(model))
    assert {entry.text for entry in references.values()} == {"hello", "yes", "no"}
    recordings = sorted(source.glob("*.wav"))
    heard = list(transcribe_files(Recognizer(TorchListener(model), "m"), recordings))
    assert {one.id: one.text for one in heard if isinstance(one, Transcript)} == {
        id: entry.text for id, entry in hypotheses.items()
    }


def test_features_of_another_kind_are_refused(tmp_path: Path, model: Model, make_corpus: Callable[..., Path]) -> None:
    config = PrepareConfig(split="test", features=FeatureConfig(mels=30, coefficients=13))
    prepare("tsv", make_corpus(voices=1), tmp_path / "data", config)
    with pytest.raises(CorpusError, match="not those that the model reads"):
        transcribe_split(tmp_path / "data", "test", TorchListener(model))
    with pytest.raises(CorpusError, match="no split 'dev'; there is test"):
        transcribe_split(tmp_path / "data", "dev", TorchListener(model))


def test_stems_name_recordings_and_paths_those_that_share_one(tmp_path: Path) -> None:
    found = [tmp_path / "a/x.wav", tmp_path / "a/y.OPUS", tmp_path / "b/x.flac", tmp_path / "b/x.wav", Path("o.bin")]
    assert name_recordings(found) == [str(tmp_path / "a/x"), "y", *map(str, found[2:4]), "o"]
    assert name_recordings(found[:4]) == ["a/x", "y", "b/x.flac", "b/x.wav"]  # below what they have in common


@given(
    st.sets(
        st.sampled_from(
            [
                f"{folder}{stem}{ending}"
                for folder in ("", "a/", "a/b/")
                for stem in ("x", "y", "x.wav")
                for ending in ("", ".wav", ".flac", ".mp3")
            ]
        ),
        max_size=8,
    )
)
def test_different_recordings_have_different_names(paths: set[str]) -> None:
    names = name_recordings([Path(path) for path in sorted(paths)])
    assert len(set(names)) == len(paths)


def test_one_bad_recording_does_not_stop_the_others(tmp_path: Path, model: Model, hello_world: Signal) -> None:
    good = write(tmp_path / "good.wav", hello_world)
    short = write(tmp_path / "short.wav", hello_world[:100])
    results = list(transcribe_files(Recognizer(TorchListener(model), "m"), [tmp_path / "none.wav", good, short]))
    assert [isinstance(one, AudioError) for one in results] == [True, False, True]
    assert "short.wav: 6.2 ms of sound" in str(results[2])


def test_words_of_a_long_recording_are_timed_from_its_start(
    tmp_path: Path, model: Model, phrases: Sequence[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "LONGEST_SECONDS", 2.0)
    monkeypatch.setattr(segments, "_LONG_SECONDS", 1.0)
    first = phrases[0]
    signal = read_signal(Path(first.audio_filepath))[: 10 * SAMPLE_RATE]
    transcript = Recognizer(TorchListener(model), "m").transcribe(write(tmp_path / "long.wav", signal))
    times = [word.start for word in transcript.words]
    assert times == sorted(times)
    assert times[-1] > 8
    assert transcript.duration == 10.0


def test_paths_files_and_samples_give_the_same_text(tmp_path: Path, model: Model, hello_world: Signal) -> None:
    recognizer = Recognizer(TorchListener(model), "m")
    path = write(tmp_path / "voice.wav", hello_world)
    expected = recognizer.transcribe(str(path))
    assert recognizer.transcribe(hello_world).words == expected.words
    assert recognizer.transcribe(np.stack([hello_world, hello_world], axis=1)).words == expected.words
    with path.open("rb") as file:
        assert recognizer.transcribe(file).words == expected.words
    doubled = recognizer.transcribe(resample(hello_world, SAMPLE_RATE / 2), sample_rate=2 * SAMPLE_RATE)
    assert doubled.duration == pytest.approx(expected.duration, abs=0.001)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.full(4000, np.nan), "not numbers"),
        (np.zeros(0), "there is none"),
        (np.zeros(4000, dtype=np.int16), "int16 of shape (4000,); expected floats"),
        (np.zeros((2, 4000)), "shape (2, 4000) is (channels, samples); transpose it"),
        (np.zeros((20, 1, 1)), "expected floats, (samples,) or (samples, channels)"),
        (np.zeros(()), "of shape ()"),
    ],
)
def test_arrays_that_are_no_sound_are_refused(model: Model, samples: NDArray[np.float32], message: str) -> None:
    with pytest.raises(AudioError, match=re.escape(message)):
        Recognizer(TorchListener(model), "m").transcribe(samples)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 1e-3, -1])
def test_rates_that_are_none_are_refused(model: Model, hello_world: Signal, rate: float) -> None:
    with pytest.raises(AudioError, match=f"a rate of {rate} Hz; expected 1000 to 1000000"):
        Recognizer(TorchListener(model), "m").transcribe(hello_world, sample_rate=rate)


def test_a_recording_that_has_no_sample_at_our_rate_is_refused(tmp_path: Path, model: Model) -> None:
    soundfile.write(tmp_path / "one.wav", np.zeros(1), 192_000)
    with pytest.raises(AudioError, match=r"one\.wav: too short for a single sample at 16000 Hz"):
        Recognizer(TorchListener(model), "m").transcribe(tmp_path / "one.wav")


def test_what_is_no_recording_is_refused(model: Model) -> None:
    with pytest.raises(TypeError, match=r"list: expected a path, .*; transcribe_all takes many"):
        Recognizer(TorchListener(model), "m").transcribe(["a.wav"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="str: expected many recordings; transcribe takes one"):
        Recognizer(TorchListener(model), "m").transcribe_all("a.wav")


def test_many_recordings_are_read_in_order(tmp_path: Path, model: Model, phrases: Sequence[Utterance]) -> None:
    recognizer = Recognizer(TorchListener(model), "m")
    signals = [read_utterance(phrase) for phrase in phrases[:5]]
    expected = [recognizer.transcribe(signal) for signal in signals]
    assert list(recognizer.transcribe_all(signals)) == expected
    with pytest.raises(AudioError, match=r"none\.wav: cannot be opened"):
        list(recognizer.transcribe_all([signals[0], tmp_path / "none.wav"]))


def test_a_model_is_loaded_with_what_its_words_are_read_by(tmp_path: Path, hello_world: Signal) -> None:
    (tmp_path / "words").write_text("good\nmorning\nworld\nhello\n")
    assert speechrnn.load_model("english", words=tmp_path / "words").transcribe(hello_world).text == "hello world"
    assert speechrnn.load_model("english").decoder is None
    assert speechrnn.load_model(beam=1).decoder is None


@pytest.mark.parametrize(
    "change", [lambda one: one / 300, lambda one: one + 0.02, lambda one: np.stack([one, -one], axis=1)]
)
def test_a_soft_voice_an_offset_and_channels_of_opposite_sign_cost_nothing(
    hello_world: Signal, change: Callable[[Signal], NDArray[np.float32]]
) -> None:
    assert speechrnn.load_model().transcribe(change(hello_world)).text == "hello world"


def test_only_a_model_that_knows_no_loudness_hears_a_soft_voice_louder(model: Model, hello_world: Signal) -> None:
    def hear(signal: Signal, info: ModelInfo = model.info) -> Signal:
        return amplify(Piece(0.0, signal, spoken=True, loudest=measure_loudest(signal)), info)

    soft = hello_world / np.float32(100)
    assert measure_loudest(hear(soft)) == pytest.approx(0.05, rel=1e-3)
    assert hear(hello_world) is hello_world
    assert not hear(np.zeros(400, dtype=np.float32)).any()
    by_corpus = replace(model.info.recipe, input=replace(model.info.recipe.input, cmvn="corpus"))
    assert hear(soft, replace(model.info, recipe=by_corpus)) is soft


@pytest.mark.parametrize("level", [1e-4, 2.5e-4])
def test_nothing_is_heard_in_very_soft_noises(level: float) -> None:
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 3e-5, 6 * SAMPLE_RATE)
    for second in range(1, 6):
        bump = slice(second * SAMPLE_RATE, second * SAMPLE_RATE + SAMPLE_RATE // 5)
        signal[bump] += np.hanning(SAMPLE_RATE // 5) * rng.normal(0, level, SAMPLE_RATE // 5)
    assert speechrnn.load_model().transcribe(signal.astype(np.float32)).text == ""


def test_what_a_model_is_not_loaded_with_is_refused() -> None:
    with pytest.raises(TypeError, match="hotwords: 'hello' is one text"):
        speechrnn.load_model(hotwords="hello")
    with pytest.raises(TypeError, match=r"hotwords: \('hello', 5.0\) is no text"):
        speechrnn.load_model(hotwords=[("hello", 5.0)])  # type: ignore[list-item]
    for name in ("lm", "words", "phrases"):
        for value in (["one", "two"], "", 3):
            with pytest.raises(TypeError, match=f"{name}: .* is neither a file's path nor a name of what ships"):
                speechrnn.load_model(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="letters: 'x' is neither True nor False"):
        speechrnn.load_model(letters="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a beam of 1 is greedy"):
        speechrnn.load_model(beam=1, lm="english")
    with pytest.raises(ValueError, match=r"beam \(0\) must be a whole number from 1 to 100000"):
        speechrnn.load_model(beam=0)
    with pytest.raises(ValueError, match=r"beam \(2\.5\) must be a whole number"):
        speechrnn.load_model(beam=2.5)  # type: ignore[arg-type]


def test_threads_may_share_a_recogniser(model: Model, phrases: Sequence[Utterance]) -> None:
    recognizer = Recognizer(TorchListener(model), "m")
    signals = [read_utterance(phrase) for phrase in phrases[:12]]
    expected = [recognizer.transcribe(signal) for signal in signals]
    assert list(map_in_order(recognizer.transcribe, signals, workers=4)) == expected
