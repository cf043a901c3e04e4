"""Utterances varied: the same ones the same way, and masked when it is time."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from speechrnn.config import AugmentConfig
from speechrnn.features import to_network_input
from speechrnn.prepare.prepared import list_parts, read_prepared
from speechrnn.prepare.store import FeatureStore
from speechrnn.train.examples import ExampleSource
from speechrnn.train.sources import open_sources
from tests.train.conftest import TINY


@pytest.mark.parametrize(("epoch", "masked"), [(0, False), (1, False), (2, True), (3, True)])
def test_masks_begin_in_the_epoch_before_which_their_share_has_passed(data: Path, epoch: int, masked: bool) -> None:
    masks = AugmentConfig(frequency_masks=2, time_masks_per_second=5.0, masks_from=0.5)
    recipe = replace(TINY, augment=masks, training=replace(TINY.training, epochs=4))
    train, _ = open_sources(data, read_prepared(data), recipe)
    varied = [not np.array_equal(train.vary(index, epoch).features, train.make(index).features) for index in range(3)]
    assert varied == [masked] * 3


def test_recordings_are_made_equally_loud_before_they_are_varied(data: Path) -> None:
    """Else what makes some louder than others in training would be taken away again."""
    settings = replace(TINY.input, cmvn="corpus", equal_loudness=True)
    plain, _ = open_sources(data, read_prepared(data), replace(TINY, input=settings, augment=AugmentConfig()))
    np.testing.assert_allclose(plain.vary(0, 1).features, plain.make(0).features, atol=1e-5)
    varied = replace(plain, recipe=replace(plain.recipe, augment=AugmentConfig(microphone_db=20.0)))
    levels = [varied.vary(0, epoch).features[:, 0].mean() for epoch in range(20)]
    assert np.std(levels) > 0.3


def test_noise_alone_stands_in_the_place_of_its_share_and_has_no_text(data: Path) -> None:
    recipe = replace(TINY, augment=AugmentConfig(noise_alone=0.3), training=replace(TINY.training, phones=0.5))
    source, _ = open_sources(data, read_prepared(data), recipe)
    varied = [source.vary(index, epoch) for epoch in range(100) for index in source.learnable]
    silent = [example for example in varied if not example.labels]
    assert len(silent) / len(varied) == pytest.approx(0.3, abs=0.06)
    spoken = {example.id: example.features for example in map(source.make, source.learnable)}
    assert all(bool(example.phones) == bool(example.labels) for example in varied)
    for example in silent:
        assert example.features.shape == spoken[example.id].shape
        assert np.abs(example.features - spoken[example.id]).mean() > 0.3
    assert all(np.allclose(one.features, spoken[one.id], atol=1e-2) for one in varied if one.labels)


def test_an_utterance_has_the_phones_of_its_words_or_none(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = replace(TINY, training=replace(TINY.training, phones=0.5))
    known = {"hello": "həlO", "yes": "jɛs"}
    monkeypatch.setattr("speechrnn.train.examples.pronounce", lambda words, lang: known)
    train, _ = open_sources(data, read_prepared(data), recipe)
    assert train.phones
    said = {train.store.utterances[index].text: train.make(index).phones for index in range(len(train.store))}
    assert {text: train.phones.decode(phones) for text, phones in said.items()} == {"no": "", **known}


def test_phones_for_which_an_utterance_is_too_short_are_left_out_and_its_letters_stay(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(TINY, training=replace(TINY.training, phones=0.5))
    for phones, fewest in (("ɛɛɛɛɛɛ", (11 - 1) * TINY.network.stack + 1), ("ɛ" * 500, 0)):
        sounds = dict.fromkeys(("hello", "yes", "no"), phones)
        monkeypatch.setattr("speechrnn.train.examples.pronounce", lambda words, lang, sounds=sounds: sounds)
        train, _ = open_sources(data, read_prepared(data), recipe)
        assert len(train.learnable) == len(train.store)
        assert {bool(train.make(index).phones) for index in train.learnable} == {fewest > 0}
        if fewest:
            assert {train.required_frames(index) for index in train.learnable} == {fewest}


@pytest.fixture
def by_speaker(data: Path) -> Callable[..., tuple[ExampleSource, ExampleSource]]:
    """Opens what is learned and judged on, normalised by speaker."""

    def open(**settings: float) -> tuple[ExampleSource, ExampleSource]:
        recipe = replace(TINY, input=replace(TINY.input, cmvn="speaker", **settings), augment=AugmentConfig())  # type: ignore[arg-type]
        return open_sources(data, read_prepared(data), recipe)

    return open


def test_by_speaker_each_ones_mean_is_moved_to_the_corpuss(
    data: Path, by_speaker: Callable[..., tuple[ExampleSource, ExampleSource]]
) -> None:
    train, dev = by_speaker()
    plain = FeatureStore(list_parts(data), "train")
    frames = np.concatenate([plain[index] for index in range(len(plain))])
    assert train.cmvn is not None
    assert train.cmvn.centre is not None
    np.testing.assert_allclose(train.cmvn.centre, frames.mean(axis=0), rtol=1e-4, atol=1e-4)
    for source in (train, dev):
        spoken: dict[str, list[NDArray[np.float32]]] = {}
        for index, utterance in enumerate(source.store.utterances):
            spoken.setdefault(utterance.speaker, []).append(source.make(index).features * train.cmvn.deviation)
            np.testing.assert_array_equal(source.vary(index, 1).features, source.make(index).features)
        for pieces in spoken.values():
            np.testing.assert_allclose(np.concatenate(pieces).mean(axis=0), 0, atol=1e-3)


def test_by_speaker_the_mean_is_moved_before_loudness_and_range_are_looked_at(
    by_speaker: Callable[..., tuple[ExampleSource, ExampleSource]],
) -> None:
    train, _ = by_speaker(range_db=20.0, equal_loudness=1)
    seen = to_network_input(train.store[0], train.recipe.input, train.features, train.cmvn)
    np.testing.assert_array_equal(train.make(0).features, seen)
    moved = np.concatenate([train.store[index] for index in range(len(train.store))])
    assert train.cmvn is not None
    assert train.cmvn.centre is not None
    np.testing.assert_allclose(moved.mean(axis=0), train.cmvn.centre, rtol=1e-4, atol=1e-4)


def test_who_has_no_name_is_heard_as_he_is_and_counted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = data / "train.jsonl"
    manifest.write_text(re.sub('"speaker": "[^"]*"', '"speaker": ""', manifest.read_text()))
    train, _ = open_sources(data, read_prepared(data), replace(TINY, input=replace(TINY.input, cmvn="speaker")))
    np.testing.assert_array_equal(train.store[0], FeatureStore(list_parts(data), "train")[0])
    count = len(train.store)
    assert f"{count} of {count} utterances name no speaker" in " ".join(capsys.readouterr().err.split())
