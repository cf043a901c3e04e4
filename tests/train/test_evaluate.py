from dataclasses import replace
from pathlib import Path

import jiwer
import pytest
import torch
from torch.nn import functional as F

from speechrnn.ctc import decode_greedy
from speechrnn.network import AcousticNetwork
from speechrnn.prepare.prepared import list_parts, read_prepared
from speechrnn.prepare.store import FeatureStore
from speechrnn.score.align import align_words
from speechrnn.score.calibration import fit_temperature
from speechrnn.text import alphabet_of
from speechrnn.train.evaluate import compute_log_probs, evaluate, measure_phones
from speechrnn.train.examples import ExampleSource
from speechrnn.words import Word, read_words
from tests.train.conftest import TINY

CPU = torch.device("cpu")


@pytest.fixture
def source(data: Path) -> ExampleSource:
    store = FeatureStore(list_parts(data), "train")
    return ExampleSource(store, TINY, read_prepared(data).config.features, None, alphabet_of("en"))


@pytest.fixture
def network(source: ExampleSource) -> AcousticNetwork:
    torch.manual_seed(1)
    network = AcousticNetwork(TINY.network, 20, source.alphabet.classes)
    network.output.weight.data *= 20
    return network.train()


def one_by_one(network: AcousticNetwork, source: ExampleSource) -> list[torch.Tensor]:
    network.eval()
    with torch.inference_mode():
        results = []
        for index in range(len(source.store)):
            features = torch.from_numpy(source.make(index).features)[None]
            results.append(network(features, torch.tensor([features.shape[1]]))[0][0])
    network.train()
    return results


def hear(log_probs: torch.Tensor, source: ExampleSource) -> list[Word]:
    return read_words(decode_greedy(log_probs.numpy()), source.alphabet, 1.0)


def test_loss_and_errors_are_those_of_each_utterance_alone(network: AcousticNetwork, source: ExampleSource) -> None:
    evaluation = evaluate(network, source, 300, CPU)
    loss, characters, heard = 0.0, 0, []
    for index, log_probs in enumerate(one_by_one(network, source)):
        labels = torch.tensor([source.labels[index]])
        lengths = torch.tensor([len(log_probs)]), torch.tensor([labels.shape[1]])
        loss += F.ctc_loss(log_probs[:, None], labels, *lengths, reduction="sum").item()
        characters += labels.shape[1]
        path = torch.unique_consecutive(log_probs.argmax(dim=-1))
        heard.append(" ".join(source.alphabet.decode(path[path != 0].tolist()).split()))
    assert evaluation.loss == pytest.approx(loss / characters, rel=1e-4)
    said = [utterance.text for utterance in source.store.utterances]
    assert [(one.reference, one.hypothesis) for one in evaluation.recognized] == list(zip(said, heard, strict=True))
    assert evaluation.words.rate == pytest.approx(jiwer.wer(said, heard))
    assert evaluation.characters.rate == pytest.approx(jiwer.cer(said, heard))
    assert network.training
    words = [(word.confidence, word.text) for rows in one_by_one(network, source) for word in hear(rows, source)]
    assert len(words) > 5
    right = iter(
        pair.kind == "equal" for one in align_words(said, heard) for pair in one.pairs if pair.kind != "delete"
    )
    assert evaluation.temperature == fit_temperature([(confidence, next(right)) for confidence, _ in words])


def test_utterances_without_frames_enough_count_as_errors_and_not_in_the_loss(
    network: AcousticNetwork, source: ExampleSource
) -> None:
    stacked = replace(TINY, network=replace(TINY.network, stack=14))
    narrow = replace(source, recipe=stacked)
    torch.manual_seed(0)
    coarse = AcousticNetwork(stacked.network, 20, source.alphabet.classes)
    assert 0 < len(narrow.learnable) < len(narrow.store)
    evaluation = evaluate(coarse, narrow, 300, CPU)
    assert torch.isfinite(torch.tensor(evaluation.loss))
    assert evaluation.words.reference_length == sum(len(one.text.split()) for one in source.store.utterances)
    none = replace(source, recipe=replace(stacked, network=replace(stacked.network, stack=200)))
    wide = AcousticNetwork(none.recipe.network, 20, source.alphabet.classes)
    assert torch.isnan(torch.tensor(evaluate(wide, none, 300, CPU).loss))


def test_a_broken_network_does_not_look_perfect(network: AcousticNetwork, source: ExampleSource) -> None:
    network.output.bias.data[:] = float("nan")
    assert torch.isnan(torch.tensor(evaluate(network, source, 300, CPU).loss))


def test_every_utterance_is_computed_once(network: AcousticNetwork, source: ExampleSource) -> None:
    batches = list(compute_log_probs(network, source.make, source.store.frames.tolist(), 300, CPU))
    ids = [id for batch, _, _ in batches for id in batch.ids]
    assert sorted(ids) == sorted(utterance.id for utterance in source.store.utterances)
    alone = dict(zip((one.id for one in source.store.utterances), one_by_one(network, source), strict=True))
    for batch, log_probs, lengths in batches:
        for id, result, length in zip(batch.ids, log_probs, lengths.tolist(), strict=True):
            torch.testing.assert_close(result[:length], alone[id], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("every", [1, 3])
def test_phones_are_measured_over_all_frames_of_some_utterances(
    every: int, source: ExampleSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = int(source.store.frames[source.learnable].sum())
    monkeypatch.setattr("speechrnn.train.evaluate._MEASURED_FRAMES", frames // every)
    torch.manual_seed(1)
    network = AcousticNetwork(TINY.network, 20, source.alphabet.classes, phones=5).train()
    measured = measure_phones(network, source, 300, CPU)
    assert network.training
    network.eval()
    rows = []
    with torch.inference_mode():
        for index in source.learnable[::every]:
            features = torch.from_numpy(source.make(index).features)[None]
            rows.append(network.read_phones(features, torch.tensor([features.shape[1]]))[0][0].exp())
    assert measured == pytest.approx(torch.cat(rows).mean(dim=0).tolist(), abs=1e-5)
