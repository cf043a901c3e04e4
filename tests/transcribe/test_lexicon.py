"""A vocabulary as a trie: every word is found, nothing else is, and the best that may come is known."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from speechrnn.compiled import compiled
from speechrnn.text import Alphabet
from speechrnn.transcribe.lexicon import NOWHERE, Lexicon, build_lexicon, spell

spell_compiled = compiled(spell)

LETTERS = Alphabet((" ", "a", "b", "'"))
WORDS = st.lists(st.text("ab'é", max_size=4), max_size=20, unique=True)


def follow(lexicon: Lexicon, beginning: str) -> int:
    node = 0
    for letter in beginning:
        node = spell_compiled(lexicon, node, LETTERS.symbols.index(letter) + 1)
    return node


@settings(deadline=None)
@given(WORDS)
def test_each_word_that_can_be_spelled_is_found_and_no_other(words: list[str]) -> None:
    values = [-float(number) for number in range(len(words))]
    lexicon = build_lexicon(words, values, LETTERS)
    writable = {word: number for number, word in enumerate(words) if word and "é" not in word}
    assert sorted(lexicon.entry[lexicon.entry >= 0].tolist()) == sorted(writable.values())
    beginnings = {word[:length] for word in writable for length in range(len(word) + 1)} | {""}
    assert len(lexicon.token) == len(lexicon.first_child) - 1 == len(beginnings)
    for beginning in beginnings:
        node = follow(lexicon, beginning)
        assert lexicon.entry[node] == writable.get(beginning, -1)
        going_on = [values[number] for word, number in writable.items() if word.startswith(beginning)]
        assert lexicon.best[node] == max(going_on, default=-np.inf)


def test_what_begins_no_word_is_nowhere() -> None:
    lexicon = build_lexicon(["ab", "b"], [0.0, 0.0], LETTERS)
    assert follow(lexicon, "aa") == follow(lexicon, "bb") == NOWHERE


def test_words_that_are_spelled_alike_follow_each_other() -> None:
    lexicon = build_lexicon(["ab", "b", "ab", "", "ab"], [-3.0, -2.0, -1.0, 0.0, -2.0], LETTERS)
    first = int(lexicon.entry[follow(lexicon, "ab")])
    chain = [first]
    while (following := int(lexicon.next_alike[chain[-1]])) >= 0:
        chain.append(following)
    assert sorted(chain) == [0, 2, 4]
    assert lexicon.best[follow(lexicon, "a")] == -1.0
    assert lexicon.most_alike == 3
    assert lexicon.next_alike[[1, 3]].tolist() == [-1, -1]
