"""A model that goes on learning from recordings whose words nobody wrote down, by what it hears in them itself.

References:
    Kahn, Lee and Hannun, Self-training for end-to-end speech recognition, ICASSP 2020: a model learns from texts that
    it heard itself with a language model's help, the surest of them.
    Zou, Yu, Kumar and Wang, Unsupervised domain adaptation for semantic segmentation via class-balanced self-training,
    ECCV 2018: the surest of each kind, or what is heard easily would crowd out the rest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
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
    choose_recipe,
    find_layout,
    name_again,
    read_recordings,
    settle_origin,
)
from speechrnn.audio import SAMPLE_RATE, is_audio, measure_duration, read_signal, read_utterance
from speechrnn.config import PrepareConfig
from speechrnn.console import count_of, note, show_progress, warn_each
from speechrnn.errors import AudioError, CorpusError
from speechrnn.features import compute_mfcc
from speechrnn.manifest import Utterance, write_manifest
from speechrnn.modelfile import find_weights, read_model_info
from speechrnn.outputs import write_atomically
from speechrnn.parallel import map_in_order
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.corpus import UNSPLIT, Splits
from speechrnn.prepare.pipeline import prepare_corpus
from speechrnn.prepare.plan import plan_corpus
from speechrnn.prepare.speakers import FrameSum
from speechrnn.score.assessment import Assessment, assess
from speechrnn.score.entries import Entry
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.listener import Listener
from speechrnn.transcribe.phrases import PhraseDecoder
from speechrnn.transcribe.reading import Reading
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.segments import LONGEST_SECONDS, cut_recording, cut_signal
from speechrnn.words import Word, to_text

HEARD = "heard"
"""The folder of a round that holds what was heard, as manifests that a person can read."""

_LAST = "dev.jsonl"
"""The last of these manifests that is written."""

_EPOCHS = 8
"""Of a round: what it heard wrongly is not learned too well."""

_SURE = 0.7
"""The share of what was heard that is learned from."""

_OFTEN = 10
"""What is heard so many times is compared with its like, and anything else with all."""

_DEV_EVERY = 6
"""One in so many of the kept utterances chooses the epoch."""


class Heard(NamedTuple):
    """An utterance with the text that was heard in it, and a number that grows with how sure that is."""

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
    but for those of a split named test beside others: nothing of it is heard, and it tells what was brought.
    A killed adaptation goes on where it was, and more rounds can be asked for.

    Args:
        reading: The model, and what helps it hear: a language model, or the only words there are.
        recordings: A recording, a folder of them, or a manifest; what is longer than half a minute is cut at pauses.
        out: Where the rounds are kept, each with what was heard, that prepared, and the run.
        layout: How the recordings are laid out, as `prepare` names it; empty to find out.
        rounds: How often.
        spell_numbers: Turn figures in the test's texts into words.
        overrides: Settings of each round's training that are changed: optimizer.learning_rate=1e-4.
        force: Begin again.

    Raises:
        CorpusError: The recordings cannot be used, are in another language than the model's, or nothing was heard.
        ModelError: A model cannot be read, or is exported.
        OutputError: `out` holds something else, or the model itself.
        RecipeError: A setting is unknown, or would not leave the model what it is.
        TextError: The only words there are cannot be used.
        TrainingError: The training fails.
    """
    reading = replace(reading, model=find_weights(reading.model))
    info = read_model_info(reading.model)
    recipe = choose_recipe(info, overrides, _EPOCHS)
    reading.open()  # raises what it will raise before anything is done
    if is_audio(recordings):
        found: Splits = {UNSPLIT: [Utterance(str(recordings.resolve()), "")]}
    else:
        found = read_recordings(info, find_corpus(layout or find_layout(recordings)), recordings)
    splits = {split: [replace(one, speaker=one.speaker or NAMELESS) for one in each] for split, each in found.items()}
    test = splits.pop("test") if "test" in splits and len(splits) > 1 else ()
    given = {"lm": reading.lm, "words": reading.words, "phrases": reading.phrases, "letters": reading.letters}
    options = {name: str(value or "") for name, value in given.items()}
    settle_origin(out, reading.model, force, {"recordings": str(recordings.resolve()), **options})
    config = PrepareConfig(lang=info.lang, numbers="spell" if spell_numbers else "refuse", features=info.features)
    letters = "".join(info.alphabet.symbols[1:])
    utterances = _cut_all(chain.from_iterable(splits.values()))
    learner = reading
    for number in range(1, rounds + 1):
        folder = out / f"{ROUND}{number}"
        note(f"round {number} of {rounds}")
        if not (folder / HEARD / _LAST).exists():
            _write_heard(folder / HEARD, choose_surest(_hear_all(learner, utterances)), test)
        prepare_corpus(plan_corpus(find_corpus("nemo"), folder / HEARD, config, letters=letters), folder / DATA)
        again = name_again(recordings, out)
        train_model(folder / DATA, recipe, folder / RUN, resume=True, init=learner.model, again=again)
        learner = replace(reading, model=find_weights(folder / RUN))
    if not test:
        return folder / RUN, None
    _, before = _transcribe_test(folder / DATA, reading)
    references, after = _transcribe_test(folder / DATA, learner)
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


def _cut_all(listed: Iterable[Utterance]) -> list[Utterance]:
    """Returns utterances of at most half a minute, without texts; what cannot be read is named and left out."""
    recordings = list(listed)
    utterances: list[Utterance] = []
    refused: list[str] = []
    with show_progress("Looking through", len(recordings), "recordings") as advance:
        for one in recordings:
            try:
                utterances += _cut(replace(one, text=""))
            except AudioError as error:
                refused.append(f"left out {one.id}: {error}")
            advance(1)
    warn_each(refused)
    return utterances


def _cut(one: Utterance) -> Iterator[Utterance]:
    path = Path(one.audio_filepath)
    duration = one.duration or measure_duration(path) - one.offset
    if duration <= LONGEST_SECONDS:
        yield replace(one, duration=duration)
        return
    whole = not one.offset and one.duration is None
    for piece in cut_recording(path) if whole else cut_signal([read_signal(path, one.offset, duration)]):
        if piece.spoken:
            seconds = len(piece.signal) / SAMPLE_RATE
            yield replace(one, id=f"{one.id}-{piece.start:.2f}", offset=one.offset + piece.start, duration=seconds)


def _hear_all(reading: Reading, utterances: Sequence[Utterance]) -> list[Heard]:
    """Returns the utterances in which something was heard, with that."""
    recognizer = reading.open()
    known = _know_speakers(recognizer, utterances)

    def hear(one: Utterance) -> Heard | None:
        listener = known.get(one.speaker, recognizer.listener)
        log_probs = listener.compute_log_probs(read_utterance(one), recognizer.reads_phones)
        words = recognizer.read(log_probs)
        return (
            Heard(replace(one, text=to_text(words)), _measure_sureness(recognizer, log_probs, words)) if words else None
        )

    with show_progress("Hearing", len(utterances), "utterances") as advance:
        heard: list[Heard] = []
        for one in map_in_order(hear, utterances):
            heard += [one] if one else []
            advance(1)
    note(f"heard something in {len(heard)} of {count_of(len(utterances), 'utterance')}")
    return heard


def _measure_sureness(recognizer: Recognizer, log_probs: NDArray[np.float32], words: Sequence[Word]) -> float:
    """Returns the log-odds of the phrase, where there are few: confidences of 1 would all be alike; or their mean."""
    if isinstance(recognizer.decoder, PhraseDecoder):
        return recognizer.decoder.decode(log_probs)[0].log_odds or 0.0
    return sum(word.confidence for word in words) / len(words)


def _know_speakers(recognizer: Recognizer, utterances: Sequence[Utterance]) -> dict[str, Listener]:
    """Returns who listens to each speaker, where the model was taught with speakers' own means; none otherwise."""
    listener = recognizer.listener
    if listener.info.recipe.input.cmvn != "speaker":
        return {}
    sums: dict[str, FrameSum] = {}
    for one in utterances:
        features = compute_mfcc(read_utterance(one), listener.info.features)
        sums[one.speaker] = FrameSum.of([features, *([sums[one.speaker]] if one.speaker in sums else [])])
    return {speaker: listener.for_speaker(spoken.mean) for speaker, spoken in sums.items()}


def _write_heard(folder: Path, kept: Sequence[Utterance], test: Sequence[Utterance]) -> None:
    """Writes what is learned from, what chooses the epoch, of each text some, and what tests, as manifests.

    Raises:
        CorpusError: There is too little to learn from.
    """
    ordered = sorted(kept, key=lambda one: (one.text, one.id))
    dev = ordered[::_DEV_EVERY]
    train = [one for place, one in enumerate(ordered) if place % _DEV_EVERY]
    if not train:
        raise CorpusError(
            f"{count_of(len(ordered), 'utterance')} to learn from is too little; record more, or name --lm or --words"
            " that help to hear"
        )
    note(f"learning from the surest {len(ordered)}")
    folder.mkdir(parents=True, exist_ok=True)
    splits = {"test.jsonl": test, "train.jsonl": train, _LAST: dev}
    for name, utterances in splits.items():
        if utterances:
            with write_atomically(folder / name) as path:
                write_manifest(path, utterances)


def _transcribe_test(data: Path, reading: Reading) -> tuple[dict[str, Entry], dict[str, Entry]]:
    recognizer = reading.open()
    return transcribe_split(data, "test", recognizer.listener, recognizer.decoder)
