"""The weights of a language model, chosen on a dev set."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speechrnn.config import BeamConfig
from speechrnn.console import note, print_line
from speechrnn.counts import ErrorCounts, format_rate
from speechrnn.errors import OutputError
from speechrnn.parallel import map_in_order
from speechrnn.score.align import align_words
from speechrnn.score.calibration import fit_temperature, judge_words
from speechrnn.shipped import LM, find_shipped
from speechrnn.transcribe.beam import BeamDecoder
from speechrnn.transcribe.corpus import hear_split
from speechrnn.transcribe.decoding import make_decoder
from speechrnn.transcribe.listener import open_listener
from speechrnn.transcribe.lm.arpa import is_arpa
from speechrnn.transcribe.lm.files import describe_weights, load_lm
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.words import to_text

_STEPS = {
    "lm_weight": (0.4, 0.2, 0.1),
    "word_bonus": (1.0, 0.5, 0.25),
    "unknown_penalty": (3.0, 1.5),
    "prior_weight": (0.2, 0.1),
}
"""How far each weight is moved, at first and when nothing better is found that far away."""

_RANGES = {
    "lm_weight": (0.0, 5.0),
    "word_bonus": (-10.0, 10.0),
    "unknown_penalty": (-30.0, 0.0),
    "prior_weight": (0.0, 2.0),
}


@dataclass(frozen=True, slots=True)
class DevSet:
    """What a decoder is tried on: texts, and the network's log_probs, (frames, classes), for each."""

    references: Sequence[str]
    log_probs: Sequence[NDArray[np.float32]]

    def count_errors(self, decoder: BeamDecoder) -> ErrorCounts:
        """Returns the word errors of a decoder."""
        hypotheses = list(map_in_order(decoder.read, self.log_probs))
        return sum((one.counts for one in align_words(self.references, hypotheses)), ErrorCounts())

    def fit_temperature(self, recognizer: Recognizer) -> float:
        """Returns what makes a recogniser's confidences, whose temperature is 1, promise what they keep."""
        heard = list(map_in_order(recognizer.read, self.log_probs))
        alignments = align_words(self.references, [to_text(words) for words in heard])
        return fit_temperature(judge_words(alignments, [[word.confidence for word in words] for words in heard]))


def tune_lm(folder: Path, split: str, model_path: Path, lm_path: Path, beam: int, letters: bool = False) -> BeamConfig:
    """Returns the weights with the fewest word errors, which are kept in the language model's file.

    Those for letters and those for phones are kept beside each other; arguments as those of `lm tune`.

    Raises:
        CorpusError: The folder is not prepared, lacks the split, or has other features than the model reads.
        ModelError: A model cannot be read.
        OutputError: The language model ships, is ARPA, which has no place for weights, or cannot be written.
    """
    if is_arpa(lm_path):
        raise OutputError(f"{lm_path}: ARPA has no place for weights; lm convert makes a .lm of it, which has one")
    if find_shipped(lm_path, LM) != lm_path:
        raise OutputError(f"{lm_path} ships with the package and stays as it is; lm build makes one that can be tuned")
    listener, lm = open_listener(model_path), load_lm(lm_path)
    decoder = make_decoder(listener.info, beam=beam, lm=lm_path, letters=letters)
    assert decoder is not None
    heard = list(hear_split(folder, split, listener, decoder.reads_phones))
    dev = DevSet([utterance.text for utterance, _ in heard], [log_probs for _, log_probs in heard])
    best = replace(lm.beams.get(decoder.spelling, BeamConfig()), beam_width=beam)
    idle = "unknown_penalty" if decoder.reads_phones else "prior_weight"  # no word is unknown, or nothing has priors
    names = [name for name in _STEPS if name != idle]
    trials = tune_weights(lambda config: dev.count_errors(decoder.reweighed(config)), best, names)
    for config, errors, better in trials:
        best = config if better else best
        mark = "  best so far" if better else ""
        print_line(f"{describe_weights(config)}  {format_rate('WER', errors)}{mark}")
    level = decoder.reweighed(replace(best, temperature=1.0))
    best = replace(best, temperature=dev.fit_temperature(Recognizer(listener, "", level)))
    note(f"best: {describe_weights(best)}")
    replace(lm, beams={**lm.beams, decoder.spelling: best}).save(lm_path)
    note(f"kept in {lm_path}")
    return best


def tune_weights(
    count: Callable[[BeamConfig], ErrorCounts], start: BeamConfig, names: Iterable[str] = tuple(_STEPS)
) -> Iterator[tuple[BeamConfig, ErrorCounts, bool]]:
    """Yields each configuration that is tried, its errors, and whether it is the best so far.

    One weight after another is moved as long as that helps, in ever smaller steps.
    """
    best, fewest = start, count(start)
    yield best, fewest, True
    tried = {best}
    for size in range(max(map(len, _STEPS.values()))):
        improved = True
        while improved:
            improved = False
            for candidate in _list_neighbours(best, size, names):
                if candidate in tried:
                    continue
                tried.add(candidate)
                errors = count(candidate)
                better = errors.errors < fewest.errors
                yield candidate, errors, better
                if better:
                    best, fewest, improved = candidate, errors, True
                    break


def _list_neighbours(config: BeamConfig, size: int, names: Iterable[str]) -> Iterator[BeamConfig]:
    for name in names:
        steps = _STEPS[name]
        step = steps[min(size, len(steps) - 1)]
        low, high = _RANGES[name]
        for change in (step, -step):
            value = round(min(max(getattr(config, name) + change, low), high), 3)
            yield replace(config, **{name: value})
