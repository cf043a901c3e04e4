"""What a run learns from and is judged on, opened; what of it cannot be learned is said."""

from dataclasses import replace
from pathlib import Path

from speechrnn.config import Recipe
from speechrnn.console import count_of, warn, warn_each
from speechrnn.errors import CorpusError, TrainingError
from speechrnn.features import Cmvn, Features, equalize, estimate_cmvn, shape_features
from speechrnn.prepare.prepared import PreparedCorpus, list_parts
from speechrnn.prepare.speakers import move_speakers
from speechrnn.prepare.store import FeatureStore
from speechrnn.pronunciations import PHONES, explain_unsaid, phones_of
from speechrnn.text import Alphabet
from speechrnn.train.examples import ExampleSource
from speechrnn.train.surroundings import read_noise


def open_sources(data: Path, prepared: PreparedCorpus, recipe: Recipe) -> tuple[ExampleSource, ExampleSource]:
    """Returns what is learned and what it is judged on, both normalised as the recipe says; says what is left out.

    Raises:
        CorpusError: The features are not what the folder says.
        TextError: A manifest was changed.
        TrainingError: There is nothing to learn, or to judge on, or no phones are known of the language.
    """
    dev_split = recipe.training.dev_split
    for split in ("train", dev_split):
        if split not in prepared.splits or not prepared.splits[split].utterances:
            raise TrainingError(
                f"{data}: nothing in split {split!r}; there is {', '.join(prepared.splits)}"
                " (training.dev_split names the one to judge epochs on)"
            )
    parts = list_parts(data)
    store, dev_store = FeatureStore(parts, "train"), FeatureStore(parts, dev_split)
    if store.coefficients != prepared.config.features.coefficients:
        raise CorpusError(f"{data}: its features are not what prepare.toml says; prepare it again")
    mfcc = prepared.config.features
    centre: Features | None = None
    if recipe.input.cmvn == "speaker":
        _report_unnamed(store)
        store, centre = move_speakers(store)
        dev_store, _ = move_speakers(dev_store, centre)
    cmvn: Cmvn | None = None
    if recipe.input.cmvn != "utterance":
        level = (equalize(store[index], recipe.input, mfcc) for index in range(len(store)))
        cmvn = estimate_cmvn(shape_features(features, recipe.input, mfcc) for features in level)
        cmvn = replace(cmvn, centre=centre)
    alphabet = Alphabet((" ", *prepared.letters))
    phones = _find_phones(recipe, prepared.lang)
    noises = read_noise(recipe.augment.noise, mfcc)
    train = ExampleSource(store, recipe, mfcc, cmvn, alphabet, phones, prepared.lang, noises)
    dev = ExampleSource(dev_store, recipe, mfcc, cmvn, alphabet)
    for source in (train, dev):
        _report_unlearnable(source)
    _report_unsaid(train)
    if not train.learnable:
        raise TrainingError(f"{data}: no training utterance has frames enough for its characters; lower network.stack")
    return train, dev


def _report_unnamed(store: FeatureStore) -> None:
    unnamed = sum(not utterance.speaker for utterance in store.utterances)
    if unnamed:
        warn(f"{unnamed} of {len(store)} utterances name no speaker, and are heard as they are (input.cmvn)")


def _find_phones(recipe: Recipe, lang: str) -> Alphabet | None:
    if not recipe.training.phones:
        return None
    phones = phones_of(lang)
    if phones is None:
        raise TrainingError(
            f"training.phones: no pronunciation is known in {lang!r}, only in {', '.join(PHONES)};"
            " --set training.phones=0"
        )
    return phones


def _report_unsaid(source: ExampleSource) -> None:
    """Says which words have no known sound, for which their utterances' phones are not learned."""
    if source.phones and source.unsaid:
        count = sum(not labels for labels in source.phone_labels)
        warn(f"the phones of {count_of(count, 'utterance')} are not learned; {explain_unsaid(source.unsaid)}")


def _report_unlearnable(source: ExampleSource) -> None:
    split = source.store.split
    warn_each([f"left out of {split}'s loss: {line}" for line in source.explain_unlearnable()])
