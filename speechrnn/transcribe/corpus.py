"""A prepared split through a model, from the stored features."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.audio import read_utterance
from speechrnn.batches import plan_batches
from speechrnn.console import show_progress
from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.modelinfo import ModelInfo
from speechrnn.parallel import map_in_order
from speechrnn.prepare.prepared import list_parts, read_prepared
from speechrnn.prepare.speakers import move_speakers, sum_speakers
from speechrnn.prepare.store import FeatureStore
from speechrnn.score.entries import Entry
from speechrnn.transcribe.listener import Listener
from speechrnn.transcribe.recognizer import Decoder, Recognizer
from speechrnn.transcribe.torch_listener import TorchListener
from speechrnn.words import to_text

_BATCH_SECONDS = 60


def transcribe_split(
    folder: Path, split: str, listener: Listener, decoder: Decoder | None = None
) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """Returns references and hypotheses of a prepared split, both by utterance id.

    Args:
        folder: A prepared corpus.
        split: One of its splits.
        listener: The model.
        decoder: Reads the log_probs; None for greedy decoding.

    Raises:
        CorpusError: The folder is not prepared, lacks the split, or has other features or another language.
    """
    recognizer = Recognizer(listener, "", decoder)

    def read(one: tuple[Utterance, NDArray[np.float32]]) -> tuple[Utterance, Entry]:
        utterance, log_probs = one
        words = recognizer.read(log_probs)
        text = to_text(words)
        times = tuple((word.start, word.end) for word in words)
        return utterance, Entry(text, times, tuple(word.confidence for word in words))

    heard = hear_split(folder, split, listener, phones=decoder is not None and decoder.reads_phones)
    hypotheses = {utterance.id: entry for utterance, entry in map_in_order(read, heard)}
    references = {one.id: describe(one) for one in FeatureStore(list_parts(folder), split).utterances}
    return references, {id: hypotheses[id] for id in references}


def describe(utterance: Utterance) -> Entry:
    """Returns what a corpus knows of an utterance."""
    return Entry(
        utterance.text,
        speaker=utterance.speaker,
        lang=utterance.lang,
        duration=utterance.duration,
        audio_filepath=utterance.audio_filepath,
        offset=utterance.offset,
    )


def hear_split(
    folder: Path, split: str, listener: Listener, phones: bool = False
) -> Iterator[tuple[Utterance, NDArray[np.float32]]]:
    """Yields each utterance of a prepared split with its log_probs, (frames, classes), in an order of its own.

    A model as it was trained reads the stored features; an exported one listens to the recordings.

    Raises:
        AudioError: A recording is gone.
        CorpusError: The folder is not prepared, lacks the split, or has other features or another language.
    """
    _check_fit(folder, split, listener.info)
    store = FeatureStore(list_parts(folder), split)
    with show_progress("Transcribing", len(store), "utterances") as advance:
        heard = (
            _hear_features(store, listener, phones)
            if isinstance(listener, TorchListener)
            else _hear_recordings(store, listener, phones)
        )
        for one in heard:
            yield one
            advance(1)


def _hear_features(
    store: FeatureStore, listener: TorchListener, phones: bool
) -> Iterator[tuple[Utterance, NDArray[np.float32]]]:
    cmvn = listener.model.cmvn
    if cmvn is not None and cmvn.centre is not None:
        store, _ = move_speakers(store, cmvn.centre)

    def hear(indices: Sequence[int]) -> list[tuple[Utterance, NDArray[np.float32]]]:
        heard = listener.read([store[index] for index in indices], phones)
        return [(store.utterances[index], log_probs) for index, log_probs in zip(indices, heard, strict=True)]

    # A batch a core: threads that share each small step wait for one another, and on a busy machine for ever.
    frames = round(_BATCH_SECONDS * 1000 / listener.info.features.hop_ms / listener.warps)
    for heard in map_in_order(hear, plan_batches(store.frames.tolist(), frames)):
        yield from heard


def _hear_recordings(
    store: FeatureStore, listener: Listener, phones: bool
) -> Iterator[tuple[Utterance, NDArray[np.float32]]]:
    sums = sum_speakers(store) if listener.info.recipe.input.cmvn == "speaker" else {}
    known = {speaker: listener.for_speaker(heard.mean) for speaker, heard in sums.items() if speaker}

    def hear(utterance: Utterance) -> tuple[Utterance, NDArray[np.float32]]:
        return utterance, known.get(utterance.speaker, listener).compute_log_probs(read_utterance(utterance), phones)

    return map_in_order(hear, store.utterances)


def _check_fit(folder: Path, split: str, info: ModelInfo) -> None:
    prepared = read_prepared(folder)
    if split not in prepared.splits:
        raise CorpusError(f"{folder}: no split {split!r}; there is {', '.join(prepared.splits)}")
    if prepared.config.features != info.features:
        raise CorpusError(
            f"{folder}: its features are not those that the model reads; prepare it again like the model's corpus"
        )
    if prepared.lang != info.lang:
        raise CorpusError(f"{folder}: is in language {prepared.lang!r}, the model in {info.lang!r}")
