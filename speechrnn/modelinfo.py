"""All of a model but its weights: what it was made from, and for what. Read without torch."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from speechrnn import __version__
from speechrnn.config import FeatureConfig, Recipe
from speechrnn.counts import ErrorCounts
from speechrnn.errors import ModelError
from speechrnn.records import build_record
from speechrnn.shipped import EXPORTED, find_shipped, list_shipped
from speechrnn.text import Alphabet

FORMAT_VERSION = 2

METADATA_KEY = "speechrnn"
"""The one entry of a file's metadata: safetensors writes several in an order that changes from run to run."""

MODEL_FILE = "model.safetensors"
"""The name of a run's best model in its folder."""


@dataclass(frozen=True, slots=True)
class SplitScore:
    """Errors on a split, decoded greedily."""

    words: ErrorCounts
    characters: ErrorCounts


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model comes from and how well it did.

    Attributes:
        corpus: What it was trained on.
        utterances: Training utterances.
        hours: Hours of training speech.
        epoch: The epoch whose weights these are; 0 where they are of no single one.
        scores: Its errors by split.
        speechrnn_version: The release that wrote the file.
    """

    corpus: str = ""
    utterances: int = 0
    hours: float = 0.0
    epoch: int = 0
    scores: dict[str, SplitScore] = field(default_factory=dict)
    speechrnn_version: str = __version__


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """All of a model but its weights.

    Attributes:
        recipe: How it was trained.
        features: What it hears.
        alphabet: What it writes.
        lang: The language's code.
        provenance: Where it comes from.
        temperature: What the logarithm of a word's confidence is divided by, found on dev.
        phones: What its second output reads, if it has one.
        phone_priors: How probable it finds the blank and each of these on the average, in training speech.
    """

    recipe: Recipe
    features: FeatureConfig
    alphabet: Alphabet
    lang: str
    provenance: Provenance = field(default_factory=Provenance)
    temperature: Annotated[float, Meta(gt=0)] = 1.0
    phones: Alphabet | None = None
    phone_priors: tuple[Annotated[float, Meta(ge=0, le=1)], ...] = ()

    def __post_init__(self) -> None:
        if len(self.phone_priors) not in (0, self.phones.classes if self.phones else 0):
            raise ValueError("phone_priors has not one for each phone")

    @property
    def frame_seconds(self) -> float:
        """From one frame of log_probs to the next."""
        return self.features.hop_ms * self.recipe.network.stack / 1000


def dump_info(info: ModelInfo) -> str:
    """Returns what a model file says about itself, as JSON."""
    return json.dumps({"format_version": FORMAT_VERSION, "info": asdict(info)}, ensure_ascii=False)


def parse_info(text: str | None, path: Path) -> ModelInfo:
    """Returns what `dump_info` wrote into a model file.

    Raises:
        ModelError: It is missing or broken, or from a newer release.
    """
    try:
        description = json.loads(text or "")
        version = description["format_version"]
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: no model of speechrnn; it does not say what it is") from error
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: format {str(version)[:20]} is newer than this release, which reads up to {FORMAT_VERSION};"
            " upgrade speechrnn"
        )
    try:
        return build_record(ModelInfo, description.get("info"))
    except ValueError as error:
        raise ModelError(f"{path}: its description cannot be read ({error})") from error


def find_model(path: Path) -> Path:
    """Returns the model file that a path means: the file, the best model in a run's folder, or one that ships.

    Raises:
        ModelError: There is none.
    """
    path = find_shipped(path, EXPORTED)
    file = path / MODEL_FILE if path.is_dir() else path
    if file.is_file():
        return file
    if not path.is_dir():
        raise ModelError(f"{path}: no such model; what ships is named {list_shipped(EXPORTED)}")
    below = sorted(path.glob(f"*/{MODEL_FILE}"))
    remedy = f"there is one in {below[0].parent}" if below else "train first, or --resume a run to the end of an epoch"
    raise ModelError(f"{path}: no {MODEL_FILE} in this folder; {remedy}")
