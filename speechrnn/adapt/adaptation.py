"""A model that goes on learning from somebody's recordings, judged before and after on sentences kept apart."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from speechrnn.adapt.folder import DATA, RUN, name_again, open_folder
from speechrnn.audio import looks_like_audio
from speechrnn.config import PrepareConfig, Recipe
from speechrnn.console import note
from speechrnn.errors import CorpusError, RecipeError
from speechrnn.modelfile import find_weights, read_model_info
from speechrnn.modelinfo import ModelInfo
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.corpora.nemo import recognize_manifests
from speechrnn.prepare.corpus import UNSPLIT, Corpus, Splits, find_split
from speechrnn.prepare.pipeline import prepare_corpus
from speechrnn.prepare.plan import CorpusPlan, plan_corpus
from speechrnn.prepare.prepared import PreparedCorpus
from speechrnn.prepare.report import report_plan, report_set_aside
from speechrnn.score.assessment import Assessment, assess
from speechrnn.score.entries import Entry
from speechrnn.settings import build_settings, dump_toml
from speechrnn.text import base_language, normalize
from speechrnn.train.folder import but_for_threads
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.decoding import make_decoder
from speechrnn.transcribe.listener import open_listener

_FEWEST = 3
"""Sentences, one for each split."""

NAMELESS = "somebody"
"""The speaker of recordings that name none."""

_HELD_OUT = 0.2
"""Of the sentences, how many are kept to choose the epoch, and as many to test: a tenth of few tells nothing."""


def adapt_model(
    model: Path,
    recordings: Path,
    out: Path,
    *,
    layout: str = "",
    spell_numbers: bool = False,
    overrides: Sequence[str] = (),
    lm: Path | None = None,
    force: bool = False,
) -> Assessment:
    """Returns how well the adapted model does on sentences that it never heard, beside the model that it was.

    It lies in `out`/run; a killed adaptation goes on where it was.

    Args:
        model: A run's folder or a model file, or the name of one that ships.
        recordings: A folder of recordings with their texts, or a manifest.
        out: Where the prepared recordings and the run are kept.
        layout: How the recordings are laid out, as `prepare` names it; empty to find out.
        spell_numbers: Turn figures in the texts into words.
        overrides: Settings of the training that are changed: optimizer.learning_rate=1e-4.
        lm: A language model that both are judged with, or None.
        force: Begin again.

    Raises:
        CorpusError: The recordings cannot be used, are in another language than the model's, or are too few to keep
            some apart.
        ModelError: The model cannot be read, or is exported.
        OutputError: `out` holds something else, or the model itself.
        RecipeError: A setting is unknown, or would not leave the model what it is.
        TrainingError: The training fails.
    """
    model = find_weights(model)
    info = read_model_info(model)
    recipe = choose_recipe(info, overrides)
    if lm:
        make_decoder(info, lm=lm)  # raises what it will raise before anything is done
    data, run = out / DATA, out / RUN
    plan = _plan(info, find_corpus(layout or find_layout(recordings)), recordings, spell_numbers)
    with open_folder(out, model, recordings, force, {"settings": hash_recipe(recipe)}):
        report_plan(plan)
        prepared = prepare_corpus(plan, data, force=force)
        _report(recordings, data, prepared)
        _, before = _transcribe(data, model, lm)
        train_model(data, recipe, run, resume=not force, force=force, init=model, again=name_again(recordings, out))
        references, after = _transcribe(data, run, lm)
    return assess(references, after, others=before, other_name="before")


def find_layout(recordings: Path) -> str:
    """Returns how recordings are laid out: manifests, a folder with metadata.tsv, or recordings with texts beside.

    Raises:
        CorpusError: It is one recording, or nothing is there.
    """
    if not recordings.exists() or looks_like_audio(recordings):
        found = "is a recording" if recordings.exists() else "is not there"
        raise CorpusError(f"{recordings}: {found}; name a folder of recordings with their texts, or a manifest")
    if recordings.is_file() or "train" in map(find_split, recognize_manifests(recordings)):
        return "nemo"
    return "tsv" if (recordings / "metadata.tsv").is_file() else "folder"


def make_recipe(info: ModelInfo, epochs: int = 20) -> Recipe:
    """Returns how a model goes on learning: as it learned, but in small steps, and not long enough to forget.

    The noise that it heard then lies on another machine, and it is no beginner, whom masks would slow down.
    """
    was = info.recipe
    return replace(
        was,
        augment=replace(was.augment, noise="", masks_from=0.0),
        optimizer=replace(was.optimizer, learning_rate=5e-4, warmup=0.1, decay="cosine", average=0.98),
        training=replace(was.training, epochs=epochs, patience=0, batch_seconds=20.0, dev_split="dev"),
    )


def choose_recipe(info: ModelInfo, overrides: Sequence[str], epochs: int = 20) -> Recipe:
    """Returns what `make_recipe` does, with overrides applied.

    Raises:
        RecipeError: A setting is unknown, or would not leave the model what it is.
    """
    recipe = build_settings(Recipe, asdict(make_recipe(info, epochs)), overrides, "adapt")
    if recipe.network != info.recipe.network or recipe.input != info.recipe.input:
        raise RecipeError("adapt: network and input are the model's and stay as they are; --set training, say")
    if bool(recipe.training.phones) != bool(info.recipe.training.phones):
        raise RecipeError("adapt: training.phones is the model's, and stays above 0 or is none")
    if recipe.training.dev_split != "dev":
        raise RecipeError("adapt: training.dev_split is dev, so that nothing is chosen on what is tested")
    return recipe


def hash_recipe(recipe: Recipe) -> str:
    """Returns a hash of a recipe without what changes only how fast it goes."""
    return hashlib.sha256(dump_toml(but_for_threads(recipe)).encode()).hexdigest()


def read_recordings(info: ModelInfo, corpus: Corpus, recordings: Path) -> Splits:
    """Returns the recordings that a model shall learn from, and their texts.

    Raises:
        CorpusError: They are not laid out as expected, or are in another language than the model's.
    """
    found = corpus.read(recordings.resolve(), ())
    foreign = {one.lang for listed in found.values() for one in listed if one.lang}
    if foreign := {lang for lang in foreign if base_language(lang) != base_language(info.lang)}:
        raise CorpusError(
            f"{recordings}: some of it is in {', '.join(sorted(foreign))}, and the model knows {info.lang}; mend lang"
            " in the manifest, or name a --model of that language"
        )
    return found


def _plan(info: ModelInfo, corpus: Corpus, recordings: Path, spell_numbers: bool) -> CorpusPlan:
    """Returns recordings as the model hears and writes; where they are in no splits, whole sentences are kept apart."""
    found = read_recordings(info, corpus, recordings)
    alone = UNSPLIT in found
    sentences = {normalize(one.text, info.lang) for one in found.get(UNSPLIT, ())} - {""}
    if alone and len(sentences) < _FEWEST:
        raise CorpusError(
            f"{recordings}: {len(sentences)} different sentences with a text (a .txt beside each recording, or"
            f" metadata.tsv, or another --layout); at least {_FEWEST} are needed, and dozens are better"
        )
    config = PrepareConfig(
        lang=info.lang,
        numbers="spell" if spell_numbers else "refuse",
        split="sentences" if alone else "speakers",
        held_out=_HELD_OUT,
        features=info.features,
    )
    plan = plan_corpus(corpus, recordings, config, letters="".join(info.alphabet.symbols[1:]))
    if absent := [split for split in ("train", "dev", "test") if split not in plan.splits]:
        raise CorpusError(
            f"{recordings}: nothing for {absent[0]}; there is {', '.join(plan.splits)}. Put all recordings into one"
            " folder, or some into each of train, dev and test"
        )
    if info.recipe.input.cmvn != "speaker":
        return plan
    # who has no name is the one to whom the model is adapted, and has a mean of his own like others
    return replace(
        plan,
        splits={
            split: [replace(one, speaker=one.speaker or NAMELESS) for one in utterances]
            for split, utterances in plan.splits.items()
        },
    )


def _report(recordings: Path, data: Path, prepared: PreparedCorpus) -> None:
    """Says on stderr what was set aside, and how much there is to learn from; raises where that is nothing."""
    report_set_aside(data, prepared)
    if empty := [split for split, one in prepared.splits.items() if not one.utterances]:
        raise CorpusError(
            f"{recordings}: all that fell to {empty[0]} was set aside; mend it or record more, then --force"
        )
    counts = ", ".join(
        f"{split} {one.utterances} ({one.seconds / 60:.1f} min)" for split, one in prepared.splits.items()
    )
    note(f"recordings: {counts}; only train is learned from, dev chooses the epoch, test tells what it brought")


def _transcribe(data: Path, model: Path, lm: Path | None) -> tuple[dict[str, Entry], dict[str, Entry]]:
    listener = open_listener(model)
    return transcribe_split(data, "test", listener, make_decoder(listener.info, beam=None, lm=lm) if lm else None)
