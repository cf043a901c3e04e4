"""One model, one file: weights and statistics as safetensors, everything else in its metadata. No pickle."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from speechrnn.config import FeatureConfig, Recipe
from speechrnn.counts import format_rate
from speechrnn.errors import ModelError
from speechrnn.features import Cmvn
from speechrnn.modelinfo import METADATA_KEY, ModelInfo, dump_info, find_model, parse_info
from speechrnn.network import AcousticNetwork, describe_network
from speechrnn.outputs import write_atomically
from speechrnn.shipped import EXPORTED, WEIGHTS, find_shipped
from speechrnn.text import Alphabet


@dataclass(frozen=True, slots=True)
class Model:
    """A network with what it needs to be used.

    Attributes:
        info: Settings, alphabet, language, provenance.
        network: The weights.
        cmvn: The training corpus's statistics; None where each utterance has its own.
    """

    info: ModelInfo
    network: AcousticNetwork
    cmvn: Cmvn | None


def build_network(
    recipe: Recipe, features: FeatureConfig, alphabet: Alphabet, phones: Alphabet | None = None
) -> AcousticNetwork:
    """Returns a network with fresh weights, drawn from torch's random state."""
    coefficients = features.coefficients * (recipe.input.deltas + 1)
    return AcousticNetwork(recipe.network, coefficients, alphabet.classes, phones.classes if phones else 0)


def save_model(model: Model, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Writes a model, its weights in float32 or float16; a reader never sees half of it.

    Raises:
        OutputError: The file cannot be written.
    """
    weights = model.network.state_dict()
    tensors = {f"network.{name}": tensor.to("cpu", dtype).contiguous() for name, tensor in weights.items()}
    if model.cmvn:
        tensors["cmvn.mean"] = torch.from_numpy(model.cmvn.mean)
        tensors["cmvn.deviation"] = torch.from_numpy(model.cmvn.deviation)
        if model.cmvn.centre is not None:
            tensors["cmvn.centre"] = torch.from_numpy(model.cmvn.centre)
    with write_atomically(path) as temporary:
        temporary.write_bytes(save(tensors, {METADATA_KEY: dump_info(model.info)}))


def load_model(path: Path) -> Model:
    """Returns the model in a file, or the best one of a run's folder, ready to be used on the CPU.

    Raises:
        ModelError: It is missing, no model of ours, cut short, or from a newer release.
    """
    file = find_weights(path)
    info, tensors = _read_file(file, with_weights=True)
    network = build_network(info.recipe, info.features, info.alphabet, info.phones)
    try:
        _fill_network(network, tensors)
        cmvn = _read_cmvn(tensors, info) if info.recipe.input.cmvn != "utterance" else None
    except (ValueError, KeyError) as error:
        raise ModelError(f"{file}: its weights do not fit its recipe ({error}); copy or train it again") from error
    return Model(info, network.eval(), cmvn)


def read_model_info(path: Path) -> ModelInfo:
    """Returns what a model file says about itself, without its weights; errors as `load_model`."""
    return _read_file(find_weights(path), with_weights=False)[0]


def find_weights(path: Path) -> Path:
    """Returns the model file that a path means, of one that ships the one that can learn on; errors as `load_model`."""
    file = find_model(find_shipped(path, WEIGHTS))
    if file.suffix == EXPORTED:
        raise ModelError(f"{file}: is exported, and its weights cannot be had; name the model that was exported")
    return file


def describe_model(path: Path, info: ModelInfo) -> str:
    """Returns what a person wants to know of a model file and what it says of itself, a line a fact."""
    network, origin = info.recipe.network, info.provenance
    parameters = build_network(info.recipe, info.features, info.alphabet, info.phones).count_parameters()
    facts = {
        "file": f"{path}, {path.stat().st_size / 1e6:.1f} MB, written by speechrnn {origin.speechrnn_version}",
        "network": f"{describe_network(network)}, {parameters / 1e6:.2f} M weights",
        "input": f"{info.features.coefficients} MFCC every {info.features.hop_ms:g} ms, stacked by {network.stack},"
        f" normalised by {info.recipe.input.cmvn}",
        "language": info.lang,
        "alphabet": "".join(info.alphabet.symbols).replace(" ", "␣"),
        "trained on": f"{origin.corpus}, {origin.utterances} utterances, {origin.hours:.2f} h",
    }
    if origin.epoch:
        facts["best"] = f"epoch {origin.epoch} of {info.recipe.training.epochs}"
    if info.phones:
        facts["phones"] = "".join(info.phones.symbols).replace(" ", "␣")
    for split, score in origin.scores.items():
        facts[split] = f"{format_rate('WER', score.words)}  {format_rate('CER', score.characters)}"
    return "\n".join(f"{name + ':':<12}{fact}" for name, fact in facts.items())


def describe_best(model: Model) -> str:
    """Returns in which epoch a model was best, and how good on dev."""
    origin = model.info.provenance
    rates = ", ".join(f"{split} {format_rate('WER', score.words)}" for split, score in origin.scores.items())
    return f"best in epoch {origin.epoch} of {model.info.recipe.training.epochs}, {rates}"


def _read_file(path: Path, with_weights: bool) -> tuple[ModelInfo, dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            info = parse_info((file.metadata() or {}).get(METADATA_KEY), path)
            names = list(file.keys()) if with_weights else []
            return info, {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    except SafetensorError as error:
        raise ModelError(f"{path}: no model, or cut short ({error}); copy or train it again") from error


def _fill_network(network: AcousticNetwork, tensors: dict[str, Tensor]) -> None:
    """Loads the weights.

    Raises:
        ValueError: One is missing, too many, of another shape or type, or not a number.
    """
    weights = {name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")}
    kinds = (torch.float32, torch.float16)
    if not all(value.dtype in kinds and value.isfinite().all() for value in tensors.values()):
        raise ValueError("not all are finite numbers in float32 or float16")
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError("their names or shapes are others") from error


def _read_cmvn(tensors: dict[str, Tensor], info: ModelInfo) -> Cmvn:
    coefficients = info.features.coefficients
    widths = dict.fromkeys(("mean", "deviation"), coefficients * (info.recipe.input.deltas + 1))
    if info.recipe.input.cmvn == "speaker":
        widths["centre"] = coefficients
    statistics = {name: tensors[f"cmvn.{name}"].numpy() for name in widths}
    for name, width in widths.items():
        if statistics[name].shape != (width,):
            raise ValueError(f"cmvn.{name} of shape {statistics[name].shape}, expected ({width},)")
    return Cmvn(**statistics)
