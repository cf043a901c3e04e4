"""Words while one speaks are those of the whole signal, in whatever chunks it comes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.audio import Signal
from speechrnn.config import FeatureConfig, InputConfig, NetworkConfig, Recipe
from speechrnn.errors import ModelError
from speechrnn.features import Cmvn
from speechrnn.modelfile import Model, build_network
from speechrnn.modelinfo import ModelInfo
from speechrnn.pronunciations import phones_of
from speechrnn.text import alphabet_of
from speechrnn.transcribe.beam import BeamDecoder
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.streaming import StreamingRecognizer
from speechrnn.transcribe.torch_listener import TorchListener

FORWARD = NetworkConfig(bidirectional=False, layers=2, units=12)
CORPUS = InputConfig(cmvn="corpus")

networks = st.builds(
    NetworkConfig,
    kind=st.sampled_from(["mlp", "rnn", "gru", "lstm"]),
    bidirectional=st.just(False),
    front=st.sampled_from(["stack", "convolution"]),
    stack=st.integers(1, 5),
    kernel=st.sampled_from([1, 3, 11]),
    context=st.integers(0, 4),
    layers=st.integers(1, 2),
    units=st.just(12),
)


def make_recognizer(network: NetworkConfig = FORWARD, settings: InputConfig = CORPUS, seed: int = 0) -> Recognizer:
    """An untrained network that babbles: it emits letters at most frames."""
    info = ModelInfo(Recipe(input=settings, network=network), FeatureConfig(), alphabet_of("en"), "en")
    torch.manual_seed(seed)
    untrained = build_network(info.recipe, info.features, info.alphabet)
    untrained.output.weight.data *= 5
    width = info.features.coefficients * (settings.deltas + 1)
    cmvn = Cmvn(np.linspace(-9, 0, width, dtype=np.float32), np.linspace(5, 1, width, dtype=np.float32))
    statistics = cmvn if settings.cmvn == "corpus" else None
    return Recognizer(TorchListener(Model(info, untrained.eval(), statistics)), "m.safetensors")


def stream(recognizer: Recognizer, signal: Signal, cuts: list[int]) -> StreamingRecognizer:
    streaming = StreamingRecognizer(recognizer)
    for chunk in np.split(signal, sorted(cuts)):
        streaming.accept(chunk)
    return streaming


@settings(max_examples=60, deadline=None)
@given(networks, st.integers(0, 2), st.integers(400, 12_000), st.lists(st.integers(0, 12_000), max_size=12))
def test_streaming_equals_offline_however_the_samples_come(
    hello_world: Signal, network: NetworkConfig, deltas: int, samples: int, cuts: list[int]
) -> None:
    recognizer = make_recognizer(network, replace(CORPUS, deltas=deltas))
    signal = hello_world[:samples]
    streaming = stream(recognizer, signal, cuts)
    words = streaming.finish()
    times = [(word.text, word.start, word.end) for word in words]
    expected = recognizer.listener.compute_log_probs(signal)
    np.testing.assert_allclose(streaming.log_probs, expected, atol=1e-5, rtol=1e-5)
    assert times == [(word.text, word.start, word.end) for word in recognizer.read(expected)]
    assert [word.text for word in words] == [word.text for word in recognizer.recognize(signal)]


def test_a_decoder_of_phones_reads_the_whole_utterance_by_them(hello_world: Signal) -> None:
    letters = make_recognizer()
    assert isinstance(letters.listener, TorchListener)
    info = replace(letters.info, phones=phones_of("en"))
    torch.manual_seed(0)
    network = build_network(info.recipe, info.features, info.alphabet, info.phones).eval()
    assert network.phone_output
    network.phone_output.weight.data *= 5
    assert info.phones
    decoder = BeamDecoder(info.phones, words=["one", "two"], sounds={"one": "wʌn", "two": "tu"})
    recognizer = Recognizer(TorchListener(Model(info, network, letters.listener.model.cmvn)), "m", decoder)
    streaming = stream(recognizer, hello_world, [3000, 9000])
    expected = recognizer.listener.compute_log_probs(hello_world)
    words = [word.text for word in streaming.finish()]
    np.testing.assert_allclose(streaming.log_probs, expected, atol=1e-5, rtol=1e-5)
    assert words == [word.text for word in recognizer.recognize(hello_world)] != []


def test_words_come_before_the_utterance_ends(hello_world: Signal) -> None:
    recognizer = make_recognizer()
    streaming, seen = StreamingRecognizer(recognizer), []
    for chunk in np.split(hello_world, range(1600, len(hello_world), 1600)):
        seen.append(sum(len(word.text) for word in streaming.accept(chunk)))
    assert seen == sorted(seen)
    assert len(set(seen)) > len(seen) / 2
    frames = (len(hello_world) - 400) // 160 + 1
    assert len(streaming.log_probs) == frames // 3  # all but those that still wait for their neighbours


def test_an_utterance_of_less_than_a_window_has_no_words(hello_world: Signal) -> None:
    assert stream(make_recognizer(), hello_world[:399], [100]).finish() == []
    assert StreamingRecognizer(make_recognizer()).finish() == []


@pytest.mark.parametrize(
    ("network", "input", "reason"),
    [
        (replace(FORWARD, bidirectional=True), CORPUS, r"network\.bidirectional"),
        (FORWARD, InputConfig(), r"input\.cmvn"),
        (FORWARD, replace(CORPUS, range_db=60.0), r"input\.range_db"),
        (FORWARD, replace(CORPUS, equal_loudness=True), r"input\.equal_loudness"),
    ],
)
def test_what_needs_the_whole_utterance_is_refused(network: NetworkConfig, input: InputConfig, reason: str) -> None:
    with pytest.raises(ModelError, match=rf"^m\.safetensors: cannot write while one speaks, .*{reason}"):
        StreamingRecognizer(make_recognizer(network, input))
