"""Decoding as one speaks: a model that reads only forward, over samples as they come.

In whatever chunks they come, log_probs are those of the whole signal. They lag behind it by what a frame needs beyond
its own beginning: the rest of its window, two frames for each order of differences, the frames that are stacked or
convolved with it.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speechrnn.audio import Signal
from speechrnn.errors import ModelError
from speechrnn.features import append_deltas, compute_mfcc, normalize_features
from speechrnn.modelfile import Model
from speechrnn.network import AcousticNetwork, PerceptronLayer, RecurrentLayer
from speechrnn.transcribe.listener import Listener
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.transcribe.torch_listener import TorchListener
from speechrnn.words import Word

Rows = NDArray[np.float32]

_DELTA_REACH = 2
"""Frames on each side that a difference over time is taken from."""


class StreamingRecognizer:
    """Hears one utterance, chunk by chunk."""

    def __init__(self, recognizer: Recognizer) -> None:
        """Takes a recogniser, which several of these may share.

        Raises:
            ModelError: Its model needs the whole utterance.
        """
        if reason := explain_waiting(recognizer.listener):
            raise ModelError(f"{recognizer.name}: cannot write while one speaks, since {reason}")
        assert isinstance(recognizer.listener, TorchListener)
        self._recognizer = recognizer
        self._draft = Recognizer(recognizer.listener, recognizer.name)
        self._mfcc = _make_mfcc(recognizer.listener)
        self._stages = _make_stages(recognizer.listener.model, recognizer.reads_phones)
        self._letters = recognizer.info.alphabet.classes
        phones = recognizer.info.phones.classes if recognizer.reads_phones and recognizer.info.phones else 0
        self._rows = np.zeros((0, self._letters + phones), dtype=np.float32)

    @property
    def log_probs(self) -> Rows:
        """What is known so far, (frames, classes), natural log."""
        return self._rows[:, : self._letters]

    def accept(self, samples: Signal) -> list[Word]:
        """Returns the words so far, after more samples at 16 kHz, read greedily; the last one may still grow.

        Raises:
            AudioError: The samples are too large.
        """
        with torch.inference_mode():
            self._advance(self._mfcc.push(samples), last=False)
        return self._draft.read(self.log_probs)

    def finish(self) -> list[Word]:
        """Returns the words of the whole utterance, as the recogniser reads them; none in less than a window."""
        with torch.inference_mode():
            self._advance(None, last=True)
        phones = self._rows[:, self._letters :]
        return self._recognizer.read(phones if self._recognizer.reads_phones else self.log_probs)

    def _advance(self, rows: Rows | None, last: bool) -> None:
        for stage in self._stages:
            rows = stage.push(rows, last)
        if rows is not None:
            self._rows = np.concatenate([self._rows, rows])


def explain_waiting(listener: Listener) -> str:
    """Returns why a model cannot read an utterance that goes on; empty where it can."""
    if not isinstance(listener, TorchListener):
        return "an exported model takes whole signals"
    if listener.warps > 1:
        return "it hears as several lengths of the vocal tract (--warps)"
    recipe = listener.info.recipe
    if recipe.network.bidirectional:
        return "its layers also read backward (network.bidirectional)"
    if recipe.input.cmvn == "utterance":
        return 'it normalises by the whole utterance (input.cmvn = "utterance")'
    if recipe.input.range_db or recipe.input.equal_loudness:
        return "it looks for the loudest part of the whole utterance (input.range_db, input.equal_loudness)"
    return ""


class _Stage(Protocol):
    def push(self, rows: Rows | None, last: bool) -> Rows | None:
        """Returns what becomes of further rows, as far as it is known; all that is left where they are the last."""


class _Local:
    """A stage in which what becomes of `stride` rows depends on a few rows before and after them alone.

    The function that computes it for a whole utterance is applied to these rows and their neighbours; it treats the
    edges of what it is given as the edges of an utterance, so what lies near an edge that is none is left out.
    """

    def __init__(self, compute: Callable[[Rows], Rows], before: int = 0, after: int = 0, stride: int = 1) -> None:
        self._compute, self._before, self._after, self._stride = compute, before, after, stride
        self._held: Rows | None = None
        self._done = 0  # of the rows that are held

    def push(self, rows: Rows | None, last: bool = False) -> Rows | None:
        parts = [part for part in (self._held, rows) if part is not None]
        if not parts:
            return None
        self._held = held = np.concatenate(parts)
        ready = len(held) if last else (len(held) - self._after) // self._stride * self._stride
        if ready <= self._done:
            return None
        seen = held[: ready + self._after]
        found = self._compute(seen)[self._done // self._stride : -(-ready // self._stride)]
        start = max(0, (ready - self._before) // self._stride * self._stride)
        self._held, self._done = held[start:], ready - start
        return found


class _Recurrent:
    """A recurrent layer, which remembers."""

    def __init__(self, layer: RecurrentLayer) -> None:
        self._layer = layer
        self._state: Any = None

    def push(self, rows: Rows | None, last: bool) -> Rows | None:
        if rows is None:
            return None
        heard, self._state = self._layer.forward_cell(torch.from_numpy(rows)[:, None], self._state)
        normed: Tensor = self._layer.norm(heard)
        return normed[:, 0].numpy()


def _make_mfcc(listener: TorchListener) -> _Local:
    """Returns the stage from samples to MFCC; the rest of a window that is not full makes no frame."""
    features, move = listener.info.features, listener.move
    overlap = features.window_samples - features.hop_samples
    return _Local(lambda samples: compute_mfcc(samples, features) + move, after=overlap, stride=features.hop_samples)


def _make_stages(model: Model, phones: bool) -> list[_Stage]:
    """Returns the stages from MFCC to log_probs, those of phones beside them where they are wanted."""
    deltas, network = model.info.recipe.input.deltas, model.network
    reach = _DELTA_REACH * deltas
    return [
        _Local(lambda mfcc: append_deltas(mfcc, deltas), before=reach, after=reach),
        _Local(lambda features: normalize_features(features, model.cmvn)),
        _make_front(network),
        *(_make_layer(layer) for layer in network.layers),
        _Local(lambda rows: _score(network, torch.from_numpy(rows), phones)),
    ]


def _score(network: AcousticNetwork, rows: Tensor, phones: bool) -> Rows:
    scores = [network.score(rows), *([network.score_phones(rows)] if phones else [])]
    return torch.cat(scores, dim=-1).numpy()


def _make_front(network: AcousticNetwork) -> _Local:
    """Returns the stage that stacks or convolves frames; a convolution's middle is a stack's first frame."""
    reach = network.config.kernel // 2 if network.config.front == "convolution" else 0
    stride = network.config.stack

    def compute(rows: Rows) -> Rows:
        return network.thin(torch.from_numpy(rows)[None], torch.tensor([len(rows)]))[0][0].numpy()

    return _Local(compute, before=reach, after=max(0, reach + 1 - stride), stride=stride)


def _make_layer(layer: nn.Module) -> _Stage:
    if isinstance(layer, RecurrentLayer):
        return _Recurrent(layer)
    assert isinstance(layer, PerceptronLayer)

    def compute(rows: Rows) -> Rows:
        found: Tensor = layer(torch.from_numpy(rows)[:, None], torch.tensor([len(rows)]))
        return found[:, 0].numpy()

    return _Local(compute, before=layer.before, after=layer.after)
