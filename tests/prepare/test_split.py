from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from speechrnn.config import PrepareConfig
from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpus import Splits
from speechrnn.prepare.split import HELD_OUT, choose_splits, hold_out, hold_out_speakers


def say(speaker: str, *texts: str) -> list[Utterance]:
    return [Utterance("a.wav", text, id=f"{speaker}-{number}", speaker=speaker) for number, text in enumerate(texts)]


def by_speaker(utterances: list[Utterance]) -> Splits:
    return hold_out(utterances, "speakers", HELD_OUT, 0.1)


def by_sentence(utterances: list[Utterance]) -> Splits:
    return hold_out(utterances, "sentences", HELD_OUT, 0.1)


def speakers_of(splits: Splits) -> dict[str, set[str]]:
    return {split: {one.speaker for one in utterances} for split, utterances in splits.items()}


@given(st.dictionaries(st.text(max_size=5), st.integers(1, 30), min_size=3, max_size=20))
def test_splits_never_share_a_speaker_and_lose_nobody(counts: dict[str, int]) -> None:
    utterances = [one for speaker, count in counts.items() for one in say(speaker, *["x"] * count)]
    splits = by_speaker(utterances)
    assert list(splits) == ["train", "dev", "test"]
    assert all(splits.values())
    assert sum((Counter(one.speaker for one in chosen) for chosen in splits.values()), Counter()) == Counter(counts)
    heard = [speaker for chosen in speakers_of(splits).values() for speaker in chosen]
    assert len(heard) == len(set(heard))


def test_about_a_tenth_is_held_out_for_each() -> None:
    splits = by_speaker([one for number in range(100) for one in say(f"s{number}", *["x"] * 10)])
    assert {split: len(utterances) for split, utterances in splits.items()} == {"train": 800, "dev": 100, "test": 100}


def test_the_choice_does_not_depend_on_the_order() -> None:
    utterances = [one for number in range(10) for one in say(f"s{number}", "x")]
    assert speakers_of(by_speaker(utterances)) == speakers_of(by_speaker(utterances[::-1]))


def test_two_speakers_cannot_be_split_and_the_message_says_what_can() -> None:
    with pytest.raises(CorpusError, match=r"2 speakers cannot .*--split sentences.*--split train"):
        by_speaker(say("ana", "x") + say("bea", "y"))


@given(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), max_size=60).filter(lambda texts: len(set(texts)) > 2))
def test_a_sentence_is_on_one_side_only_however_it_is_written(texts: list[str]) -> None:
    splits = by_sentence(say("ana", *texts, *[text.upper() + "!" for text in texts]))
    assert sum(map(len, splits.values())) == 2 * len(texts)
    assert all(splits.values())
    places = {split: {one.text.lower().rstrip("!") for one in chosen} for split, chosen in splits.items()}
    assert not places["train"] & places["dev"]
    assert not places["train"] & places["test"]
    assert not places["dev"] & places["test"]


def test_named_speakers_make_up_a_split_and_its_others_are_learned() -> None:
    corpus = {
        "train": say("ana", "1") + say("bea", "2"),
        "dev": say("ana", "3"),
        "test": say("ana", "4") + say("bea", "5"),
    }
    splits = hold_out_speakers(corpus, {"test": ["bea"]})
    assert speakers_of(splits) == {"train": {"ana"}, "dev": {"ana"}, "test": {"bea"}}
    assert [one.text for one in splits["test"]] == ["2", "5"]
    assert [one.text for one in splits["train"]] == ["1", "4"]


@given(st.sets(st.sampled_from("abcdef"), max_size=3), st.sets(st.sampled_from("abcdef"), max_size=3))
def test_held_out_speakers_are_nowhere_else(dev: set[str], test: set[str]) -> None:
    assume(not dev & test)
    corpus = {split: [one for name in "abcdef" for one in say(name, split)] for split in ("train", "dev", "test")}
    splits = speakers_of(hold_out_speakers(corpus, {"dev": dev, "test": test}))
    for split, named in (("dev", dev), ("test", test)):
        if named:
            assert splits[split] == named
            assert not any(named & others for name, others in splits.items() if name != split)


def test_unknown_and_doubly_named_speakers_are_refused() -> None:
    with pytest.raises(CorpusError, match="no speaker is named 'eva'; there is ana"):
        hold_out_speakers({"train": say("ana", "x")}, {"dev": ["eva"]})
    with pytest.raises(CorpusError, match="'ana' cannot be in dev and in test"):
        hold_out_speakers({"train": say("ana", "x")}, {"dev": ["ana"], "test": ["ana"]})


@given(st.floats(0.05, 0.4), st.integers(60, 100))
def test_as_much_is_held_out_as_is_asked_for(share: float, count: int) -> None:
    utterances = say("ana", *map(str, range(count)))
    splits = choose_splits({"all": utterances}, PrepareConfig(split="utterances", held_out=share))
    for split in HELD_OUT:
        assert abs(len(splits[split]) - share * count) <= 1
    assert sum(map(len, splits.values())) == count


def test_a_split_that_the_corpus_would_ignore_is_refused() -> None:
    splits = {"train": say("a", "x"), "dev": say("b", "x")}
    with pytest.raises(CorpusError, match=r"--split sentences: this corpus has splits of its own \(train, dev\)"):
        choose_splits(splits, PrepareConfig(split="sentences"))
    assert choose_splits(splits, PrepareConfig()) == splits
