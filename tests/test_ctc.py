import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from speechrnn.ctc import collapse, count_required_frames, decode_greedy
from speechrnn.loss import compute_ctc_loss


def draw_log_probs(frames: int, classes: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, frames, classes, generator=generator).log_softmax(dim=-1)


def sum_over_all_paths(log_probs: Tensor, labels: list[int]) -> float:
    """The definition: the probability of labels is that of all paths that collapse to them."""
    frames, classes = log_probs.shape
    probabilities: list[list[float]] = log_probs.double().exp().tolist()
    return sum(
        math.prod(probabilities[frame][token] for frame, token in enumerate(path))
        for path in itertools.product(range(classes), repeat=frames)
        if collapse(path) == labels
    )


def loss_of(log_probs: Tensor, labels: list[int]) -> float:
    lengths = torch.tensor([log_probs.shape[1]])
    return compute_ctc_loss(log_probs, lengths, torch.tensor([labels]), torch.tensor([len(labels)])).item()


@pytest.mark.parametrize(
    ("path", "labels"),
    [([], []), ([0, 0], []), ([1, 1], [1]), ([1, 0, 1], [1, 1]), ([0, 2, 2, 0, 0, 1, 1, 3], [2, 1, 3])],
)
def test_collapsing_follows_graves(path: list[int], labels: list[int]) -> None:
    assert collapse(path) == labels


@given(
    frames=st.integers(1, 5),
    labels=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
)
@settings(deadline=None, max_examples=60)
def test_the_loss_is_the_sum_over_all_paths(frames: int, labels: list[int], seed: int) -> None:
    log_probs = draw_log_probs(frames, 4, seed)
    expected = sum_over_all_paths(log_probs[0], labels)
    if frames < count_required_frames(labels):
        assert expected == 0
        assert math.isinf(loss_of(log_probs, labels))
    else:
        assert loss_of(log_probs, labels) == pytest.approx(-math.log(expected), abs=1e-4)


@given(st.integers(1, 4), st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_probabilities_of_all_labellings_add_up_to_one(frames: int, seed: int) -> None:
    log_probs = draw_log_probs(frames, 3, seed)
    labellings = [
        list(labels) for length in range(1, frames + 1) for labels in itertools.product((1, 2), repeat=length)
    ]
    feasible = [labels for labels in labellings if count_required_frames(labels) <= frames]
    silent = log_probs[0, :, 0].sum().exp().item()
    assert silent + sum(math.exp(-loss_of(log_probs, labels)) for labels in feasible) == pytest.approx(1, abs=1e-4)


@given(st.lists(st.integers(1, 3), max_size=4))
def test_the_required_frames_are_the_shortest_path(labels: list[int]) -> None:
    shortest = next(
        frames
        for frames in range(10)
        if any(collapse(path) == labels for path in itertools.product(range(4), repeat=frames))
    )
    assert count_required_frames(labels) == shortest


def compute_slope(scores: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Losses and their gradient at the scores, by torch's loss in float64."""
    leaf = scores.double().requires_grad_()
    log_probs = leaf.log_softmax(dim=-1).transpose(0, 1)
    losses = F.ctc_loss(log_probs, targets, lengths, target_lengths, reduction="none")
    possible = losses.isfinite()
    losses[possible].sum().backward()
    assert leaf.grad is not None
    return losses.detach(), leaf.grad.where(possible[:, None, None], 0.0)


@given(st.integers(0, 10_000), st.floats(0.1, 30), st.integers(1, 60), st.integers(0, 20))
@settings(deadline=None, max_examples=60)
def test_loss_and_gradient_are_those_of_torch_in_twice_the_precision(
    seed: int, spread: float, frames: int, labels: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = spread * torch.randn(3, frames, 5, generator=generator)
    targets = torch.randint(1, 5, (3, max(labels, 1)), generator=generator)
    lengths = torch.tensor([frames, max(1, frames // 2), frames])
    target_lengths = torch.tensor([labels, labels // 2, labels // 3])
    expected, slope = compute_slope(scores, targets, lengths, target_lengths)
    leaf = scores.clone().requires_grad_()
    log_probs = leaf.transpose(0, 1).contiguous().log_softmax(dim=-1).transpose(0, 1)  # as a network's lie in memory
    losses = compute_ctc_loss(log_probs, lengths, targets, target_lengths)
    torch.testing.assert_close(losses.double(), expected, rtol=1e-5, atol=1e-3)
    losses[losses.isfinite()].sum().backward()
    assert leaf.grad is not None
    torch.testing.assert_close(leaf.grad.double(), slope, rtol=0, atol=1e-4)


def draw_stretches(kind: str, targets: Tensor, frames: int, logit: float) -> Tensor:
    """Scores of a network that is sure, and wrong: it hears nothing, or late, or other labels first, or anything."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(frames, 29, generator=generator)
    path = torch.zeros(frames, dtype=torch.long)
    if kind == "late":
        path[frames - 2 * len(targets) :: 2] = targets
    elif kind == "others first":
        path[: frames - 2 * len(targets) : 2] = torch.randint(1, 29, (frames // 2 - len(targets),), generator=generator)
        path[frames - 2 * len(targets) :: 2] = targets
    elif kind == "anything":
        path = torch.randint(0, 29, (frames,), generator=generator)
    scores[torch.arange(frames), path] += logit
    return scores


@pytest.mark.parametrize("logit", [3.0, 12.0, 60.0])
@pytest.mark.parametrize("kind", ["nothing", "late", "others first", "anything"])
def test_a_network_that_is_sure_and_wrong_has_its_loss_and_gradient_too(kind: str, logit: float) -> None:
    """In one scale for all states, float64 would lose the paths that get to the end."""
    targets = torch.randint(1, 29, (3, 120), generator=torch.Generator().manual_seed(1))
    scores = torch.stack([draw_stretches(kind, targets[0], 600, logit)] * 3)
    lengths, target_lengths = torch.tensor([600, 600, 90]), torch.tensor([120, 3, 120])
    expected, slope = compute_slope(scores, targets, lengths, target_lengths)
    leaf = scores.clone().requires_grad_()
    losses = compute_ctc_loss(leaf.log_softmax(dim=-1), lengths, targets, target_lengths)
    torch.testing.assert_close(losses.double(), expected, rtol=1e-5, atol=1e-3)
    assert losses.isinf().tolist() == [False, False, True]
    losses[:2].sum().backward()
    assert leaf.grad is not None
    torch.testing.assert_close(leaf.grad.double(), slope, rtol=0, atol=1e-4)


def test_padding_and_neighbours_do_not_change_a_loss() -> None:
    short, long = draw_log_probs(4, 5, 1), draw_log_probs(9, 5, 2)
    padded = torch.cat([short, torch.full((1, 5, 5), 7.0)], dim=1)
    losses = compute_ctc_loss(
        torch.cat([padded, long]), torch.tensor([4, 9]), torch.tensor([[1, 2, 4], [3, 3, 1]]), torch.tensor([2, 3])
    )
    assert losses.tolist() == pytest.approx([loss_of(short, [1, 2]), loss_of(long, [3, 3, 1])], abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log_probs": torch.zeros(4, 3)}, "expected"),
        ({"targets": torch.zeros(2, dtype=torch.long)}, "expected"),
        ({"log_probs": torch.zeros(1, 4, 3, dtype=torch.bfloat16)}, "float32"),
        ({"lengths": torch.tensor([4, 4])}, "differ in their batch"),
        ({"lengths": torch.tensor([5])}, "exceeds the padded axis"),
        ({"target_lengths": torch.tensor([3])}, "exceeds the padded axis"),
        ({"targets": torch.tensor([[1, 3]])}, "none of the 3 classes"),
        ({"targets": torch.tensor([[1, -1]])}, "none of the 3 classes"),
    ],
)
def test_the_loss_checks_what_it_is_given(change: dict[str, Tensor], message: str) -> None:
    arguments = {
        "log_probs": torch.zeros(1, 4, 3),
        "lengths": torch.tensor([4]),
        "targets": torch.ones(1, 2, dtype=torch.long),
        "target_lengths": torch.tensor([2]),
    }
    with pytest.raises(ValueError, match=message):
        compute_ctc_loss(**(arguments | change))


@given(st.integers(1, 12), st.integers(0, 10_000))
@settings(deadline=None)
def test_greedy_decoding_follows_the_most_probable_path(frames: int, seed: int) -> None:
    log_probs = draw_log_probs(frames, 4, seed)
    hypothesis = decode_greedy(log_probs[0].numpy())
    path = log_probs[0].argmax(dim=-1).tolist()
    assert list(hypothesis.tokens) == collapse(path)
    assert hypothesis.log_prob == pytest.approx(sum(log_probs[0, t, token].item() for t, token in enumerate(path)))
    for token, (first, last), score in zip(
        hypothesis.tokens, hypothesis.spans, hypothesis.token_log_probs, strict=True
    ):
        assert set(path[first:last]) == {token}
        assert score == pytest.approx(log_probs[0, first:last, token].max().item())
