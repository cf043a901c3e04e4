"""A model that goes on learning from recordings whose words nobody wrote down, by what it hears in them itself.

References:
    Kahn, Lee and Hannun, Self-training for end-to-end speech recognition, ICASSP 2020: a model learns from texts that
    it heard itself with a language model's help, the surest of them.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from speechrnn.adapt.adaptation import NAMELESS, choose_recipe, hash_recipe, read_recordings
from speechrnn.adapt.folder import (
    DATA,
    HEARD,
    HEARD_FILES,
    RUN,
    TEST,
    count_rounds,
    name_again,
    name_round,
    open_folder,
)
from speechrnn.adapt.hearing import Recordings, choose_surest
from speechrnn.audio import is_audio
from speechrnn.config import PrepareConfig, Recipe
from speechrnn.console import abridge, count_of, note, warn
from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance, write_manifest
from speechrnn.modelfile import find_weights, read_model_info
from speechrnn.modelinfo import MODEL_FILE, ModelInfo
from speechrnn.outputs import write_atomically
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.corpora.folder import read_folder
from speechrnn.prepare.corpora.nemo import MANIFEST_ENDINGS, read_nemo, recognize_manifests
from speechrnn.prepare.corpus import UNSPLIT, Corpus, Splits, find_split
from speechrnn.prepare.pipeline import prepare_corpus
from speechrnn.prepare.plan import hash_splits, plan_corpus
from speechrnn.prepare.report import report_set_aside
from speechrnn.score.assessment import Assessment, assess
from speechrnn.score.entries import Entry
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.reading import Reading
from speechrnn.utterances import UtteranceList

_EPOCHS = 8
"""Of a round: what it heard wrongly is not learned too well."""

_DEV_EVERY = 6
"""One in so many of the kept utterances chooses the epoch."""


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
) -> Assessment | None:
    """Returns how well the adapted model does beside the model that it was, where that can be told.

    In each round the model of the last one hears everything, and learns from the surest of it. Texts are not looked at,
    but for those of a split for testing beside others: nothing of it is heard, and it tells what was brought.
    A killed adaptation goes on where it was, and more rounds can be asked for.

    Args:
        reading: The model, and what helps it hear: a language model, or what can be said at all.
        recordings: A recording, a folder of them, or a manifest; what is longer than half a minute is cut at pauses.
        out: Where the model is kept, in `out`/run, and the rounds, each with what was heard, that prepared, and a run.
        layout: How the recordings are laid out, as `prepare` names it; empty for one manifest, several named after
            splits, or a folder of any depth.
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
        ValueError: There is no round, or `reading` helps in ways that exclude each other.
    """
    if rounds < 1:
        raise ValueError(f"rounds ({rounds}) must be 1 or more")
    reading = replace(reading, model=find_weights(reading.model))
    info = read_model_info(reading.model)
    recipe = choose_recipe(info, overrides, _EPOCHS)
    reading.open()  # raises what it will raise before anything is done
    listed, test = _read_splits(info, recordings, layout)
    options = {"settings": hash_recipe(recipe), "recordings": hash_splits({"": listed}), **reading.describe()}
    with open_folder(out, reading.model, recordings, force, options):
        if test:
            _prepare_test(test, out, info, spell_numbers)
        unheard, learner = Recordings(listed, info), reading
        for number in range(1, rounds + 1):
            note(f"round {number} of {rounds}")
            run = _learn(unheard, learner, name_round(out, number), recipe, info, name_again(recordings, out))
            learner = replace(reading, model=find_weights(run))
        if (further := count_rounds(out)) > rounds:
            note(f"{out / RUN} is now the model of round {rounds} of {further}; {name_round(out, further)} stays")
        with write_atomically(out / RUN / MODEL_FILE) as path:
            shutil.copyfile(learner.model, path)
        if not test:
            return None
        before, (references, after) = _transcribe_test(out, reading)[1], _transcribe_test(out, learner)
    return assess(references, after, others=before, other_name="before")


def _read_splits(info: ModelInfo, recordings: Path, layout: str) -> tuple[Sequence[Utterance], Sequence[Utterance]]:
    """Returns what shall be heard, without texts, and what is kept apart to test: a split of its own, beside others."""
    if _is_one(recordings, layout):
        found: Splits = {UNSPLIT: [Utterance(str(recordings.resolve()), "")]}
    else:
        found = read_recordings(info, _choose_corpus(recordings, layout), recordings)
    tests = [split for split in found if find_split(split) == "test"] if recordings.is_dir() else []
    if not any(found.values()):
        raise CorpusError(f"{recordings}: holds no utterances")
    if len(tests) == len(found):
        raise CorpusError(
            f"{recordings}: there is nothing but {abridge(tests)}, for testing, which is not heard; put what shall be"
            " heard beside it, in train, say, or name it alone"
        )
    listed = UtteranceList(
        replace(one, text="", speaker=one.speaker or NAMELESS)
        for one in chain.from_iterable(each for split, each in found.items() if split not in tests)
    )
    if len(tests) > 1:
        note(f"{abridge(tests)} are not heard; they are several, so that speechrnn score tells what was brought")
    test = [replace(one, speaker=one.speaker or NAMELESS) for one in found[tests[0]]] if len(tests) == 1 else []
    if test and not any(one.text.strip() for one in test):
        note(f"{tests[0]} is not heard; it has no texts that would tell what was brought")
        test = []
    heard = {(one.audio_filepath, one.offset) for one in listed} if test else set()
    if twice := sum((one.audio_filepath, one.offset) in heard for one in test):
        warn(f"{count_of(twice, 'utterance')} of {tests[0]} are also heard; what they tell is too good")
    return listed, test


def _is_one(recordings: Path, layout: str) -> bool:
    """Returns whether it is one recording; any file may be, but for a manifest, if nobody says how it is laid out."""
    manifest = layout or recordings.suffix in MANIFEST_ENDINGS
    return recordings.is_file() and (is_audio(recordings) or not manifest)


def _choose_corpus(recordings: Path, layout: str) -> Corpus:
    """Returns how recordings are laid out, read so that none needs a text."""
    if not recordings.exists():
        raise CorpusError(f"{recordings}: is not there; name a recording, a folder of them, or a manifest")
    manifests = recognize_manifests(recordings)
    if not layout and manifests and "train" not in map(find_split, manifests):
        raise CorpusError(
            f"{recordings}: {abridge(manifests)} is for testing, and no manifest says what shall be heard; name one, or"
            " --layout folder for all recordings there"
        )
    corpus = find_corpus(layout or ("nemo" if manifests or recordings.is_file() else "folder"))
    if corpus.name == "folder":
        return replace(corpus, read=partial(read_folder, untranscribed=True))
    if corpus.name == "nemo":
        return replace(corpus, read=partial(read_nemo, untranscribed=True))
    return corpus


def _prepare_test(test: Sequence[Utterance], out: Path, info: ModelInfo, spell_numbers: bool) -> None:
    """Prepares what tells what was brought; raises CorpusError where none of it can be used."""
    corpus = replace(find_corpus("nemo"), read=lambda *_: {TEST: test})
    _prepare(corpus, out / TEST, out / TEST, info, spell_numbers)


def _learn(unheard: Recordings, learner: Reading, folder: Path, recipe: Recipe, info: ModelInfo, again: str) -> Path:
    """Returns the run of a round, in which a model learns from what it hears; what was done of it is not done again."""
    if not (folder / HEARD / HEARD_FILES[-1]).exists():
        _write_heard(folder / HEARD, choose_surest(unheard.hear(learner)))
    _prepare(find_corpus("nemo"), folder / HEARD, folder / DATA, info)
    train_model(folder / DATA, recipe, folder / RUN, resume=True, init=learner.model, again=again)
    return folder / RUN


def _prepare(corpus: Corpus, source: Path, out: Path, info: ModelInfo, spell_numbers: bool = False) -> None:
    """Prepares a corpus, and says what was set aside; raises CorpusError where a split has nothing left."""
    config = PrepareConfig(lang=info.lang, numbers="spell" if spell_numbers else "refuse", features=info.features)
    plan = plan_corpus(corpus, source, config, letters="".join(info.alphabet.symbols[1:]))
    prepared = prepare_corpus(plan, out, force=True)
    report_set_aside(out, prepared)
    if empty := [split for split, one in prepared.splits.items() if not one.utterances]:
        raise CorpusError(f"{source}: nothing in {empty[0]} can be used")


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
            " with another --lm, --words or --phrases, of which one is all that is said between two pauses"
        )
    note(f"learning from the surest {len(train)}; {len(dev)} more choose the epoch, by what was heard in them")
    folder.mkdir(parents=True, exist_ok=True)
    for name, utterances in zip(HEARD_FILES, (train, dev), strict=True):
        with write_atomically(folder / name) as path:
            write_manifest(path, utterances)


def _transcribe_test(out: Path, reading: Reading) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """Returns the texts of the test, and what is heard in it, by id."""
    recognizer = reading.open()
    return transcribe_split(out / TEST, TEST, recognizer.listener, recognizer.decoder)
