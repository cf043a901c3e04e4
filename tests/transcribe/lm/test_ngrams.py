import gzip
import json
from collections import Counter, defaultdict
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save

from speechrnn.config import BeamConfig
from speechrnn.errors import ModelError, TextError
from speechrnn.transcribe.lm.arpa import load_arpa, save_arpa
from speechrnn.transcribe.lm.files import read_sentences, save_lm
from speechrnn.transcribe.lm.kneser_ney import build_ngrams
from speechrnn.transcribe.lm.ngrams import BOS, NgramModel, Spelling, load_ngrams
from speechrnn.transcribe.lm.perplexity import measure_perplexity

SENTENCES = [line.split() for line in ("the cat sat", "the cat ran", "a dog sat on the cat", "the dog ran", "a cat")]

Sentences = list[list[str]]


def draw_sentences() -> st.SearchStrategy[Sentences]:
    return st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=6), min_size=1, max_size=12)


def sum_over_words(model: NgramModel, context: int) -> float:
    return float(sum(np.exp(model.score(context, word)[0]) for word in range(len(model.words)) if word != BOS))


class PlainKneserNey:
    """Chen and Goodman's equations word for word, with dictionaries; discounts as where a text is tiny."""

    def __init__(self, sentences: Sentences, order: int) -> None:
        padded = [("<s>", *sentence, "</s>") for sentence in sentences]
        self.vocabulary = {word for sentence in padded for word in sentence} | {"<unk>"}
        raw: Counter[tuple[str, ...]] = Counter()
        for sentence in padded:
            for n in range(1, order + 1):
                raw.update(sentence[i : i + n] for i in range(len(sentence) - n + 1))
        before: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for ngram in raw:
            if len(ngram) > 1:
                before[ngram[1:]].add(ngram[0])
        longest = max(map(len, raw))
        self.counts = {
            ngram: count if len(ngram) == longest or ngram[0] == "<s>" else len(before[ngram])
            for ngram, count in raw.items()
        }
        self.counts[("<s>",)] = 0

    def probability(self, word: str, context: tuple[str, ...]) -> float:
        followers = {ngram[-1]: n for ngram, n in self.counts.items() if ngram[:-1] == context and n}
        lower = self.probability(word, context[1:]) if context else 1 / (len(self.vocabulary) - 1)
        if not followers:
            return lower
        total = sum(followers.values())
        steps = self.find_discounts(len(context) + 1)
        left = sum(steps[min(n, 3)] for n in followers.values()) / total
        count = followers.get(word, 0)
        return (count - steps[min(count, 3)]) / total + left * lower

    def find_discounts(self, order: int) -> tuple[float, ...]:
        n = [sum(count == times for ngram, count in self.counts.items() if len(ngram) == order) for times in range(5)]
        if 0 in n[1:]:
            return (0.0, 0.5, 1.0, 1.5)
        y = n[1] / (n[1] + 2 * n[2])
        steps = (0.0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3])
        return steps if all(0 <= step <= most for most, step in enumerate(steps)) else (0.0, 0.5, 1.0, 1.5)


@given(draw_sentences(), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_a_model_is_kneser_neys_equations(sentences: Sentences, order: int) -> None:
    model, plain = build_ngrams(sentences, order), PlainKneserNey(sentences, order)
    for sentence in [*sentences, ["e", "a", "never", "b"]]:
        known = [word if word in plain.vocabulary else "<unk>" for word in ["<s>", *sentence, "</s>"]]
        expected = [plain.probability(known[i], tuple(known[max(0, i - order + 1) : i])) for i in range(1, len(known))]
        np.testing.assert_allclose(np.exp(model.score_sentence(sentence)), expected, rtol=1e-4)


@given(draw_sentences(), st.integers(1, 4), st.sampled_from([(), (0, 1), (0, 0, 1), (0, 1, 2)]))
@settings(max_examples=40, deadline=None)
def test_in_every_context_the_probabilities_sum_to_one(
    sentences: Sentences, order: int, prune: tuple[int, ...]
) -> None:
    model = build_ngrams(sentences, order, prune)
    for context in range(model.trie.innermost):
        assert sum_over_words(model, context) == pytest.approx(1, abs=1e-5)


def test_discounts_are_chen_and_goodmans_where_the_text_is_large_enough() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in np.minimum(rng.zipf(1.3, 5000), 800)]
    sentences = [words[start : start + 10] for start in range(0, len(words), 10)]
    model = build_ngrams(sentences, 1)
    counts = Counter(words) + Counter({"</s>": len(sentences)})
    n1, n2, n3, n4 = (sum(count == times for count in counts.values()) for times in (1, 2, 3, 4))
    share = n1 / (n1 + 2 * n2)
    discount = {1: 1 - 2 * share * n2 / n1, 2: 2 - 3 * share * n3 / n2, 3: 3 - 4 * share * n4 / n3}
    total = sum(counts.values())
    left = sum(discount[min(count, 3)] for count in counts.values()) / total
    for word in ("w1", "w2", "w10"):
        expected = (counts[word] - discount[min(counts[word], 3)]) / total + left / (len(counts) + 1)
        assert np.exp(model.score(0, model.numbers[word])[0]) == pytest.approx(expected, rel=1e-4)


def test_kenlm_gives_a_models_probabilities(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    for prune in ((), (0, 1)):
        model = build_ngrams(SENTENCES, 3, prune)
        save_arpa(model, tmp_path / "model.arpa")
        theirs = kenlm.LanguageModel(str(tmp_path / "model.arpa"))
        for sentence in [*SENTENCES, ["cat", "zebra", "the"]]:
            scores = [score for score, _, _ in theirs.full_scores(" ".join(sentence))]
            np.testing.assert_allclose(np.array(model.score_sentence(sentence)) / np.log(10), scores, atol=1e-5)


@given(draw_sentences(), st.sampled_from([(), (0, 1)]))
@settings(max_examples=20, deadline=None)
def test_arpa_and_our_own_form_give_the_same_probabilities(
    tmp_path_factory: pytest.TempPathFactory, sentences: Sentences, prune: tuple[int, ...]
) -> None:
    folder = tmp_path_factory.mktemp("models")
    model = build_ngrams(sentences, 3, prune)
    save_arpa(model, folder / "model.arpa")
    model.save(folder / "model.lm")
    read, ours = load_arpa(folder / "model.arpa"), load_ngrams(folder / "model.lm")
    for sentence in [*sentences, ["e", "never", "a", "b", "c"]]:
        np.testing.assert_allclose(read.score_sentence(sentence), model.score_sentence(sentence), atol=1e-5)
        assert ours.score_sentence(sentence) == model.score_sentence(sentence)
    save_arpa(model, folder / "model.arpa.gz")
    assert gzip.decompress((folder / "model.arpa.gz").read_bytes()) == (folder / "model.arpa").read_bytes()


@given(draw_sentences(), st.sampled_from([(), (0, 1)]))
@settings(max_examples=20, deadline=None)
def test_a_small_file_has_the_same_n_grams_in_half_precision(
    tmp_path_factory: pytest.TempPathFactory, sentences: Sentences, prune: tuple[int, ...]
) -> None:
    path = tmp_path_factory.mktemp("models") / "small.lm"
    model = build_ngrams(sentences, 3, prune)
    replace(model, small=True).save(path)
    small = load_ngrams(path)
    assert (small.words, small.orders, small.small) == (model.words, model.orders, True)
    for name, values in model.trie._asdict().items():
        np.testing.assert_allclose(getattr(small.trie, name), values, rtol=2**-11, atol=1e-7)
    arrays = load_file(path)
    assert {arrays[name].itemsize for name in ("word", "children", "suffix")} == {1}


def test_a_damaged_small_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.lm"
    replace(build_ngrams(SENTENCES, 3), small=True).save(path)
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    for name, value in (("word", 200), ("suffix", 200), ("children", 200), ("log_prob", np.nan)):
        arrays = load_file(path)
        arrays[name][len(arrays[name]) // 2] = value
        (tmp_path / "damaged.lm").write_bytes(save(arrays, metadata))
        with pytest.raises(ModelError, match="damaged"):
            load_ngrams(tmp_path / "damaged.lm")


FOREIGN = """
\\data\\
ngram 1=4
ngram 2=1
ngram 3=1

\\1-grams:
-0.5\t<s>\t-0.25
-0.75\t</s>
-1.0\thola\t-0.125
-1.25\tmundo

\\2-grams:
-0.25\t<s> hola\t-0.375

\\3-grams:
-0.0625\t<s> hola mundo

\\end\\
"""


def test_a_foreign_arpa_file_is_read_as_its_numbers_say(tmp_path: Path) -> None:
    (tmp_path / "foreign.arpa").write_text(FOREIGN)
    with gzip.open(tmp_path / "foreign.arpa.gz", "wt") as file:
        file.write(FOREIGN)
    for name in ("foreign.arpa", "foreign.arpa.gz"):
        model = load_arpa(tmp_path / name)
        found = np.array(model.score_sentence(["hola", "mundo"])) / np.log(10)
        # the pair "hola mundo" is not in the file although the triple ends with it; backing off gives its weight
        np.testing.assert_allclose(found, [-0.25, -0.0625, -0.75], atol=1e-6)
        found = np.array(model.score_sentence(["mundo", "hola"])) / np.log(10)
        np.testing.assert_allclose(found, [-0.25 - 1.25, -1.0, -0.125 - 0.75], atol=1e-6)
        assert model.score_sentence(["nunca"])[0] < -100


def test_an_arpa_file_in_capitals_is_read_in_small_letters(tmp_path: Path) -> None:
    shouted = FOREIGN.replace("hola", "HOLA").replace("mundo", "MUNDO")
    (tmp_path / "small.arpa").write_text(FOREIGN)
    (tmp_path / "capitals.arpa").write_text(shouted)
    (tmp_path / "mixed.arpa").write_text(shouted.replace("HOLA", "Hola"))
    small, capitals, mixed = (load_arpa(tmp_path / f"{name}.arpa") for name in ("small", "capitals", "mixed"))
    assert capitals.words == small.words
    assert capitals.score_sentence(["hola", "mundo"]) == small.score_sentence(["hola", "mundo"])
    assert {"Hola", "MUNDO"} <= set(mixed.words)
    (tmp_path / "marked.arpa").write_text(shouted.replace("HOLA", "<noise>"))
    assert "mundo" in load_arpa(tmp_path / "marked.arpa").words


def test_a_files_tuned_weights_are_kept_in_it(tmp_path: Path) -> None:
    weights: dict[Spelling, BeamConfig] = {"letters": BeamConfig(lm_weight=1.25), "phones": BeamConfig(lm_weight=2.0)}
    model = build_ngrams(SENTENCES, 2)
    NgramModel(model.words, model.trie, model.orders, weights).save(tmp_path / "model.lm")
    assert load_ngrams(tmp_path / "model.lm").beams == weights


@pytest.mark.parametrize(
    ("weights", "spellings"),
    [(None, []), (BeamConfig(lm_weight=1.25), ["letters", "phones"]), (BeamConfig(prior_weight=0.6), ["phones"])],
)
def test_an_older_files_weights_are_for_what_they_were_tuned_for(
    tmp_path: Path, weights: BeamConfig | None, spellings: list[str]
) -> None:
    path = tmp_path / "model.lm"
    build_ngrams(SENTENCES, 2).save(path)
    with safe_open(path, "np") as file:
        metadata = json.loads(file.metadata()["speechrnn-lm"])
    del metadata["beams"]
    metadata |= {"format_version": 2, "beam": asdict(weights) if weights else None}
    path.write_bytes(save(load_file(path), {"speechrnn-lm": json.dumps(metadata)}))
    assert load_ngrams(path).beams == dict.fromkeys(spellings, weights)


@pytest.mark.parametrize("length", [0, 4, 40, 200, -1])
def test_what_is_no_language_model_is_said_to_be_none(tmp_path: Path, length: int) -> None:
    build_ngrams(SENTENCES, 2).save(tmp_path / "model.lm")
    whole = (tmp_path / "model.lm").read_bytes()
    (tmp_path / "model.lm").write_bytes(whole[:length])
    with pytest.raises(ModelError, match="cut short"):
        load_ngrams(tmp_path / "model.lm")


@pytest.mark.parametrize("name", ["word", "first_child", "suffix", "log_prob", "backoff"])
def test_a_damaged_number_is_found_before_it_is_followed(tmp_path: Path, name: str) -> None:
    model = build_ngrams(SENTENCES, 3)
    for value in (-5, 10**6) if name in ("word", "first_child", "suffix") else (np.nan, np.inf):
        damaged = getattr(model.trie, name).copy()
        damaged[len(damaged) // 2] = value
        NgramModel(model.words, model.trie._replace(**{name: damaged}), model.orders).save(tmp_path / "model.lm")
        with pytest.raises(ModelError, match="damaged"):
            load_ngrams(tmp_path / "model.lm")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "no ARPA file"),
        (FOREIGN.replace("\\end\\", ""), "cut short"),
        (FOREIGN.replace("ngram 2=1", "ngram 2=2"), "cut short"),
        (FOREIGN.replace("-1.25\tmundo", "x\tmundo"), ":11: expected log10 of a probability, 1 words"),
        (FOREIGN.replace("-1.25\tmundo", "inf\tmundo"), ":11: expected log10 of a probability"),
        (FOREIGN.replace("-1.25\tmundo", "0.5\tmundo"), ":11: expected log10 of a probability"),
        (FOREIGN.replace("-1.25\tmundo", "nan\tmundo"), ":11: expected log10 of a probability"),
        (FOREIGN.replace("\\2-grams:", "\\7-grams:"), "expected the 2-grams; is part of it missing"),
        (FOREIGN.replace("<s> hola mundo", "<s> hola tierra"), "'tierra' is in a 3-gram, but not among the 1-grams"),
    ],
)
def test_a_broken_arpa_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "broken.arpa").write_text(text)
    with pytest.raises(ModelError, match=message):
        load_arpa(tmp_path / "broken.arpa")


def test_a_damaged_packed_arpa_file_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(FOREIGN.encode()))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "damaged.arpa.gz").write_bytes(packed)
    with pytest.raises(ModelError, match="cannot be read"):
        load_arpa(tmp_path / "damaged.arpa.gz")


def test_the_probability_0_is_as_small_as_arpa_files_write_it(tmp_path: Path) -> None:
    (tmp_path / "a.arpa").write_text(FOREIGN.replace("-1.25\tmundo", "-inf\tmundo"))
    model = load_arpa(tmp_path / "a.arpa")
    assert model.score_sentence(["mundo"])[0] / np.log(10) == pytest.approx(-99.25, abs=1e-3)


def test_nothing_cannot_be_modelled() -> None:
    with pytest.raises(TextError, match="no words"):
        build_ngrams([], 3)
    with pytest.raises(ValueError, match="must not fall"):
        build_ngrams(SENTENCES, 3, (0, 2, 1))


def test_rare_words_are_unknown_words() -> None:
    model = build_ngrams(SENTENCES, 2, fewest=2)
    assert "on" not in model.numbers
    assert {"the", "cat", "dog", "sat", "ran", "a"} < set(model.words)


def test_perplexity_counts_unknown_words_and_leaves_them_out() -> None:
    model = build_ngrams(SENTENCES, 2)
    scores = model.score_sentence(["the", "zebra", "ran"])
    found = measure_perplexity(model, [["the", "zebra", "ran"]])
    assert (found.words, found.unknown, found.sentences) == (3, 1, 1)
    assert found.value == pytest.approx(np.exp(-(scores[0] + scores[2] + scores[3]) / 3))
    assert "over 2 known words and 1 sentences; 1 of 3 words unknown (33.33 %)" in str(found)


def test_marks_of_a_sentences_ends_are_no_words(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("<s> the cat </s>\n<S> a b\n<s> </s>\n")
    assert list(read_sentences([tmp_path / "text"], "en")) == [["the", "cat"], ["a", "b"]]


def test_how_words_sound_is_kept_with_them(tmp_path: Path) -> None:
    model = build_ngrams(SENTENCES, 2)
    save_lm(model, tmp_path / "lm.lm", "en")
    loaded = load_ngrams(tmp_path / "lm.lm")
    assert dict(zip(loaded.words, loaded.sounds, strict=True)) == {
        **{"<unk>": "", "<s>": "", "</s>": "", "a": "ə", "cat": "kæt", "dog": "dɔɡ", "on": "ɔn"},
        **{"ran": "ɹæn", "sat": "sæt", "the": "ðə"},
    }
    save_lm(model, tmp_path / "es.lm", "es")
    assert load_ngrams(tmp_path / "es.lm").sounds == ()
    replace(loaded, sounds=loaded.sounds[1:]).save(tmp_path / "short.lm")
    with pytest.raises(ModelError, match="parts do not fit"):
        load_ngrams(tmp_path / "short.lm")
