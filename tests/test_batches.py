import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.batches import Example, collate, plan_batches

FRAMES = st.lists(st.integers(1, 400), min_size=1, max_size=60)


@given(FRAMES, st.integers(100, 2000), st.none() | st.integers(0, 1000))
def test_every_utterance_is_in_exactly_one_batch_of_bounded_size(
    frames: list[int], size: int, seed: int | None
) -> None:
    plan = plan_batches(frames, size, None if seed is None else np.random.default_rng(seed))
    assert sorted(index for batch in plan for index in batch) == list(range(len(frames)))
    for batch in plan:
        assert len(batch) == 1 or len(batch) * max(frames[index] for index in batch) <= size


@given(FRAMES)
def test_without_chance_the_longest_comes_first(frames: list[int]) -> None:
    plan = plan_batches(frames, 1000)
    longest = [max(frames[index] for index in batch) for batch in plan]
    assert longest == sorted(longest, reverse=True)
    assert longest[0] == max(frames)


@given(FRAMES)
def test_two_processes_have_as_many_utterances_of_each_batch_but_the_last(frames: list[int]) -> None:
    *others, _ = plan_batches(frames, 1000)
    assert all(len(batch) % 2 == 0 for batch in others if len(batch) > 1)


def test_a_seed_gives_one_order_and_another_seed_another() -> None:
    frames = np.random.default_rng(0).integers(100, 1500, 200).tolist()
    plans = [plan_batches(frames, 5000, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_padding_stays_under_a_tenth_for_a_corpus_of_books() -> None:
    frames = np.random.default_rng(0).integers(150, 1600, 1277)
    plan = plan_batches(frames.tolist(), 6000, np.random.default_rng(0))
    padded = sum(len(batch) * frames[batch].max() for batch in plan)
    assert padded < 1.1 * frames.sum()


def test_a_batch_keeps_each_utterances_features_labels_and_lengths() -> None:
    examples = [
        Example("a", np.ones((2, 3), dtype=np.float32), [5, 6, 7]),
        Example("b", np.full((4, 3), 2, dtype=np.float32), [8]),
    ]
    batch = collate(examples)
    assert batch.ids == ("a", "b")
    assert batch.input_lengths.tolist() == [2, 4]
    assert batch.target_lengths.tolist() == [3, 1]
    assert batch.targets.tolist() == [[5, 6, 7], [8, 0, 0]]
    torch.testing.assert_close(batch.features[0, :2], torch.ones(2, 3))
    assert not batch.features[0, 2:].any()


def test_batches_come_in_few_lengths_so_that_what_is_compiled_for_each_is_used_again() -> None:
    lengths = {
        collate([Example("a", np.zeros((frames, 3), dtype=np.float32), [1])]).features.shape[1]
        for frames in range(1, 241)
    }
    assert len(lengths) == 10
