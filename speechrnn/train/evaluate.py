"""The network on a held-out split: loss, transcripts, error counts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from speechrnn.counts import ErrorCounts
from speechrnn.ctc import compute_ctc_loss, decode_greedy
from speechrnn.network import AcousticNetwork
from speechrnn.score.align import align_words, count_characters
from speechrnn.train.batches import Batch, collate, plan_batches
from speechrnn.train.examples import ExampleSource


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a network does on a split.

    Attributes:
        loss: CTC loss in nats a character, over the utterances that have frames enough.
        words: Word errors over all utterances.
        characters: Character errors over all utterances.
        transcripts: (id, reference, hypothesis) of each utterance, in the store's order.
    """

    loss: float
    words: ErrorCounts
    characters: ErrorCounts
    transcripts: Sequence[tuple[str, str, str]]


def evaluate(
    network: AcousticNetwork,
    source: ExampleSource,
    batch_frames: int,
    device: torch.device,
    advance: Callable[[int], None] = lambda utterances: None,
) -> Evaluation:
    """Returns loss and greedy transcripts of every utterance; the network stays in its mode.

    Args:
        network: Computes on `device`.
        source: The split.
        batch_frames: Frames of one batch, padding counted.
        device: Where the network is.
        advance: Called with the number of utterances that are done since the last call.
    """
    training = network.training
    network.eval()
    heard: dict[str, str] = {}
    loss, characters = 0.0, 0
    with torch.inference_mode():
        for batch in _batches(source, batch_frames):
            moved = batch.to(device)
            log_probs, lengths = network(moved.features, moved.input_lengths)
            losses = compute_ctc_loss(log_probs, lengths, moved.targets, moved.target_lengths).cpu()
            loss += losses[losses.isfinite()].sum().item()
            characters += int(batch.target_lengths[losses.isfinite()].sum())
            for id, hypothesis in zip(batch.ids, decode_greedy(log_probs.cpu(), lengths.cpu()), strict=True):
                heard[id] = " ".join(source.alphabet.decode(hypothesis.tokens).split())
            advance(len(batch.ids))
    network.train(training)
    spoken = {utterance.id: utterance.text for utterance in source.store.utterances}
    references, hypotheses = list(spoken.values()), [heard[id] for id in spoken]
    return Evaluation(
        loss / max(characters, 1),
        sum((alignment.counts for alignment in align_words(references, hypotheses)), ErrorCounts()),
        count_characters(references, hypotheses),
        list(zip(spoken, references, hypotheses, strict=True)),
    )


def _batches(source: ExampleSource, batch_frames: int) -> Iterator[Batch]:
    for indices in plan_batches(source.store.frames.tolist(), batch_frames):
        yield collate([source.make(index) for index in indices])
