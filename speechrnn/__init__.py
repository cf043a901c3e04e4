"""SpeechRNN: MFCC features, a bidirectional LSTM, the CTC loss, and an honest word error rate."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechrnn.transcribe.recognizer import Recognizer

__version__ = "0.1.0"

__all__ = ["__version__", "load_model"]


def load_model(
    path: str | PathLike[str] | None = None,
    *,
    lm: str | PathLike[str] | None = None,
    words: str | PathLike[str] | None = None,
    phrases: str | PathLike[str] | None = None,
    hotwords: Sequence[str] = (),
    beam: int | None = None,
    letters: bool = False,
    warps: int = 1,
) -> "Recognizer":
    """Returns a recogniser, which reads as `speechrnn transcribe` does with the options of these names.

    Args:
        path: A model file, a run's folder, or the name of a model that ships; None for English as it ships, with its
            language model.
        lm: A language model, or the name of one that ships.
        words: A file with the only words there are, or the name of one that ships.
        phrases: A file of which each recording says one line, and nothing else, or the name of one that ships.
        hotwords: Favoured words or phrases, each with or without ":" and its boost in nats.
        beam: Prefixes of the beam search; 1 for greedy decoding.
        letters: Read letters also where the model has learned phones.
        warps: Lengths of the vocal tract as which the model hears, to take the mean: slower, and where no language
            model reads, with fewer errors; for a model that you exported, 1.

    Raises:
        ModelError: A model cannot be read, or is one that you exported, and `warps` more than 1.
        TextError: The words, phrases or hotwords cannot be used.
        TypeError: `hotwords` is no list of texts; `letters` is no bool; or another is neither a path nor a name.
        ValueError: `warps` or `beam` is no whole number in range, or `beam` is 1 beside what a greedy decoder does not
            hear of, or `phrases` stand beside what knows of other words.
    """
    from speechrnn.transcribe.reading import Reading  # imports what `import speechrnn` need not

    if isinstance(hotwords, str):
        raise TypeError(f"hotwords: {hotwords!r} is one text; give a list")
    if others := [one for one in hotwords if not isinstance(one, str)]:
        raise TypeError(f"hotwords: {others[0]!r} is no text; give words, or 'word:boost'")
    for name, file in (("lm", lm), ("words", words), ("phrases", phrases)):
        if file is not None and (not isinstance(file, str | PathLike) or not str(file)):
            raise TypeError(f"{name}: {file!r} is neither a file's path nor a name of what ships")
    if not isinstance(letters, bool):
        raise TypeError(f"letters: {letters!r} is neither True nor False")
    return Reading.choose(
        Path(path) if path is not None else None,
        beam=beam,
        lm=Path(lm) if lm is not None else None,
        words=Path(words) if words is not None else None,
        phrases=Path(phrases) if phrases is not None else None,
        hotwords=tuple(hotwords),
        letters=letters,
        warps=warps,
    ).open()
