"""Utterances on disk are those that were put there, and take no memory."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.manifest import Utterance
from speechrnn.utterances import UtteranceList

TEXT = st.text(
    st.characters(codec=None), max_size=8
)  # with halves of surrogate pairs, as names that are not UTF-8 have
UTTERANCES = st.lists(
    st.builds(
        Utterance,
        audio_filepath=TEXT,
        text=TEXT,
        duration=st.none() | st.floats(0.001, 1e6),
        offset=st.floats(0, 1e6),
        id=TEXT,
        speaker=TEXT,
        lang=TEXT,
        speed=st.floats(0.1, 10),
        volume=st.floats(0.001, 10),
    ),
    max_size=8,
)


@given(UTTERANCES, UTTERANCES, st.slices(8))
def test_it_is_what_a_list_is(first: list[Utterance], more: list[Utterance], part: slice) -> None:
    kept = UtteranceList(iter(first))
    half = kept[part]
    reading = iter(kept)
    read = [next(reading) for _ in first]  # while others are added
    kept.extend(more)
    for one in first:
        kept.append(one)
    assert read == first
    assert half == first[part]
    assert list(half) == first[part]
    assert kept == first + more + first
    assert len(kept) == 2 * len(first) + len(more)
    assert [kept[-1 - place] for place in range(len(kept))] == (first + more + first)[::-1]
    with pytest.raises(IndexError):
        kept[len(kept)]


def test_it_differs_from_what_is_not_the_same() -> None:
    one, other = Utterance("a.wav", "x"), Utterance("a.wav", "y")
    kept = UtteranceList([one])
    assert kept != [other]
    assert kept != [one, one]
    assert kept != "x"


def test_what_a_generator_gives_is_not_held_in_memory() -> None:
    count = 20_000
    tracemalloc.start()
    try:
        kept = UtteranceList(Utterance(f"{number:0200}.wav", "x" * 200) for number in range(count))
        kept = UtteranceList(reversed(kept))
        assert kept[0].audio_filepath == f"{count - 1:0200}.wav"
        assert tracemalloc.get_traced_memory()[1] < 200 * count  # of their letters there are twice as many
    finally:
        tracemalloc.stop()
