"""Settings: frozen dataclasses, one per stage; TOML in and out; `--set` overrides.

Settings are read once, passed down, and written beside the result. A unit ends a setting's name.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import tomli_w
from annotated_types import Ge, Gt, Interval

from speechrnn.errors import RecipeError, SpeechRnnError
from speechrnn.records import build_record

T = TypeVar("T")

Count = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]
Share = Annotated[float, Interval(ge=0, lt=1)]
NotNegative = Annotated[float, Ge(0)]


class _Strict:
    """Unknown keys, and values of a neighbouring type, are errors."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, slots=True)
class FeatureConfig(_Strict):
    """MFCC of 16 kHz speech.

    Attributes:
        window_ms: Length of the Hann window.
        hop_ms: From the start of one frame to the start of the next.
        mels: Triangular filters on the mel scale.
        coefficients: Cepstral coefficients kept, the zeroth among them.
        low_hz: Lower edge of the first filter.
        high_hz: Upper edge of the last filter.
    """

    window_ms: Positive = 25.0
    hop_ms: Positive = 10.0
    mels: Count = 40
    coefficients: Count = 20
    low_hz: NotNegative = 20.0
    high_hz: Annotated[float, Interval(gt=0, le=8000)] = 7600.0

    def __post_init__(self) -> None:
        if self.coefficients > self.mels:
            raise ValueError(f"coefficients ({self.coefficients}) cannot exceed mels ({self.mels})")
        if self.low_hz >= self.high_hz:
            raise ValueError(f"low_hz ({self.low_hz}) must be below high_hz ({self.high_hz})")
        if self.hop_ms > self.window_ms:
            raise ValueError(f"hop_ms ({self.hop_ms}) cannot exceed window_ms ({self.window_ms})")


@dataclass(frozen=True, slots=True)
class PrepareConfig(_Strict):
    """How a corpus becomes splits and features.

    Attributes:
        lang: Language of the transcripts.
        split: Where the corpus has no splits of its own: hold out whole speakers, or whole sentences (speakers are
            then shared), or put everything into one split.
        dev_speakers: The speakers that make up dev; none to leave the choice to the corpus or to `split`.
        test_speakers: The speakers that make up test, likewise.
        max_seconds: Longest utterance; longer ones are set aside.
        features: The MFCC.
    """

    lang: str = "en"
    split: Literal["speakers", "sentences", "train", "dev", "test"] = "speakers"
    dev_speakers: tuple[str, ...] = ()
    test_speakers: tuple[str, ...] = ()
    max_seconds: Positive = 60.0
    features: FeatureConfig = field(default_factory=FeatureConfig)


@dataclass(frozen=True, slots=True)
class InputConfig(_Strict):
    """What the network sees of the features.

    Attributes:
        cmvn: Mean and variance are taken from each utterance, or from the training corpus.
        deltas: How many differences over time stand beside the coefficients.
    """

    cmvn: Literal["utterance", "corpus"] = "utterance"
    deltas: Annotated[int, Interval(ge=0, le=2)] = 0


@dataclass(frozen=True, slots=True)
class NetworkConfig(_Strict):
    """The recurrent network.

    Attributes:
        kind: The cell of the recurrent layers.
        bidirectional: Whether each layer also reads backward in time.
        stack: Neighbouring frames that are read as one.
        layers: Recurrent layers.
        units: Cells a layer and direction.
        dropout: Share of each layer's outputs that is set to zero in training.
    """

    kind: Literal["rnn", "gru", "lstm"] = "lstm"
    bidirectional: bool = True
    stack: Count = 3
    layers: Count = 3
    units: Count = 256
    dropout: Share = 0.2


@dataclass(frozen=True, slots=True)
class AugmentConfig(_Strict):
    """How training utterances are varied, drawn anew each epoch; all zero leaves them as they are.

    Attributes:
        tempo: Speech becomes faster or slower by up to this share.
        vocal_tract: Frequencies are stretched or squeezed by up to this share.
        microphone_db: Loudness is raised or lowered by up to so many decibels, and once more band by band; only a
            network that normalises by the corpus hears it.
        frequency_masks: Bands of mel channels that are blotted out.
        frequency_mask_mels: Greatest width of such a band.
        time_masks_per_second: Stretches of time that are blotted out.
        time_mask_ms: Greatest length of such a stretch.
    """

    tempo: Share = 0.0
    vocal_tract: Share = 0.0
    microphone_db: NotNegative = 0.0
    frequency_masks: Natural = 0
    frequency_mask_mels: Count = 8
    time_masks_per_second: NotNegative = 0.0
    time_mask_ms: Positive = 250.0


@dataclass(frozen=True, slots=True)
class OptimizerConfig(_Strict):
    """AdamW and its schedule.

    Attributes:
        learning_rate: The peak.
        warmup: Share of all steps over which the rate rises from zero to the peak.
        decay: The shape of its fall to zero over the remaining steps.
        weight_decay: Decoupled decay of weight matrices; biases have none.
        max_gradient_norm: Larger gradients are scaled down to this norm.
    """

    learning_rate: Positive = 1e-3
    warmup: Share = 0.05
    decay: Literal["cosine", "linear", "none"] = "cosine"
    weight_decay: NotNegative = 0.01
    max_gradient_norm: Positive = 1.0


@dataclass(frozen=True, slots=True)
class TrainingConfig(_Strict):
    """The run.

    Attributes:
        epochs: Passes over the training split.
        patience: Epochs without a better dev word error rate after which the run ends; 0 for never.
        batch_seconds: Speech in one batch, padding counted.
        seed: Of the weights, the order of the batches, dropout and augmentation.
        precision: float32, or bfloat16 within the network where "auto" finds that it is faster.
        threads: Of the processor; 0 for all cores.
        dev_split: The split that epochs are judged on.
        save_minutes: Between two saved states within an epoch; each epoch ends with one.
    """

    epochs: Count = 40
    patience: Natural = 0
    batch_seconds: Positive = 100.0
    seed: Natural = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Natural = 0
    dev_split: str = "dev"
    save_minutes: Positive = 10.0


@dataclass(frozen=True, slots=True)
class Recipe(_Strict):
    """Everything that decides what a training run does with a prepared corpus."""

    input: InputConfig = field(default_factory=InputConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Returns a recipe with overrides applied.

    Args:
        name: A TOML file, or the name of a recipe that ships with the package.
        overrides: `dotted.key=value`, the value as TOML writes it; quotes around words may be left out.

    Raises:
        RecipeError: There is no such recipe, or a key or value in it is not allowed.
    """
    path = Path(name) if Path(name).is_file() else _find_shipped(name)
    return build_settings(Recipe, read_toml(path, RecipeError), overrides, str(path))


def build_settings(kind: type[T], settings: dict[str, Any], overrides: Sequence[str], where: str) -> T:
    """Returns settings with overrides applied, as a checked instance of `kind`; errors begin with `where`.

    Raises:
        RecipeError: A key is unknown, a value of the wrong type or out of range.
    """
    try:
        build_record(kind, settings)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from error
    given = [f"--set {override}" for override in overrides]
    for override in overrides:
        _apply_override(settings, override)
    try:
        return build_record(kind, settings)
    except ValueError as error:
        raise RecipeError(f"{' '.join(given)}: {error}") from error


def read_toml(path: Path, error_kind: type[SpeechRnnError]) -> dict[str, Any]:
    """Returns the table in a TOML file.

    Raises:
        error_kind: The file cannot be read, or is not TOML; the message names the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise error_kind(f"{path}: not TOML ({error})") from error
    except OSError as error:
        raise error_kind(f"{path}: cannot be read ({error.strerror})") from error


def dump_toml(settings: Any) -> str:
    """Returns a settings dataclass as TOML."""
    return tomli_w.dumps(asdict(settings))


def list_recipes() -> list[str]:
    """Returns the names of the recipes that ship with the package."""
    return sorted({path.parent.name for folder in _recipe_folders() for path in folder.glob("*/recipe.toml")})


def _recipe_folders() -> list[Path]:
    """Where recipes lie: in the installed package, or beside it in a checkout."""
    package = Path(str(files("speechrnn")))
    return [package / "recipes", package.parent / "recipes"]


def _find_shipped(name: str) -> Path:
    for folder in _recipe_folders():
        if (folder / name / "recipe.toml").is_file():
            return folder / name / "recipe.toml"
    raise RecipeError(f"no recipe {name!r}: neither a file nor one of {', '.join(list_recipes())}")


def _apply_override(settings: dict[str, Any], override: str) -> None:
    """Sets a dotted key in nested tables."""
    key, separator, text = override.partition("=")
    *tables, last = key.strip().split(".")
    if not separator or not last:
        raise RecipeError(f"--set {override}: expected dotted.key=value, like --set training.epochs=10")
    table = settings
    for name in tables:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise RecipeError(f"--set {override}: {name} is a value, not a table")
    try:
        table[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        table[last] = text.strip()
