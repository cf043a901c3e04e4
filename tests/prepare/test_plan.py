from collections.abc import Callable
from pathlib import Path

import pytest

from speechrnn.config import PrepareConfig
from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.corpus import Corpus, Splits
from speechrnn.prepare.plan import CorpusPlan, plan_corpus


def plan(splits: Splits, config: PrepareConfig | None = None, lang: str = "en") -> CorpusPlan:
    corpus = Corpus("tiny", "a test", lambda *_: splits, lang=lang)
    config = config or PrepareConfig(split="speakers" if "dev" in splits else "train")
    return plan_corpus(corpus, Path("somewhere"), config)


def say(*texts: str, lang: str = "") -> list[Utterance]:
    return [Utterance("a.wav", text, id=f"{lang}{number}", lang=lang) for number, text in enumerate(texts)]


def test_texts_are_normalised_and_the_language_is_the_corpuss() -> None:
    made = plan({"train": say("¡Mañana, SÍ!"), "dev": say("no", lang="es")}, lang="es")
    assert [one.text for one in made.splits["train"]] == ["mañana sí"]
    assert (made.lang, made.splits["train"][0].lang) == ("es", "es")
    assert made.letters == "abcdefghijklmnopqrstuvwxyzáéíñóúü"


def test_what_is_asked_for_goes_before_what_the_corpus_says() -> None:
    assert plan({"train": say("sí", lang="es")}).lang == "es"
    assert plan({"train": say("sí", lang="es")}, PrepareConfig(lang="ca", split="train")).lang == "ca"
    assert plan({"train": say("yes")}, lang="").lang == "en"


def test_two_languages_in_one_corpus_are_refused() -> None:
    with pytest.raises(CorpusError, match="the transcripts are in en, es; a network learns one, name it with --lang"):
        plan({"train": say("yes", lang="en") + say("sí", lang="es")})


def test_another_language_has_the_letters_of_its_training_texts() -> None:
    made = plan({"train": say("Größe", "über"), "dev": say("ñ", lang="xx")}, PrepareConfig(lang="de"))
    assert made.letters == "".join(sorted("größeüb"))


def test_numbers_are_spelled_out_where_that_is_wanted() -> None:
    config = PrepareConfig(lang="es", numbers="spell", split="train")
    assert plan({"train": say("marque 1.500")}, config).splits["train"][0].text == "marque mil quinientos"
    assert plan({"train": say("marque 1")}, lang="es").splits["train"][0].text == "marque 1"


def test_look_alikes_are_counted_by_transcript() -> None:
    made = plan({"train": say("sаmе", "sаfе аnd", "fine")})
    assert made.look_alikes == {"а": 2, "е": 2}
    assert made.splits["train"][0].text == "same"


def test_speeds_and_volumes_are_for_training_alone() -> None:
    config = PrepareConfig(speeds=(0.9, 1.0, 1.1), volume=True)
    utterances = {"train": [Utterance("a.wav", "x", id="u", speaker="ana")], "dev": [Utterance("b.wav", "y", id="d")]}
    made = plan(utterances, config)
    copies = made.splits["train"]
    assert [(one.id, one.speaker, one.speed) for one in copies] == [
        ("sp0.9-u", "sp0.9-ana", 0.9),
        ("u", "ana", 1.0),
        ("sp1.1-u", "sp1.1-ana", 1.1),
    ]
    assert all(0.125 <= one.volume <= 2 for one in copies)
    assert len({one.volume for one in copies}) == 3
    assert plan(utterances, config).splits == made.splits
    assert [(one.speed, one.volume) for one in made.splits["dev"]] == [(1.0, 1.0)]


def test_a_faster_copy_of_a_nameless_utterance_is_nameless() -> None:
    made = plan({"train": [Utterance("a.wav", "x", id="u")]}, PrepareConfig(speeds=(1.0, 1.1), split="train"))
    assert [(one.id, one.speaker) for one in made.splits["train"]] == [("u", ""), ("sp1.1-u", "")]


def test_shards_together_are_the_whole_in_its_order() -> None:
    whole = plan({"train": say(*"abcdefghijk"), "dev": say("x", lang="en")})
    for count in (1, 3, 11, 20):
        shards = [whole.take_shard(number, count) for number in range(1, count + 1)]
        assert [one for shard in shards for one in shard.splits["train"]] == list(whole.splits["train"])
        assert [one for shard in shards for one in shard.splits["dev"]] == list(whole.splits["dev"])


def test_without_a_dev_set_one_is_held_out() -> None:
    utterances = [
        Utterance("a.wav", text, id=f"{speaker}{text}", speaker=speaker) for speaker in "abcdefghij" for text in "xyz"
    ]
    splits = plan({"train": utterances}, PrepareConfig()).splits
    speakers = {split: {one.speaker for one in chosen} for split, chosen in splits.items()}
    assert list(speakers) == ["train", "dev"]
    assert not speakers["train"] & speakers["dev"]
    alone = [Utterance("a.wav", text, id=text, speaker="ana") for text in "abcdefghijkl"]
    splits = plan({"train": alone}, PrepareConfig()).splits
    assert {split: len(chosen) for split, chosen in splits.items()} == {"train": 11, "dev": 1}


def test_a_table_without_segments_is_refused(tmp_path: Path, make_corpus: Callable[..., Path]) -> None:
    table = tmp_path / "segments.tsv"
    table.write_text("recording\tstart\tend\ttext\n")
    with pytest.raises(CorpusError, match=r"segments.tsv: holds no segments"):
        plan_corpus(find_corpus("tsv"), make_corpus(), PrepareConfig(), table)


def test_one_speed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"speeds \(1.0, 1.0\) must differ"):
        PrepareConfig(speeds=(1.0, 1.0))
