"""A prepared split through a model, from the stored features."""

from pathlib import Path

import torch

from speechrnn.console import show_progress
from speechrnn.errors import CorpusError
from speechrnn.modelfile import Model
from speechrnn.prepare.pipeline import read_prepared
from speechrnn.prepare.store import FeatureStore
from speechrnn.train.evaluate import evaluate
from speechrnn.train.examples import ExampleSource

_BATCH_SECONDS = 200


def transcribe_split(folder: Path, split: str, model: Model) -> tuple[dict[str, str], dict[str, str]]:
    """Returns references and hypotheses of a prepared split, both by utterance id.

    Raises:
        CorpusError: The folder is not prepared, lacks the split, or has other features or another alphabet.
    """
    prepared = read_prepared(folder)
    if split not in prepared.splits:
        raise CorpusError(f"{folder}: no split {split!r}; there is {', '.join(prepared.splits)}")
    info = model.info
    if prepared.config.features != info.features:
        raise CorpusError(
            f"{folder}: its features are not those that the model reads; prepare it again like the model's corpus"
        )
    source = ExampleSource(FeatureStore(folder, split), info.recipe, info.features, model.cmvn, info.alphabet)
    frames = round(_BATCH_SECONDS * 1000 / info.features.hop_ms)
    with show_progress("Transcribing", len(source.store), "utterances") as advance:
        transcripts = evaluate(model.network, source, frames, torch.device("cpu"), advance).transcripts
    return {id: text for id, text, _ in transcripts}, {id: text for id, _, text in transcripts}
