"""A recording as one page that opens from disk: along the time axis one hears and sees what the network computes."""

import base64
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speechrnn.audio import SAMPLE_RATE
from speechrnn.explain.cells import run_lstm, run_rnn
from speechrnn.explain.listening import KINDS, CellRun, hear_layer
from speechrnn.explain.view import View
from speechrnn.outputs import write_atomically
from speechrnn.score.html import encode_sound, to_script
from speechrnn.transcribe.torch_listener import TorchListener

_TEMPLATE = "page.html"
_LIKELIEST = 5


def write_page(view: View, listener: TorchListener | None, title: str, layer: int, path: Path) -> None:
    """Writes the page, over what is there.

    Args:
        view: The recording, and what the network says.
        listener: The network, whose equations are filled in where its cells are RNN or LSTM; None for none.
        title: What the page is called.
        layer: Whose cells they are, from 1.
        path: The page.

    Raises:
        ModelError: The network has no such layer.
        OutputError: The page cannot be written.
    """
    runs: list[CellRun] = []
    if listener and listener.info.recipe.network.kind in KINDS:
        runs = hear_layer(listener.model.network, listener.compute_input(view.signal), layer)
    page = render_page(view, runs, title, layer)
    with write_atomically(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def render_page(view: View, runs: Sequence[CellRun], title: str, layer: int) -> str:
    """Returns the page.

    Args:
        view: The recording, and what the network says.
        runs: The cells whose equations are filled in; none for a network without them.
        title: What the page is called.
        layer: The cells' layer, from 1.
    """
    data = {
        "title": title.encode(errors="replace").decode(),  # a file's name may be no text
        "seconds": view.seconds,
        "rate": SAMPLE_RATE,
        "frameSeconds": view.frame_seconds,
        "frames": len(view.shares),
        "bands": view.shares.shape[1],
        "spectrogram": _encode(np.round(255 * view.shares).astype(np.uint8)),
        "sound": base64.b64encode(encode_sound(view.signal)).decode("ascii"),
        "best": view.best,
        "likeliest": _list_likeliest(view),
        "entropy": np.round(view.entropy, 3).tolist() if view.symbols else [],
        "words": [[word.text, word.start, word.end] for word in view.words],
        "layer": layer,
        "cells": [describe_cell(run) for run in runs],
    }
    template = files("speechrnn.explain").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return template.replace("/*DATA*/", to_script(data), 1)


def describe_cell(run: CellRun) -> dict[str, object]:
    """Returns what the equations of a cell are filled in with, frame by frame in the order of time.

    input and recurrent are U x and W h of the neighbouring frame, (frames, rows) each; bias is (rows,); memory and
    output are (frames, units). The arrays are little-endian float32 in base 64.
    """
    weights = run.weights
    if run.kind == "rnn":
        output, memory = run_rnn(weights, run.sequence), None
    else:
        steps = run_lstm(weights, run.sequence)
        output, memory = (torch.stack([getattr(step, name) for step in steps]) for name in ("output", "memory"))
    before = torch.cat([torch.zeros_like(output[:1]), output[:-1]])
    return {
        "kind": run.kind,
        "backward": run.backward,
        "units": weights.w.shape[1],
        "input": _encode(run.in_time(run.sequence @ weights.u.T)),
        "recurrent": _encode(run.in_time(before @ weights.w.T)),
        "bias": _encode(weights.b),
        "memory": None if memory is None else _encode(run.in_time(memory)),
        "output": _encode(run.in_time(output)),
    }


def _list_likeliest(view: View) -> list[list[tuple[str, float]]]:
    places = np.argsort(-view.probabilities, axis=1)[:, :_LIKELIEST]
    return [
        [(view.symbols[place], round(float(row[place]), 4)) for place in best]
        for row, best in zip(view.probabilities, places, strict=True)
    ]


def _encode(values: Tensor | np.ndarray) -> str:
    array = values.float().numpy() if isinstance(values, Tensor) else values
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
