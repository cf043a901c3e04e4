"""A prepared split through a model, from the stored features."""

from pathlib import Path

import torch

from speechrnn.batches import Example
from speechrnn.console import show_progress
from speechrnn.errors import CorpusError
from speechrnn.features import to_network_input
from speechrnn.modelfile import Model
from speechrnn.prepare.prepared import list_parts, read_prepared
from speechrnn.prepare.store import FeatureStore
from speechrnn.train.evaluate import compute_log_probs, read_greedily

_BATCH_SECONDS = 60


def transcribe_split(folder: Path, split: str, model: Model) -> tuple[dict[str, str], dict[str, str]]:
    """Returns references and hypotheses of a prepared split, both by utterance id.

    Raises:
        CorpusError: The folder is not prepared, lacks the split, or has other features or another language.
    """
    prepared, info = read_prepared(folder), model.info
    if split not in prepared.splits:
        raise CorpusError(f"{folder}: no split {split!r}; there is {', '.join(prepared.splits)}")
    if prepared.config.features != info.features:
        raise CorpusError(
            f"{folder}: its features are not those that the model reads; prepare it again like the model's corpus"
        )
    if prepared.lang != info.lang:
        raise CorpusError(f"{folder}: is in language {prepared.lang!r}, the model in {info.lang!r}")
    store = FeatureStore(list_parts(folder), split)

    def make(index: int) -> Example:
        features = to_network_input(store[index], info.recipe.input, info.features, model.cmvn)
        return Example(store.utterances[index].id, features, ())

    hypotheses: dict[str, str] = {}
    frames = round(_BATCH_SECONDS * 1000 / info.features.hop_ms)
    device = torch.device("cpu")
    with show_progress("Transcribing", len(store), "utterances") as advance:
        for batch, log_probs, lengths in compute_log_probs(model.network, make, store.frames.tolist(), frames, device):
            hypotheses |= zip(batch.ids, read_greedily(log_probs, lengths, info.alphabet), strict=True)
            advance(len(batch.ids))
    references = {utterance.id: utterance.text for utterance in store.utterances}
    return references, {id: hypotheses[id] for id in references}
