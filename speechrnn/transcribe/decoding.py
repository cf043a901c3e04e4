"""How a command's user wants log_probs to be read: greedily, or by a beam search with what it is given."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Timer

import numpy as np

from speechrnn.compiled import explain_compiling
from speechrnn.config import BeamConfig
from speechrnn.console import note
from speechrnn.errors import TextError
from speechrnn.inputs import read_lines
from speechrnn.modelinfo import ModelInfo
from speechrnn.pronunciations import explain_unsaid, look_up_sounds, pronounce
from speechrnn.shipped import WORDS, find_shipped, list_shipped
from speechrnn.text import normalize, require_symbols
from speechrnn.transcribe.beam import BeamDecoder
from speechrnn.transcribe.lm.files import load_lm
from speechrnn.transcribe.lm.ngrams import SPECIAL, NgramModel
from speechrnn.transcribe.phrases import PhraseDecoder
from speechrnn.transcribe.recognizer import Decoder

_PATIENCE_SECONDS = 2.0

_BOOST = 8.0
"""Nats by which a favoured word is favoured where its boost is not said."""


def make_decoder(
    info: ModelInfo,
    *,
    beam: int | None = None,
    lm: Path | None = None,
    words: Path | None = None,
    hotwords: Sequence[str] = (),
    letters: bool = False,
) -> BeamDecoder | None:
    """Returns a beam decoder for a model, or None where nothing asks for one.

    It reads phones where the model has them, and there is a language model or a vocabulary whose sounds are known,
    unless letters are asked for.

    Args:
        info: The model's alphabet, phones and language.
        beam: Prefixes kept at each frame; 1 or None alone is greedy decoding.
        lm: A language model, or the name of one that ships.
        words: A file with the only words there are, or the name of one that ships.
        hotwords: Favoured words or phrases, each with or without ":" and its boost in nats.
        letters: Read letters also where the model has learned phones.

    Raises:
        ModelError: The language model cannot be read.
        TextError: The vocabulary cannot be read, or the model cannot spell a word, or a hotword is not one.
    """
    if lm is None and words is None and not hotwords and (beam is None or beam == 1):
        return None
    model = load_lm(lm) if lm else None
    symbols = set(info.alphabet.symbols)
    vocabulary = _read_words(words, info) if words else []
    if model is not None and vocabulary and (absent := [one for one in vocabulary if one not in model.numbers]):
        note(f"{lm}: knows nothing of {len(absent)} of the words, like {absent[0]}")
    favoured = dict(_parse_hotword(hotword, info) for hotword in hotwords)
    if model is not None and not any(set(word) <= symbols for word in model.words[len(SPECIAL) :]):
        raise TextError(f"{lm}: no word of it can be written with the model's letters; is it for another language?")
    sounds = None if letters else _find_sounds(info, model, vocabulary, favoured)
    if sounds:
        favoured = {phrase: boost for phrase, boost in favoured.items() if sounds.keys() >= set(phrase.split())}
    config = BeamConfig()
    if model is not None:
        config = model.beams.get("phones" if sounds else "letters", config)
    if beam is not None:
        config = replace(config, beam_width=beam)
    alphabet = info.phones if info.phones and sounds else info.alphabet
    priors = info.phone_priors if sounds else ()
    decoder = BeamDecoder(alphabet, config, lm=model, words=vocabulary, hotwords=favoured, sounds=sounds, priors=priors)
    _warm_up(decoder)
    return decoder


def make_phrase_decoder(info: ModelInfo, phrases: Path, letters: bool = False) -> PhraseDecoder:
    """Returns a decoder that hears one of the lines of a file, and nothing else.

    Args:
        info: The model's alphabet, phones and language.
        phrases: A file with a phrase a line, or the name of one that ships.
        letters: Read letters also where the model has learned phones, and all sounds are known.

    Raises:
        TextError: The phrases cannot be read, or the model cannot spell one.
    """
    lines = _read_lines(phrases, info)
    sounds = (
        None if letters else _find_sounds(info, None, sorted({word for line in lines for word in line.split()}), ())
    )
    if sounds is None or info.phones is None:
        decoder = PhraseDecoder(info.alphabet, lines)
    else:
        decoder = PhraseDecoder(info.phones, lines, sounds=sounds, priors=info.phone_priors)
    _warm_up(decoder)
    return decoder


def _warm_up(decoder: Decoder) -> None:
    """Compiles a decoder's search where no earlier process has, and says so where that takes long."""
    timer = Timer(_PATIENCE_SECONDS, note, [f"compiling the search; {explain_compiling()}"])
    timer.start()
    try:
        decoder.decode(np.zeros((1, decoder.alphabet.classes), dtype=np.float32))
    finally:
        timer.cancel()


def _find_sounds(
    info: ModelInfo, lm: NgramModel | None, words: Sequence[str], hotwords: Iterable[str]
) -> dict[str, str] | None:
    """Returns the phones of the words that shall be read; None where letters have to do.

    They do where one of the only words there are has unknown sounds; a hotword that has is not favoured.
    """
    if info.phones is None or not (lm or words):
        return None
    sounds: dict[str, str] = {}
    if lm and not words:
        known = dict(zip(lm.words, lm.sounds, strict=True)) if lm.sounds else look_up_sounds(lm.words, info.lang)
        sounds = {word: phones for word, phones in known.items() if phones}
        missing = len(lm.words) - len(SPECIAL) - len(sounds)
        if missing and not lm.sounds:
            note(f"{missing} words of the language model are in no dictionary; lm convert asks further how they sound")
    favoured = {word for phrase in hotwords for word in phrase.split()}
    sounds |= pronounce({*words, *favoured}, info.lang)
    if unsaid := sorted(set(words) - sounds.keys()):
        note(f"{explain_unsaid(unsaid)}; letters are read instead of phones")
        return None
    if unsaid := sorted(favoured - sounds.keys()):
        note(f"{explain_unsaid(unsaid)}; not favoured")
    return sounds or None


def _read_words(path: Path, info: ModelInfo) -> list[str]:
    return sorted({word for line in _read_lines(path, info) for word in line.split()})


def _read_lines(path: Path, info: ModelInfo) -> list[str]:
    """Returns the different lines of a file in which something is said."""
    path = find_shipped(path, WORDS)
    if not path.exists():
        raise TextError(f"{path}: no such file; what ships is named {list_shipped(WORDS)}")
    lines: dict[str, None] = {}
    for number, line in enumerate(read_lines(path, TextError), 1):
        if spoken := " ".join(normalize(line, info.lang).split()):
            require_symbols(spoken, info.alphabet.symbols, f"{path}:{number}")
            lines[spoken] = None
    if not lines:
        raise TextError(f"{path}: holds no words")
    return list(lines)


def _parse_hotword(hotword: str, info: ModelInfo) -> tuple[str, float]:
    text, _, boost = hotword.partition(":")
    phrase = normalize(text, info.lang)
    try:
        nats = float(boost) if boost else _BOOST
    except ValueError as error:
        raise TextError(f"--hotword {hotword}: expected a word, or WORD:BOOST with a number") from error
    if not phrase or not 0 < nats < 1000:
        raise TextError(f"--hotword {hotword}: expected a word, and a boost above 0 and below 1000")
    require_symbols(phrase, info.alphabet.symbols, f"--hotword {hotword}")
    return phrase, nats
