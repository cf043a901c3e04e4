"""The network on a held-out split: log-probabilities, loss, transcripts, error counts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from speechrnn.batches import Batch, Example, collate, plan_batches
from speechrnn.counts import ErrorCounts
from speechrnn.ctc import decode_greedy
from speechrnn.loss import compute_ctc_loss
from speechrnn.network import AcousticNetwork
from speechrnn.score.align import align_words, count_characters
from speechrnn.score.calibration import fit_temperature, judge_words
from speechrnn.text import Alphabet
from speechrnn.train.examples import ExampleSource
from speechrnn.words import Word, read_words, to_text

_MEASURED_FRAMES = 60_000
"""About so many frames or more, spread over the training speech, tell how often each phone is heard."""

Standing = tuple[int, int, float]
"""How good a network is: word errors, character errors, loss on dev; the smaller the better."""


@dataclass(frozen=True, slots=True)
class Recognized:
    """An utterance: what was said, and what the network heard."""

    reference: str
    hypothesis: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a network does on a split.

    Attributes:
        loss: CTC loss in nats a character, over the utterances that have frames enough; NaN where none has.
        words: Word errors over all utterances.
        characters: Character errors over all utterances.
        recognized: All utterances, in the store's order.
        temperature: What the logarithm of a word's confidence is to be divided by.
    """

    loss: float
    words: ErrorCounts
    characters: ErrorCounts
    recognized: Sequence[Recognized]
    temperature: float = 1.0

    @property
    def standing(self) -> Standing:
        """How good the network is, to be compared."""
        return self.words.errors, self.characters.errors, self.loss


def evaluate(network: AcousticNetwork, source: ExampleSource, batch_frames: int, device: torch.device) -> Evaluation:
    """Returns loss and greedy transcripts of every utterance; the network stays in its mode.

    Args:
        network: Computes on `device`.
        source: The split.
        batch_frames: Frames of one batch, padding counted.
        device: Where the network is.
    """
    heard: dict[str, list[Word]] = {}
    losses: dict[str, float] = {}
    for batch, log_probs, lengths in compute_log_probs(
        network, source.make, source.store.frames.tolist(), batch_frames, device
    ):
        moved = batch.to(device)
        batch_losses = compute_ctc_loss(log_probs, lengths, moved.targets, moved.target_lengths)
        losses |= zip(batch.ids, batch_losses.tolist(), strict=True)
        heard |= zip(batch.ids, read_greedily(log_probs, lengths, source.alphabet), strict=True)
    utterances = source.store.utterances
    references, hypotheses = [one.text for one in utterances], [to_text(heard[one.id]) for one in utterances]
    alignments = align_words(references, hypotheses)
    judged = judge_words(alignments, [[word.confidence for word in heard[one.id]] for one in utterances])
    learnable = [utterances[index] for index in source.learnable]
    characters = sum(len(one.text) for one in learnable)
    return Evaluation(
        sum(losses[one.id] for one in learnable) / characters if characters else float("nan"),
        sum((alignment.counts for alignment in alignments), ErrorCounts()),
        count_characters(references, hypotheses),
        list(map(Recognized, references, hypotheses)),
        fit_temperature(judged),
    )


def measure_phones(
    network: AcousticNetwork, source: ExampleSource, batch_frames: int, device: torch.device
) -> tuple[float, ...]:
    """Returns how probable the network finds the blank and each phone on the average, in some of its training speech.

    Arguments as `evaluate`.
    """
    some = source.learnable[:: max(1, int(source.store.frames[source.learnable].sum()) // _MEASURED_FRAMES)]
    frames = [int(source.store.frames[index]) for index in some]
    total, count = torch.zeros(()), 0
    for _, log_probs, lengths in compute_log_probs(
        network, lambda place: source.make(some[place]), frames, batch_frames, device, phones=True
    ):
        for row, length in zip(log_probs, lengths.tolist(), strict=True):
            total = total + row[:length].double().exp().sum(dim=0).cpu()
            count += length
    return tuple(round(float(mean), 6) for mean in total / count)


def compute_log_probs(
    network: AcousticNetwork,
    make: Callable[[int], Example],
    frames: Sequence[int],
    batch_frames: int,
    device: torch.device,
    phones: bool = False,
) -> Iterator[tuple[Batch, Tensor, Tensor]]:
    """Yields batches of utterances of about one length with log_probs (batch, frames, classes) and their lengths.

    Every utterance is in one batch. The network does not train meanwhile, and then stays in its mode.

    Args:
        network: Computes on `device`.
        make: Returns the example of an index.
        frames: Frames of each utterance.
        batch_frames: Frames of one batch, padding counted.
        device: Where the network is, and the result will be.
        phones: Whether phones are read instead of letters.
    """
    training, read = network.training, network.read_phones if phones else network
    network.eval()
    try:
        for indices in plan_batches(frames, batch_frames):
            batch = collate([make(index) for index in indices])
            with torch.inference_mode():
                yield batch, *read(batch.features.to(device), batch.input_lengths.to(device))
    finally:
        network.train(training)


def read_greedily(log_probs: Tensor, lengths: Tensor, alphabet: Alphabet) -> list[list[Word]]:
    """Returns the words of each utterance, read greedily, their times in frames."""
    rows = zip(log_probs.float().cpu().numpy(), lengths.tolist(), strict=True)
    return [read_words(decode_greedy(row[:length]), alphabet, 1.0) for row, length in rows]
