"""A model as one ONNX graph, from the signal to log_probs: operators by name, weights as they were trained.

Torch's own exporters fix the length of an LSTM's input, or need a compiler; ONNX has the recurrent cells as operators,
both directions in one, so the graph is written out here.

References:
    ONNX operator specifications, opset 17.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from speechrnn.features import VARIANCE_FLOOR, Cmvn, Features, make_dct, make_filters, make_fourier
from speechrnn.modelfile import Model
from speechrnn.modelinfo import METADATA_KEY, dump_info
from speechrnn.network import AcousticNetwork, PerceptronLayer, RecurrentLayer, StridedConvolution
from speechrnn.transcribe.onnx_listener import OUTPUTS, SPEAKER_MEAN

_OPSET = 17

_GATES = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 3, 1, 2]}
"""ONNX's order of a cell's gates, as places in torch's."""

FEATURE_NODE = "feature"
"""The names of nodes before the network begin so; they stay in float32 where weights become integers."""


class Graph:
    """Operators and weights, as they are added."""

    def __init__(self) -> None:
        """Makes an empty graph."""
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.prefix = FEATURE_NODE

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds an operator and returns the name of its first output."""
        name = f"{self.prefix}{len(self.nodes)}"
        outputs = [name, f"{name}_where"] if operator == "TopK" else [name]
        self.nodes.append(helper.make_node(operator, list(inputs), outputs, name=name, **attributes))
        return name

    def hold(self, value: NDArray[Any] | Tensor | np.float32 | Sequence[int]) -> str:
        """Adds a constant and returns its name."""
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def build_graph(model: Model) -> onnx.ModelProto:
    """Returns a model's graph: from "signal" (samples,) to "log_probs" (frames, classes), and "phone_log_probs" too."""
    graph = Graph()
    features = _add_mfcc(graph, model)
    inputs = [helper.make_tensor_value_info("signal", TensorProto.FLOAT, ["samples"])]
    if model.cmvn is not None and model.cmvn.centre is not None:
        features = _add_move(graph, features, model.cmvn.centre)
        inputs.append(helper.make_tensor_value_info(SPEAKER_MEAN, TensorProto.FLOAT, model.cmvn.centre.shape))
    features = _add_range(graph, features, model)
    seen = _add_normalization(graph, _add_deltas(graph, features, model.info.recipe.input.deltas), model.cmvn)
    graph.prefix = "network"
    frames = _add_network(graph, model.network, seen)
    heads = [(model.network.output, model.info.alphabet), (model.network.phone_output, model.info.phones)]
    outputs = []
    for name, (linear, symbols) in zip(OUTPUTS, heads, strict=True):
        if linear is not None and symbols is not None:
            graph.nodes.append(helper.make_node("LogSoftmax", [_add_linear(graph, frames, linear)], [name], axis=-1))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["frames", symbols.classes]))
    made = helper.make_model(
        helper.make_graph(graph.nodes, "speechrnn", inputs, outputs, graph.weights),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
    )
    helper.set_model_props(made, {METADATA_KEY: dump_info(model.info)})
    onnx.checker.check_model(made)
    return made


def _add_mfcc(graph: Graph, model: Model) -> str:
    """Adds framing, Fourier transform, mel filters, logarithm and cosine transform; (frames, coefficients)."""
    config = model.info.features
    parts = make_fourier(config)  # (2 × bins, window): framing and transform are one convolution with strides
    samples = graph.add("Unsqueeze", "signal", graph.hold(np.asarray([0, 1])))
    spectrum = graph.add("Conv", samples, graph.hold(parts[:, None]), strides=[config.hop_samples])
    power = graph.add("Transpose", graph.add("Mul", spectrum, spectrum), perm=[0, 2, 1])
    filters = make_filters(config)
    mel = graph.add("MatMul", graph.add("Squeeze", power, graph.hold([0])), graph.hold(np.concatenate([filters] * 2)))
    log_mel = graph.add("Log", graph.add("Add", mel, graph.hold(np.float32(1e-6))))
    return graph.add("MatMul", log_mel, graph.hold(make_dct(config)))


def _add_move(graph: Graph, features: str, centre: Features) -> str:
    """Adds what moves a speaker's mean to the corpus's; it is an input that is the corpus's where nobody gives one."""
    graph.weights.append(numpy_helper.from_array(centre, SPEAKER_MEAN))
    return graph.add("Add", graph.add("Sub", features, SPEAKER_MEAN), graph.hold(centre))


def _add_range(graph: Graph, features: str, model: Model) -> str:
    """Adds equal loudness, and the floor under energies far below the loudest, which one in a hundred exceeds."""
    settings, dct = model.info.recipe.input, make_dct(model.info.features)
    if not (settings.range_db or settings.equal_loudness):
        return features
    channels = graph.add("MatMul", features, graph.hold(dct.T))
    flat = graph.add("Reshape", channels, graph.hold([-1]))
    louder = graph.add("Div", graph.add("Shape", flat), graph.hold([100]))
    count = graph.add("Add", louder, graph.hold([1]))
    largest = graph.add("Gather", graph.add("TopK", flat, count), louder)
    if settings.equal_loudness:
        channels, largest = graph.add("Sub", channels, largest), graph.hold(np.zeros(1, dtype=np.float32))
    if settings.range_db:
        depth = np.float32(settings.range_db * math.log(10) / 10)
        channels = graph.add("Max", channels, graph.add("Sub", largest, graph.hold(depth)))
    return graph.add("MatMul", channels, graph.hold(dct))


def _add_deltas(graph: Graph, features: str, order: int) -> str:
    """Adds differences over time beside the coefficients: The HTK Book, equation 5.16, as a convolution."""
    parts = [features]
    for _ in range(order):
        rows = graph.add("Unsqueeze", graph.add("Transpose", parts[-1], perm=[1, 0]), graph.hold([1]))
        padded = graph.add("Pad", rows, graph.hold([0, 0, 2, 0, 0, 2]), mode="edge")
        slope = graph.add("Conv", padded, graph.hold(np.asarray([[[-0.2, -0.1, 0.0, 0.1, 0.2]]])))
        parts.append(graph.add("Transpose", graph.add("Squeeze", slope, graph.hold([1])), perm=[1, 0]))
    return graph.add("Concat", *parts, axis=1) if order else features


def _add_normalization(graph: Graph, features: str, cmvn: Cmvn | None) -> str:
    if cmvn is not None:
        centred = graph.add("Sub", features, graph.hold(cmvn.mean))
        return graph.add("Div", centred, graph.hold(cmvn.deviation))
    centred = graph.add("Sub", features, graph.add("ReduceMean", features, axes=[0]))
    variance = graph.add("ReduceMean", graph.add("Mul", centred, centred), axes=[0])
    floored = graph.add("Max", variance, graph.hold(np.float32(VARIANCE_FLOOR)))
    return graph.add("Div", centred, graph.add("Sqrt", floored))


def _add_network(graph: Graph, network: AcousticNetwork, features: str) -> str:
    """Adds the layers over (frames, coefficients); returns what the last one makes of them, (frames, units)."""
    if network.convolution is None:
        frames = _add_stacking(graph, features, network.config.stack)
    else:
        frames = _add_convolution(graph, features, network.convolution)
    for layer in network.layers:
        if isinstance(layer, RecurrentLayer):
            frames = _add_recurrence(graph, frames, layer)
        else:
            assert isinstance(layer, PerceptronLayer)
            frames = _add_perceptron(graph, frames, layer)
    return frames


def _add_stacking(graph: Graph, features: str, count: int) -> str:
    """Adds the stacking of `count` neighbouring frames, the last of them filled with zeros."""
    shape = graph.add("Shape", features)
    length, width = (graph.add("Gather", shape, graph.hold([place])) for place in (0, 1))
    missing = graph.add("Mod", graph.add("Neg", length), graph.hold([count]))
    nothing = graph.hold([0])
    padded = graph.add("Pad", features, graph.add("Concat", nothing, nothing, missing, nothing, axis=0))
    wide = graph.add("Mul", width, graph.hold([count]))
    return graph.add("Reshape", padded, graph.add("Concat", graph.hold([-1]), wide, axis=0))


def _add_convolution(graph: Graph, features: str, front: StridedConvolution) -> str:
    convolution = front.convolution
    rows = graph.add("Unsqueeze", graph.add("Transpose", features, perm=[1, 0]), graph.hold([0]))
    weight, bias = graph.hold(convolution.weight), graph.hold(_bias(convolution.bias))
    margin = convolution.kernel_size[0] // 2
    convolved = graph.add("Conv", rows, weight, bias, strides=[convolution.stride[0]], pads=[margin, margin])
    frames = graph.add("Transpose", graph.add("Squeeze", convolved, graph.hold([0])), perm=[1, 0])
    return graph.add("Relu", _add_norm(graph, frames, front.norm))


def _add_perceptron(graph: Graph, frames: str, layer: PerceptronLayer) -> str:
    """Adds a layer that sees neighbours as a convolution over them."""
    seen = layer.before + 1 + layer.after
    weight = layer.linear.weight.reshape(len(layer.linear.weight), seen, -1).transpose(1, 2)
    rows = graph.add("Unsqueeze", graph.add("Transpose", frames, perm=[1, 0]), graph.hold([0]))
    bias = graph.hold(_bias(layer.linear.bias))
    convolved = graph.add("Conv", rows, graph.hold(weight), bias, pads=[layer.before, layer.after])
    looked = graph.add("Transpose", graph.add("Squeeze", convolved, graph.hold([0])), perm=[1, 0])
    return _add_norm(graph, graph.add("Relu", looked), layer.norm)


def _add_recurrence(graph: Graph, frames: str, layer: RecurrentLayer) -> str:
    cells = [cell for cell in (layer.forward_cell, layer.backward_cell) if cell is not None]
    kind, units = type(cells[0]).__name__, cells[0].hidden_size
    inner, outer, left, right = (
        np.stack([_order(getattr(cell, f"{name}_l0"), kind) for cell in cells])
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    biases = np.concatenate([left, right], axis=1)
    sequence = graph.add("Unsqueeze", frames, graph.hold([1]))
    attributes: dict[str, Any] = {"hidden_size": units, "direction": "bidirectional" if len(cells) > 1 else "forward"}
    if kind == "GRU":
        attributes["linear_before_reset"] = 1  # torch's variant
    outputs = graph.add(kind, sequence, graph.hold(inner), graph.hold(outer), graph.hold(biases), **attributes)
    flat = graph.add("Reshape", outputs, graph.hold([-1, units * len(cells)]))  # (frames, directions, 1, units) before
    return _add_norm(graph, flat, layer.norm)


def _add_norm(graph: Graph, frames: str, norm: nn.LayerNorm) -> str:
    weight, bias = graph.hold(norm.weight), graph.hold(norm.bias)
    return graph.add("LayerNormalization", frames, weight, bias, axis=-1, epsilon=norm.eps)


def _add_linear(graph: Graph, frames: str, linear: nn.Linear) -> str:
    product = graph.add("MatMul", frames, graph.hold(linear.weight.T))
    return graph.add("Add", product, graph.hold(_bias(linear.bias)))


def _bias(bias: Tensor | None) -> Tensor:
    assert bias is not None
    return bias


def _order(weight: Tensor, kind: str) -> NDArray[np.float32]:
    """Returns a cell's weights with its gates in ONNX's order."""
    gates = np.split(weight.detach().cpu().numpy(), len(_GATES[kind]))
    return np.concatenate([gates[place] for place in _GATES[kind]])
