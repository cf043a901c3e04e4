"""What ships inside the package, by name: a model and a language model for English, and small vocabularies."""

from pathlib import Path

FOLDER = Path(__file__).parent / "models"

EXPORTED, WEIGHTS, LM, WORDS, PROMPTS, PHONES = ".onnx", ".safetensors", ".lm", ".txt", ".prompts", ".phones"
"""How the names of shipped files end, by what they are."""

ENGLISH_MODEL, ENGLISH_WEIGHTS, ENGLISH_LM, ENGLISH_PHONES = (
    FOLDER / f"english{ending}" for ending in (EXPORTED, WEIGHTS, LM, PHONES)
)
"""What is taken where nothing is named, whatever lies in the folder where somebody works."""


def list_shipped(ending: str) -> str:
    """Returns the names of what ships, for messages."""
    return ", ".join(sorted(path.stem for path in FOLDER.glob(f"*{ending}")))


def find_shipped(path: Path, ending: str) -> Path:
    """Returns the shipped file of a bare name like `english`; any other path, or one that is there, as it is."""
    shipped = FOLDER / f"{path}{ending}"
    there = path.exists() if ending in (EXPORTED, WEIGHTS) else path.is_file()  # a model may be a run's folder
    return shipped if path.name == str(path) and not there and shipped.is_file() else path
