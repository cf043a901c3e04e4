"""A trained model as one ONNX file, checked against torch before it is kept."""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.console import note
from speechrnn.counts import ErrorCounts, format_rate
from speechrnn.errors import ModelError, OutputError
from speechrnn.modelfile import load_model, save_model
from speechrnn.outputs import refuse_existing, write_atomically
from speechrnn.score.scoring import score_transcripts
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.graph import FEATURE_NODE, build_graph
from speechrnn.transcribe.listener import Listener
from speechrnn.transcribe.onnx_listener import OnnxListener
from speechrnn.transcribe.torch_listener import TorchListener

_TOLERANCE = 1e-3
"""By which an exported graph's probability may differ from torch's, in float32."""


def export_model(
    path: Path, out: Path, *, int8: bool = False, data: Path | None = None, split: str = "dev", force: bool = False
) -> None:
    """Writes a model as ONNX: from a 16 kHz signal of any length to log_probs, with all that it says about itself.

    Args:
        path: A model file, or a run's folder.
        out: The file to write.
        int8: Weights of layers as 8-bit integers; only error rates can say what that costs.
        data: A prepared corpus, on which both are scored.
        split: The split of `data`.
        force: Replace what is there.

    Raises:
        CorpusError: `data` does not fit the model.
        ModelError: The model cannot be read, or the graph does not compute what it computes.
        OutputError: The file is in the way, or cannot be written.
    """
    refuse_existing(out, force)
    model = load_model(path)
    graph = build_graph(model)
    with write_atomically(out) as temporary:
        temporary.write_bytes(_to_integers(graph) if int8 else graph.SerializeToString())
        theirs, ours = TorchListener(model), OnnxListener.load(temporary)
        difference = max(_compare(theirs, ours, signal) for signal in _make_signals())
        if not int8 and not difference < _TOLERANCE:
            raise ModelError(f"{path}: its graph's probabilities differ by {difference:.2g} from torch's; not kept")
        note(f"largest difference of a probability from torch's: {difference:.2g}")
        if data is not None:
            for name, listener in (("torch", theirs), ("onnx", ours)):
                note(f"{name:<6} {split} {format_rate('WER', _count_errors(listener, data, split))}")
    note(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def export_weights(path: Path, out: Path, force: bool = False) -> None:
    """Writes a model's weights in half precision: half the size for those who let it learn on.

    Raises:
        ModelError: The model cannot be read, or has weights that half precision does not reach.
        OutputError: The file is in the way, or cannot be written.
    """
    refuse_existing(out, force)
    model = load_model(path)
    largest = max(float(weights.abs().max()) for weights in model.network.state_dict().values())
    if largest > torch.finfo(torch.float16).max:
        raise ModelError(f"{path}: has weights up to {largest:.3g}, which half precision does not reach; export .onnx")
    save_model(model, out, torch.float16)
    note(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def _to_integers(graph: onnx.ModelProto) -> bytes:
    """Returns the graph with its layers' weights as 8-bit integers; the features stay as they are."""
    kept = [node.name for node in graph.graph.node if node.name.startswith(FEATURE_NODE)]
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(graph, before)
        logging.disable(logging.WARNING)  # it recommends a preparation that is made for images
        try:
            quantize_dynamic(
                before,
                after,
                nodes_to_exclude=kept,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["MatMul", "LSTM"],
            )
        except Exception as error:  # onnx and protobuf each have their own for a file that was cut short
            raise OutputError(f"{folder}: the graph cannot be made smaller there; is there space left?") from error
        finally:
            logging.disable(logging.NOTSET)
        return after.read_bytes()


def _make_signals() -> list[Signal]:
    """Returns noise that swells and fades, of different lengths, and of one window more or less."""
    rng = np.random.default_rng(0)
    return [
        (rng.normal(0, 0.1, samples) * (1.1 + np.sin(np.arange(samples) / 2000))).astype(np.float32)
        for samples in (SAMPLE_RATE // 2, 12345, 40000)
    ]


def _compare(left: Listener, right: Listener, signal: Signal) -> float:
    """Returns the largest difference between two models' probabilities, of letters and of phones."""
    differences = []
    for phones in (False, True) if left.info.phones else (False,):
        expected, found = left.compute_log_probs(signal, phones), right.compute_log_probs(signal, phones)
        differences.append(float(np.abs(np.exp(expected) - np.exp(found)).max()))
    return max(differences)


def _count_errors(listener: Listener, data: Path, split: str) -> ErrorCounts:
    return score_transcripts(*transcribe_split(data, split, listener)).words
