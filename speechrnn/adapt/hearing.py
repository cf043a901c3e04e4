"""What a model hears in recordings whose words nobody wrote down, how sure it is, and what of that it learns from.

References:
    Zou, Yu, Kumar and Wang, Unsupervised domain adaptation for semantic segmentation via class-balanced self-training,
    ECCV 2018: the surest of each kind, or what is heard easily would crowd out the rest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, measure_duration, read_utterance
from speechrnn.console import count_of, note, show_progress, warn, warn_each
from speechrnn.errors import AudioError, CorpusError
from speechrnn.features import Features, compute_mfcc
from speechrnn.manifest import Utterance, is_utf8, to_utf8
from speechrnn.modelinfo import ModelInfo
from speechrnn.parallel import map_in_order
from speechrnn.prepare.speakers import FrameSum
from speechrnn.transcribe.phrases import PhraseDecoder
from speechrnn.transcribe.reading import Reading
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import LONGEST_SECONDS, cut_recording
from speechrnn.words import to_text

_SURE = 0.7
"""The share of what was heard that is learned from."""

_OFTEN = 10
"""What is heard so many times is compared with its like, and anything else with all."""


class Heard(NamedTuple):
    """An utterance with the text that was heard in it, and a number that grows with how sure that is.

    It is the log-odds, in nats, of one phrase of several, or else the mean confidence, in [0, 1], of the words.
    """

    utterance: Utterance
    sureness: float


class Recordings:
    """Recordings that one model hears again and again; they are cut when they are first heard."""

    def __init__(self, listed: Sequence[Utterance], info: ModelInfo) -> None:
        """Takes recordings, their texts not looked at, and what the models are like that will hear them."""
        self._listed = listed
        self._info = info

    def hear(self, reading: Reading) -> list[Heard]:
        """Returns the utterances in which something is heard, with that; what cannot be read is named and left out.

        Raises:
            CorpusError: None can be read.
            ModelError: As `Reading.open`.
            TextError: As `Reading.open`.
        """
        self._require_some()
        recognizer = reading.open()
        listeners = {speaker: recognizer.listener.for_speaker(mean) for speaker, mean in self._means.items()}
        refused: dict[str, str] = {}

        def listen(one: Utterance) -> Heard | None:
            listener = listeners.get(one.speaker, recognizer.listener)
            try:
                log_probs = listener.compute_log_probs(read_utterance(one), recognizer.reads_phones)
            except AudioError as error:
                refused[one.id] = str(error)
                return None
            text, sureness = _read(recognizer, log_probs)
            return Heard(replace(one, text=text), sureness) if text else None

        heard: list[Heard] = []
        with show_progress("Hearing", len(self._utterances), "utterances") as advance:
            for one in map_in_order(listen, self._utterances):
                if one:
                    heard.append(one)
                advance(1)
        warn_each([f"set aside {id}: {reason}" for id, reason in sorted(refused.items())])
        self._utterances = [one for one in self._utterances if one.id not in refused]
        self._require_some()
        told = f"heard something in {len(heard)} of {count_of(len(self._utterances), 'utterance')}"
        if 2 * len(heard) < len(self._utterances) and reading.phrases:
            warn(f"{told}; are these phrases what is said?")
        else:
            note(told)
        return heard

    def _require_some(self) -> None:
        if not self._utterances:
            raise CorpusError("none of the recordings can be heard")

    @cached_property
    def _utterances(self) -> list[Utterance]:
        """Utterances of at most half a minute, without texts, each with an id of its own."""
        utterances: list[Utterance] = []
        refused: list[str] = []
        counts: Counter[str] = Counter()
        taken: set[str] = set()

        def tell_apart(one: Utterance) -> Utterance:
            id = one.id
            while id in taken:
                counts[one.id] += 1
                id = f"{one.id}#{counts[one.id] + 1}"
            taken.add(id)
            return replace(one, id=id)

        with show_progress("Looking through", len(self._listed), "recordings") as advance:
            for one in self._listed:
                try:
                    utterances += map(tell_apart, list(_cut(one)))
                except AudioError as error:
                    refused.append(f"set aside {to_utf8(one.id)}: {error}")
                advance(1)
        warn_each(refused)
        return utterances

    @cached_property
    def _means(self) -> dict[str, Features]:
        """Of each speaker the mean of all MFCC, (coefficients,), where the model wants it."""
        if self._info.recipe.input.cmvn != "speaker":
            return {}

        def measure(one: Utterance) -> FrameSum | None:
            with suppress(AudioError):  # which is said when it is heard
                return FrameSum.of([compute_mfcc(read_utterance(one), self._info.features)])
            return None

        spoken: dict[str, list[FrameSum]] = defaultdict(list)
        with show_progress("Knowing the speakers", len(self._utterances), "utterances") as advance:
            for one, frames in zip(self._utterances, map_in_order(measure, self._utterances), strict=True):
                if frames:
                    spoken[one.speaker].append(frames)
                advance(1)
        return {speaker: FrameSum.of(sums).mean for speaker, sums in spoken.items()}


def choose_surest(heard: Sequence[Heard]) -> list[Utterance]:
    """Returns utterances to learn from: the surest seven tenths of what was heard, and of each text heard often."""
    alike = Counter(one.utterance.text for one in heard)

    def name_kind(one: Heard) -> str:
        return one.utterance.text if alike[one.utterance.text] >= _OFTEN else ""

    kinds: dict[str, list[float]] = defaultdict(list)
    for one in heard:
        kinds[name_kind(one)].append(one.sureness)
    if "" in kinds:
        kinds[""] = [one.sureness for one in heard]
    limits = {kind: float(np.quantile(values, 1 - _SURE)) for kind, values in kinds.items()}
    return [one.utterance for one in heard if one.sureness >= limits[name_kind(one)]]


def _cut(one: Utterance) -> Iterator[Utterance]:
    """Yields what is said between pauses, of what is longer than half a minute; without texts.

    Raises:
        AudioError: The recording cannot be read, or its name not written down.
    """
    if not is_utf8(one.id + one.audio_filepath):
        raise AudioError("its name is not UTF-8; rename it")
    path = Path(one.audio_filepath)
    duration = one.duration or measure_duration(path, one.offset)
    if duration <= LONGEST_SECONDS:
        yield replace(one, duration=duration, text="")
        return
    silent = True
    for piece in cut_recording(path, one.offset, one.duration):
        if piece.spoken:
            id, seconds = f"{one.id}-{piece.start:.2f}", len(piece.signal) / SAMPLE_RATE
            yield replace(one, id=id, text="", offset=piece.start, duration=seconds)
            silent = False
    if silent:
        raise AudioError(f"{path}: nobody speaks in it")


def _read(recognizer: Recognizer, log_probs: NDArray[np.float32]) -> tuple[str, float]:
    """Returns what log_probs, (frames, classes), say, and how sure that is; nothing where they say nothing.

    Of phrases it is the log-odds: nearly all confidences would be 1. Silence is no reading of what was recorded to be
    learned from: a voice that is hardly heard would never be.
    """
    if isinstance(recognizer.decoder, PhraseDecoder):
        best = recognizer.decoder.decode(log_probs, spoken=True)
        return (best[0].text, best[0].log_odds or 0.0) if best else ("", 0.0)
    words = recognizer.read(log_probs)
    return to_text(words), sum(word.confidence for word in words) / max(1, len(words))
