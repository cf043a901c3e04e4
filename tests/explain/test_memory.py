from pathlib import Path

import pytest
import torch

from speechrnn.cli import run
from speechrnn.explain import memory
from speechrnn.explain.memory import WORDS, Recall, draw_sentences, find_limit, list_rows, measure_recall


def test_a_sentence_begins_with_a_word_and_ends_with_the_question() -> None:
    sentences, first = draw_sentences(5, 200, torch.Generator().manual_seed(0))
    words = sentences.argmax(dim=2)
    assert words.shape == (6, 200)  # the answer is due five steps after the word
    assert torch.equal(words[0], first)
    assert set(first.tolist()) == set(range(WORDS))
    assert (words[1:-1] >= WORDS).all()  # what comes between says nothing of it
    assert (words[-1] == words.max()).all()
    assert (words[:-1] < words.max()).all()


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_a_cell_recalls_over_two_steps_and_the_same_seed_gives_the_same(kind: str) -> None:
    first = measure_recall(kind, 2, seed=0)
    assert first > 0.99
    assert measure_recall(kind, 2, seed=0) == first


def test_without_lessons_a_cell_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_STEPS", 0)
    assert measure_recall("lstm", 8, seed=0) == pytest.approx(1 / WORDS, abs=0.06)


def test_the_limit_is_before_the_first_lag_at_which_the_median_is_wrong() -> None:
    rates = {2: (1.0, 1.0, 0.1), 4: (0.6, 0.9, 0.2), 8: (0.5, 0.5, 1.0), 16: (1.0, 1.0, 1.0)}
    recalls = [Recall("rnn", lag, accuracies) for lag, accuracies in rates.items()]
    assert find_limit(recalls, "rnn") == 4
    assert find_limit(recalls, "lstm") == 0


def test_a_row_has_median_and_range_of_each_cell() -> None:
    recalls = [Recall("rnn", 4, (0.2, 0.9, 0.3)), Recall("lstm", 4, (1.0, 1.0, 0.75))]
    assert list(list_rows(recalls)) == [["4", "30 %", "20–90", "100 %", "75–100"]]


def test_memory_prints_a_table_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "_STEPS", 20)
    assert run(["explain", "memory", "--lags", "4,1", "--seeds", "2", "--out", str(tmp_path / "memory.svg")]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["lag", "1", "4"]
    assert "<svg" in (tmp_path / "memory.svg").read_text()
    assert run(["explain", "memory", "--lags", "two"]) == 2
    assert run(["explain", "memory", "--lags", "0"]) == 2
