"""Utterances of a prepared split as examples: labels, variation, normalisation; what CTC cannot learn is named."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speechrnn.batches import Example
from speechrnn.config import FeatureConfig, Recipe
from speechrnn.ctc import count_required_frames, count_required_input, explain_unlearnable
from speechrnn.errors import TextError
from speechrnn.features import Cmvn, Features, equalize, finish_features, to_network_input
from speechrnn.manifest import Utterance
from speechrnn.prepare.store import FeatureStore
from speechrnn.pronunciations import pronounce
from speechrnn.text import Alphabet
from speechrnn.train.augment import augment_features, settle
from speechrnn.train.surroundings import make_noise


@dataclass(frozen=True)
class ExampleSource:
    """Makes examples of a store's utterances.

    Attributes:
        store: The split.
        recipe: Input, stacking, augmentation and seed.
        features: How the store's MFCC were computed.
        cmvn: The training corpus's statistics, or None for each utterance's own.
        alphabet: Turns texts into classes.
        phones: Turns pronunciations into classes; None where no phones are learned.
        lang: The language of the texts.
        noises: Log mel energies of background noise, (frames, mels) each.
    """

    store: FeatureStore
    recipe: Recipe
    features: FeatureConfig
    cmvn: Cmvn | None
    alphabet: Alphabet
    phones: Alphabet | None = None
    lang: str = "en"
    noises: Sequence[Features] = ()

    @cached_property
    def labels(self) -> list[list[int]]:
        """The classes of each utterance's text.

        Raises:
            TextError: A manifest was changed, and holds what the alphabet lacks.
        """
        return [self._encode(utterance) for utterance in self.store.utterances]

    @cached_property
    def _sounds(self) -> dict[str, str]:
        return pronounce(self._words, self.lang) if self.phones else {}

    @property
    def _words(self) -> set[str]:
        return {word for utterance in self.store.utterances for word in utterance.text.split()}

    @property
    def unsaid(self) -> list[str]:
        """The words of whose sound nothing is known."""
        return sorted(self._words - self._sounds.keys())

    @cached_property
    def phone_labels(self) -> list[list[int]]:
        """The phones of each utterance, as classes; none where a word's are not known, or they have too few frames."""
        listed = zip(self.store.utterances, self.store.frames.tolist(), strict=True)
        return [self._encode_phones(utterance.text.split(), frames) for utterance, frames in listed]

    def _encode_phones(self, words: Sequence[str], frames: int) -> list[int]:
        if self.phones is None or not self._sounds.keys() >= set(words):
            return []
        labels = self.phones.encode(" ".join(self._sounds[word] for word in words))
        return labels if frames >= count_required_input(labels, self.recipe.network.stack) else []

    def name_labels(self, fingerprint: str) -> str:
        """Returns a corpus's fingerprint, with that of its phones, which depend on what is installed."""
        if self.phones is None:
            return fingerprint
        return hashlib.sha256(f"{fingerprint} {self.phone_labels}".encode()).hexdigest()

    @cached_property
    def learnable(self) -> list[int]:
        """Indices of the utterances that have frames enough for their labels after stacking."""
        frames = self.store.frames.tolist()
        return [index for index in range(len(self.store)) if frames[index] >= self.required_frames(index)]

    def _encode(self, utterance: Utterance) -> list[int]:
        try:
            return self.alphabet.encode(utterance.text)
        except TextError as error:
            raise TextError(f"{self.store.split}.jsonl, {utterance.id}: {error}") from error

    def required_frames(self, index: int) -> int:
        """Returns the fewest frames, before stacking, with which CTC can emit an utterance's labels."""
        longest = max(self.labels[index], self.phone_labels[index], key=count_required_frames)
        return count_required_input(longest, self.recipe.network.stack)

    def make(self, index: int) -> Example:
        """Returns an utterance as it is."""
        features = to_network_input(self.store[index], self.recipe.input, self.features, self.cmvn)
        return Example(self.store.utterances[index].id, features, self.labels[index], self.phone_labels[index])

    def vary(self, index: int, epoch: int) -> Example:
        """Returns an utterance varied, or noise in its place; the seed, the epoch and the utterance decide alone."""
        rng = np.random.default_rng((self.recipe.training.seed, epoch, index))
        augment = settle(self.recipe.augment, epoch / self.recipe.training.epochs)
        labels, phones = self.labels[index], self.phone_labels[index]
        # nothing is drawn where there is no noise alone, so that other recipes vary as they always did
        if augment.noise_alone and rng.random() < augment.noise_alone:
            labels, phones = [], []
            noise = make_noise(int(self.store.frames[index]), self.noises, self.features, rng)
            heard = equalize(noise, self.recipe.input, self.features)
        else:
            fewest = self.required_frames(index)
            level = equalize(self.store[index], self.recipe.input, self.features)
            heard = augment_features(level, augment, self.features, fewest, rng, self.noises)
        features = finish_features(heard, self.recipe.input, self.features, self.cmvn)
        return Example(self.store.utterances[index].id, features, labels, phones)

    def explain_unlearnable(self) -> list[str]:
        """Returns a line for each utterance that CTC cannot learn: what it has, what it would need."""
        unlearnable = sorted(set(range(len(self.store))) - set(self.learnable))
        stack, frames = self.recipe.network.stack, self.store.frames.tolist()
        return [
            f"{self.store.utterances[index].id}: {explain_unlearnable(frames[index], self.labels[index], stack)};"
            " is its transcript right?"
            for index in unlearnable
        ]
