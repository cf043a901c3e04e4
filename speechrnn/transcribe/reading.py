"""How recordings shall be read, as somebody names it: a model, and what is known beside it of the words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from speechrnn.console import note
from speechrnn.limits import WIDEST_BEAM
from speechrnn.shipped import ENGLISH_LM, ENGLISH_MODEL, EXPORTED, LM, WORDS, find_shipped
from speechrnn.transcribe.ledger import hash_file, hash_reader
from speechrnn.transcribe.recognizer import Recognizer


@dataclass(frozen=True, slots=True)
class Reading:
    """How recordings shall be read.

    Attributes:
        model: A model file, a run's folder, or the name of a model that ships.
        beam: Prefixes of a beam search; 1 for greedy decoding, None for what the rest asks for.
        lm: A language model, or the name of one that ships.
        words: A file with the only words there are, or the name of one that ships.
        phrases: A file of which each recording says one line, or the name of one that ships.
        hotwords: Favoured words, each with or without its boost.
        letters: Read letters also where the model has learned phones.
        warps: Lengths of the vocal tract as which the model hears, to take the mean.
    """

    model: Path
    beam: int | None = None
    lm: Path | None = None
    words: Path | None = None
    phrases: Path | None = None
    hotwords: Sequence[str] = ()
    letters: bool = False
    warps: int = 1

    def __post_init__(self) -> None:
        if self.phrases and (self.beam or self.lm or self.words or self.hotwords):
            raise ValueError("phrases are all that can be said; leave out beam, lm, words and hotwords")

    @classmethod
    def choose(cls, model: Path | None, greedy: bool = False, **wanted: object) -> Self:
        """Returns what is wanted; without a model English as it ships, with its language model.

        Args:
            model: The model, or None.
            greedy: No language model is to be added. Beside another, beside the only words there are, and to a beam
                of 1, none is.
            wanted: The other attributes.

        Raises:
            ValueError: The beam is no whole number in range, or 1 beside what a greedy decoder does not hear of; or
                phrases stand beside what knows of other words.
        """
        reading = cls(model or ENGLISH_MODEL, **wanted)  # type: ignore[arg-type]
        if model is None and not greedy and reading.beam != 1 and not (reading.lm or reading.words or reading.phrases):
            reading = replace(reading, lm=ENGLISH_LM)
        beam = reading.beam
        if beam is not None and not (isinstance(beam, int) and 1 <= beam <= WIDEST_BEAM):
            raise ValueError(f"beam ({beam}) must be a whole number from 1 to {WIDEST_BEAM}")
        if beam == 1 and (reading.lm or reading.words or reading.hotwords):
            raise ValueError("a beam of 1 is greedy, and hears of no lm, words or hotwords; take 10 or more")
        return reading

    def introduce_default(self) -> None:
        """Says what was taken, where nobody named a model."""
        and_lm = " and language model english" if self.lm == ENGLISH_LM else ""
        note(f"model english{and_lm}; --model names another")

    def suggest_lm(self) -> None:
        """Says where a model that ships is left without the language model that ships with it."""
        if self._is_greedy and self.beam is None and find_shipped(self.model, EXPORTED) == ENGLISH_MODEL:
            note("model english alone makes many errors; --lm english reads with its language model")

    @property
    def _is_greedy(self) -> bool:
        return not (self.lm or self.words or self.phrases or self.hotwords or (self.beam or 1) > 1)

    def open(self) -> Recognizer:
        """Returns the recogniser.

        Raises:
            ModelError: A model cannot be read, or is exported, and shall hear as several lengths of the vocal tract.
            TextError: The words, phrases or hotwords cannot be used.
            ValueError: The lengths of the vocal tract are no whole number in range.
        """
        recognizer = Recognizer.load(self.model, self.warps)
        if self.phrases:
            from speechrnn.transcribe.decoding import make_phrase_decoder  # imports numba

            recognizer.decoder = make_phrase_decoder(recognizer.info, self.phrases, self.letters)
        elif not self._is_greedy:
            from speechrnn.transcribe.decoding import make_decoder  # imports numba, which greedy decoding needs not

            recognizer.decoder = make_decoder(
                recognizer.info,
                beam=self.beam,
                lm=self.lm,
                words=self.words,
                hotwords=self.hotwords,
                letters=self.letters,
            )
        return recognizer

    def describe(self) -> dict[str, str]:
        """Returns all that it is beside the model, by attribute; of a file, as `hash_file`."""
        files = {"lm": (self.lm, LM), "words": (self.words, WORDS), "phrases": (self.phrases, WORDS)}
        hashes = {name: hash_file(find_shipped(path, ending)) if path else "" for name, (path, ending) in files.items()}
        rest = {"beam": self.beam, "hotwords": " ".join(self.hotwords), "letters": self.letters, "warps": self.warps}
        return hashes | {name: str(value) for name, value in rest.items()}

    def hash(self, recognizer: Recognizer, text: Path | None = None, one_speaker: bool = False) -> str:
        """Returns a hash of all that transcripts depend on beside the recordings; `text` is what is aligned."""
        lm, listed = self.lm and find_shipped(self.lm, LM), self.words or self.phrases
        words = listed and find_shipped(listed, WORDS)
        options = {
            "--one-speaker": one_speaker,
            "--phrases": bool(self.phrases),
            "--letters": self.letters,
            f"--warps {self.warps}": self.warps > 1,
        }
        chosen = [option for option, wanted in options.items() if wanted]  # before the beam, where no hotword stands
        return hash_reader([Path(recognizer.name), lm, words, text], [*chosen, self.beam, *self.hotwords])
