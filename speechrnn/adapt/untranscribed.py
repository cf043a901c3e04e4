"""A model that goes on learning from recordings whose words nobody wrote down, by what it hears in them itself.

References:
    Kahn, Lee and Hannun, Self-training for end-to-end speech recognition, ICASSP 2020: a model learns from texts that
    it heard itself with a language model's help, the surest of them.
    Zou, Yu, Kumar and Wang, Unsupervised domain adaptation for semantic segmentation via class-balanced self-training,
    ECCV 2018: the surest of each kind, or what is heard easily would crowd out the rest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speechrnn.adapt.adaptation import (
    DATA,
    NAMELESS,
    ROUND,
    RUN,
    begin_adaptation,
    check_origin,
    choose_recipe,
    find_layout,
    name_again,
    read_recordings,
)
from speechrnn.audio import SAMPLE_RATE, is_audio, measure_duration, read_signal, read_utterance
from speechrnn.config import FeatureConfig, PrepareConfig
from speechrnn.console import abridge, count_of, note, show_progress, warn_each
from speechrnn.errors import AudioError, CorpusError
from speechrnn.features import Features, compute_mfcc
from speechrnn.manifest import Utterance, write_manifest
from speechrnn.modelfile import find_weights, read_model_info
from speechrnn.modelinfo import ModelInfo
from speechrnn.outputs import claim, write_atomically
from speechrnn.parallel import map_in_order
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.corpus import UNSPLIT, Splits, find_split
from speechrnn.prepare.pipeline import prepare_corpus
from speechrnn.prepare.plan import plan_corpus
from speechrnn.prepare.report import report_set_aside
from speechrnn.prepare.speakers import FrameSum
from speechrnn.score.assessment import Assessment, assess
from speechrnn.score.entries import Entry
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.phrases import PhraseDecoder
from speechrnn.transcribe.reading import Reading
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import LONGEST_SECONDS, cut_recording, cut_signal
from speechrnn.words import to_text

HEARD = "heard"
"""The folder of a round that holds what was heard, as manifests that a person can read."""

_LAST = "dev.jsonl"
"""The last of these manifests that is written."""

_TEST = "test"
"""The folder with what was kept apart, and, with .jsonl, its manifest."""

_HELP = "lm, words, phrases or letters"
"""What an adaptation's folder remembers of them: a hash."""

_EPOCHS = 8
"""Of a round: what it heard wrongly is not learned too well."""

_SURE = 0.7
"""The share of what was heard that is learned from."""

_OFTEN = 10
"""What is heard so many times is compared with its like, and anything else with all."""

_DEV_EVERY = 6
"""One in so many of the kept utterances chooses the epoch."""


class Heard(NamedTuple):
    """An utterance with the text that was heard in it, and a number that grows with how sure that is.

    It is the log-odds, in nats, of one phrase of several, or else the mean confidence, in [0, 1], of the words.
    """

    utterance: Utterance
    sureness: float


def adapt_untranscribed(
    reading: Reading,
    recordings: Path,
    out: Path,
    *,
    layout: str = "",
    rounds: int = 3,
    spell_numbers: bool = False,
    overrides: Sequence[str] = (),
    force: bool = False,
) -> tuple[Path, Assessment | None]:
    """Returns the adapted model's folder, and how well it does beside the model that it was, where that can be told.

    In each round the model of the last one hears everything, and learns from the surest of it. Texts are not looked at,
    but for those of a split for testing beside others: nothing of it is heard, and it tells what was brought.
    A killed adaptation goes on where it was, and more rounds can be asked for.

    Args:
        reading: The model, and what helps it hear: a language model, or what can be said at all.
        recordings: A recording, a folder of them, or a manifest; what is longer than half a minute is cut at pauses.
        out: Where the rounds are kept, each with what was heard, that prepared, and the run.
        layout: How the recordings are laid out, as `prepare` names it; empty to find out.
        rounds: How often; 1 or more.
        spell_numbers: Turn figures in the test's texts into words.
        overrides: Settings of each round's training that are changed: optimizer.learning_rate=1e-4.
        force: Begin again.

    Raises:
        CorpusError: The recordings cannot be used, are in another language than the model's, or too little was heard.
        ModelError: A model cannot be read, or is exported.
        OutputError: `out` holds something else, the model or the recordings, or another process is at it.
        RecipeError: A setting is unknown, or would not leave the model what it is.
        TextError: What can be said cannot be used.
        TrainingError: The training fails.
        ValueError: There is no round.
    """
    if rounds < 1:
        raise ValueError(f"rounds ({rounds}) must be 1 or more")
    reading = replace(reading, model=find_weights(reading.model))
    info = read_model_info(reading.model)
    recipe = choose_recipe(info, overrides, _EPOCHS)
    options = {
        "recordings": str(recordings.resolve()),
        "layout": layout,
        "settings": " ".join(overrides),
        _HELP: reading.hash(reading.open()),  # opening raises what it will raise before anything is done
    }
    listed, test = _read_splits(info, recordings, layout)
    check_origin(out, reading.model, force, options, recordings)
    with claim(out):
        begin_adaptation(out, reading.model, force, options)
        config = PrepareConfig(lang=info.lang, numbers="spell" if spell_numbers else "refuse", features=info.features)
        before = _judge_beginning(reading, test, out, config, info) if test else {}
        utterances = _cut_all(listed)
        means = _measure_means(utterances, info.features) if info.recipe.input.cmvn == "speaker" else {}
        learner = reading
        for number in range(1, rounds + 1):
            folder = out / f"{ROUND}{number}"
            note(f"round {number} of {rounds}")
            if not (folder / HEARD / _LAST).exists():
                _write_heard(folder / HEARD, choose_surest(_hear_all(learner, utterances, means)))
            _prepare(folder / HEARD, folder / DATA, config, info)
            again = name_again(recordings, out)
            train_model(folder / DATA, recipe, folder / RUN, resume=True, init=learner.model, again=again)
            learner = replace(reading, model=find_weights(folder / RUN))
    if not test:
        return folder / RUN, None
    references, after = _transcribe_test(out / _TEST, learner)
    return folder / RUN, assess(references, after, others=before, other_name="before")


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


def _read_splits(info: ModelInfo, recordings: Path, layout: str) -> tuple[list[Utterance], Sequence[Utterance]]:
    """Returns what shall be heard, and what is kept apart to test: a split of its own, beside others."""
    if is_audio(recordings) and recordings.exists():
        found: Splits = {UNSPLIT: [Utterance(str(recordings.resolve()), "")]}
    else:
        found = read_recordings(info, find_corpus(layout or find_layout(recordings)), recordings)
    named = {split: [replace(one, speaker=one.speaker or NAMELESS) for one in each] for split, each in found.items()}
    tests = [split for split in named if find_split(split) == "test"] if len(named) > 1 else []
    if len(tests) > 1:
        note(f"{abridge(tests)} are not heard, and several are not tested at once: speechrnn score tells")
    listed = list(chain.from_iterable(each for split, each in named.items() if split not in tests))
    return listed, named[tests[0]] if len(tests) == 1 else ()


def _judge_beginning(
    reading: Reading, test: Sequence[Utterance], out: Path, config: PrepareConfig, info: ModelInfo
) -> Mapping[str, Entry]:
    """Returns what the model that shall learn hears in the test; raises CorpusError where none of it can be used."""
    manifest = (out / _TEST).with_suffix(".jsonl")
    with write_atomically(manifest) as path:
        write_manifest(path, test)
    _prepare(manifest, out / _TEST, config, info)
    return _transcribe_test(out / _TEST, reading)[1]


def _prepare(manifests: Path, out: Path, config: PrepareConfig, info: ModelInfo) -> None:
    """Prepares manifests, and says what was set aside; raises CorpusError where a split has nothing left."""
    plan = plan_corpus(find_corpus("nemo"), manifests, config, letters="".join(info.alphabet.symbols[1:]))
    prepared = prepare_corpus(plan, out)
    report_set_aside(out, prepared)
    if empty := [split for split, one in prepared.splits.items() if not one.utterances]:
        raise CorpusError(f"{manifests}: nothing in {empty[0]} can be used")


def _cut_all(recordings: Sequence[Utterance]) -> list[Utterance]:
    """Returns utterances of at most half a minute, without texts, each with an id of its own.

    What cannot be read is named and left out.
    """
    utterances: list[Utterance] = []
    refused: list[str] = []
    seen: Counter[str] = Counter()
    with show_progress("Looking through", len(recordings), "recordings") as advance:
        for one in recordings:
            seen[one.id] += 1
            id = one.id if seen[one.id] == 1 else f"{one.id}#{seen[one.id]}"
            try:
                utterances += _cut(replace(one, id=id, text=""))
            except AudioError as error:
                refused.append(f"left out {id}: {error}")
            advance(1)
    warn_each(refused)
    return utterances


def _cut(one: Utterance) -> Iterator[Utterance]:
    path = Path(one.audio_filepath)
    length = measure_duration(path) - one.offset
    duration = one.duration or length
    if duration <= LONGEST_SECONDS:
        yield replace(one, duration=duration)
        return
    whole = not one.offset and duration >= length
    for piece in cut_recording(path) if whole else cut_signal([read_signal(path, one.offset, duration)]):
        if piece.spoken:
            seconds = len(piece.signal) / SAMPLE_RATE
            yield replace(one, id=f"{one.id}-{piece.start:.2f}", offset=one.offset + piece.start, duration=seconds)


def _measure_means(utterances: Sequence[Utterance], mfcc: FeatureConfig) -> dict[str, Features]:
    """Returns the mean of all MFCC, (coefficients,), of each speaker."""

    def measure(one: Utterance) -> FrameSum | None:
        with suppress(AudioError):  # which is said when it is heard
            return FrameSum.of([compute_mfcc(read_utterance(one), mfcc)])
        return None

    spoken: dict[str, list[FrameSum]] = defaultdict(list)
    with show_progress("Knowing the speakers", len(utterances), "utterances") as advance:
        for one, heard in zip(utterances, map_in_order(measure, utterances), strict=True):
            spoken[one.speaker] += [heard] if heard else []
            advance(1)
    return {speaker: FrameSum.of(sums).mean for speaker, sums in spoken.items() if sums}


def _hear_all(reading: Reading, utterances: Sequence[Utterance], means: Mapping[str, Features]) -> list[Heard]:
    """Returns the utterances in which something was heard, with that; what cannot be read is named and left out."""
    recognizer = reading.open()
    listeners = {speaker: recognizer.listener.for_speaker(mean) for speaker, mean in means.items()}
    refused: list[str] = []

    def hear(one: Utterance) -> Heard | None:
        listener = listeners.get(one.speaker, recognizer.listener)
        try:
            log_probs = listener.compute_log_probs(read_utterance(one), recognizer.reads_phones)
        except AudioError as error:
            refused.append(f"left out {one.id}: {error}")
            return None
        text, sureness = _read(recognizer, log_probs)
        return Heard(replace(one, text=text), sureness) if text else None

    with show_progress("Hearing", len(utterances), "utterances") as advance:
        heard: list[Heard] = []
        for one in map_in_order(hear, utterances):
            heard += [one] if one else []
            advance(1)
    warn_each(sorted(refused))
    note(f"heard something in {len(heard)} of {count_of(len(utterances), 'utterance')}")
    return heard


def _read(recognizer: Recognizer, log_probs: NDArray[np.float32]) -> tuple[str, float]:
    """Returns what log_probs, (frames, classes), say, and how sure that is; nothing where they say nothing.

    Of phrases it is the log-odds: nearly all confidences would be 1.
    """
    if isinstance(recognizer.decoder, PhraseDecoder):
        best = recognizer.decoder.decode(log_probs)
        return (best[0].text, best[0].log_odds or 0.0) if best else ("", 0.0)
    words = recognizer.read(log_probs)
    return to_text(words), sum(word.confidence for word in words) / max(1, len(words))


def _write_heard(folder: Path, kept: Sequence[Utterance]) -> None:
    """Writes what is learned from, and what chooses the epoch, of each text some, as manifests.

    Raises:
        CorpusError: There is too little to learn from.
    """
    ordered = sorted(kept, key=lambda one: (one.text, one.id))
    dev = ordered[::_DEV_EVERY]
    train = [one for place, one in enumerate(ordered) if place % _DEV_EVERY]
    if not train:
        raise CorpusError(
            f"{count_of(len(ordered), 'utterance')} to learn from is too little; record more, or help it to hear"
            " with another --lm, --words or --phrases"
        )
    note(f"learning from the surest {len(train)}; {len(dev)} more choose the epoch")
    folder.mkdir(parents=True, exist_ok=True)
    for name, utterances in (("train.jsonl", train), (_LAST, dev)):
        with write_atomically(folder / name) as path:
            write_manifest(path, utterances)


def _transcribe_test(data: Path, reading: Reading) -> tuple[dict[str, Entry], dict[str, Entry]]:
    recognizer = reading.open()
    return transcribe_split(data, "test", recognizer.listener, recognizer.decoder)
