"""An n-gram model as a trie in flat arrays, in one file that is mapped into memory.

Node 0 is the empty context; the single words follow in their order, then the pairs, sorted by their first word's node,
and so on. The children of node k are the nodes from first_child[k] to first_child[k + 1].
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from speechrnn.compiled import compiled
from speechrnn.config import BeamConfig
from speechrnn.errors import ModelError
from speechrnn.outputs import write_atomically
from speechrnn.records import build_record

SPECIAL = ("<unk>", "<s>", "</s>")
UNKNOWN, BOS, EOS = range(3)

FORMAT_VERSION = 4

Spelling = Literal["letters", "phones"]
SPELLINGS: tuple[Spelling, ...] = get_args(Spelling)
"""What a search reads words by."""

_KEY = "speechrnn-lm"

_ROOT = 0

_WIDE = {"word": np.int32, "suffix": np.int32, "log_prob": np.float32, "backoff": np.float32}
"""The types that a compiled loop reads."""

_STORED = {
    "U8": np.uint8,
    "U16": np.uint16,
    "U32": np.uint32,
    "I32": np.int32,
    "F16": np.float16,
    "F32": np.float32,
}
"""The types in a file, as safetensors names them."""


class Trie(NamedTuple):
    """The arrays that a compiled loop reads; all natural logarithms.

    Attributes:
        word: (nodes,) the last word of each n-gram.
        first_child: (nodes + 1,).
        suffix: (nodes,) the node of the longest shorter context, or of the same n-gram without its first word.
        log_prob: (nodes,) of the last word, given those before it.
        backoff: (nodes,) what a context leaves to the shorter one.
        innermost: The first node of the highest order, which has no children.
    """

    word: NDArray[np.int32]
    first_child: NDArray[np.int32]
    suffix: NDArray[np.int32]
    log_prob: NDArray[np.float32]
    backoff: NDArray[np.float32]
    innermost: int


@dataclass(frozen=True, slots=True)
class Level:
    """All n-grams of one order, sorted by parent and word, numbered from 0.

    Attributes:
        parent: (n-grams,) number of the n-gram without its last word, in the level above.
        suffix: (n-grams,) number of the n-gram without its first word, in the level above.
        word: (n-grams,) last word.
        log_prob: (n-grams,) natural log.
        backoff: (n-grams,) natural log.
    """

    parent: NDArray[np.int64]
    suffix: NDArray[np.int64]
    word: NDArray[np.int64]
    log_prob: NDArray[np.float64]
    backoff: NDArray[np.float64]


@dataclass(frozen=True)
class NgramModel:
    """A word n-gram model.

    Attributes:
        words: The vocabulary; the first three are unknown words, the beginning and the end of a sentence.
        trie: Probabilities.
        orders: How many n-grams there are of each order.
        beams: How a search weighs it that reads letters, or phones, tuned on some dev set; without, the defaults hold.
        sounds: The phones of each word, or nothing where they are not known; () where nobody has asked.
        small: Whether its file is the small one: probabilities in half precision, whole numbers in as few bytes as
            hold them.
    """

    words: tuple[str, ...]
    trie: Trie
    orders: tuple[int, ...]
    beams: Mapping[Spelling, BeamConfig] = field(default_factory=dict)
    sounds: tuple[str, ...] = ()
    small: bool = False

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Each word's number."""
        return {word: number for number, word in enumerate(self.words)}

    @property
    def start(self) -> int:
        """The context at the beginning of a sentence."""
        return 1 + BOS

    def score(self, context: int, word: int) -> tuple[float, int]:
        """Returns the natural log-probability of a word in a context, and the context that follows."""
        return look_up(self.trie, context, word)

    def score_sentence(self, sentence: Sequence[str]) -> list[float]:
        """Returns the natural log-probability of each word and of the sentence's end."""
        context, scores = self.start, []
        for word in [*(self.numbers.get(word, UNKNOWN) for word in sentence), EOS]:
            score, context = self.score(context, word)
            scores.append(score)
        return scores

    def save(self, path: Path) -> None:
        """Writes the model.

        Raises:
            OutputError: The file cannot be written.
        """
        arrays = {name: value for name, value in self.trie._asdict().items() if name != "innermost"}
        if self.small:
            arrays = _shrink(**arrays)
        arrays |= {name: _join(lines) for name, lines in (("text", self.words), ("sounds", self.sounds)) if lines}
        beams = {spelling: asdict(beam) for spelling, beam in self.beams.items()}
        header = json.dumps({"format_version": FORMAT_VERSION, "orders": self.orders, "beams": beams})
        with write_atomically(path) as temporary:
            temporary.write_bytes(save(arrays, {_KEY: header}))


@compiled
def look_up(trie: Trie, context: int, word: int) -> tuple[float, int]:
    """Returns a word's natural log-probability in a context, and the longest context that the model knows after it."""
    weight = 0.0
    while True:
        low, high = trie.first_child[context], trie.first_child[context + 1]
        end = high
        while low < high:
            middle = (low + high) // 2
            if trie.word[middle] < word:
                low = middle + 1
            else:
                high = middle
        if low < end and trie.word[low] == word:
            following = low if low < trie.innermost else trie.suffix[low]
            return weight + trie.log_prob[low], following
        weight += trie.backoff[context]
        context = trie.suffix[context]


def assemble(words: Sequence[str], levels: Sequence[Level]) -> NgramModel:
    """Returns the model whose n-grams these are; the first level holds each word, in order."""
    firsts = np.cumsum([1, *(len(level.word) for level in levels)])
    nodes = int(firsts[-1])
    word, suffix = np.zeros(nodes, dtype=np.int32), np.zeros(nodes, dtype=np.int32)
    log_prob, backoff = np.zeros(nodes, dtype=np.float32), np.zeros(nodes, dtype=np.float32)
    children = np.zeros(nodes, dtype=np.int64)
    for number, level in enumerate(levels):
        here = slice(firsts[number], firsts[number + 1])
        above = firsts[number - 1] if number else 0
        word[here], log_prob[here], backoff[here] = level.word, level.log_prob, level.backoff
        suffix[here] = level.suffix + above if number else _ROOT
        children += np.bincount(level.parent + above, minlength=nodes)
    first_child = np.concatenate([[1], 1 + np.cumsum(children)]).astype(np.int32)
    trie = Trie(word, first_child, suffix, log_prob, backoff, _find_innermost(firsts))
    return NgramModel(tuple(words), trie, tuple(len(level.word) for level in levels))


def load_ngrams(path: Path) -> NgramModel:
    """Returns the model in a file that `NgramModel.save` wrote; its arrays stay on disk, unless it is small.

    Raises:
        ModelError: It is missing, no model, cut short, or from a newer release.
    """
    try:
        header, metadata, start = _read_header(path)
        raw = np.memmap(path, mode="c", offset=start)
        arrays = {name: _view(raw, entry) for name, entry in header.items()}
        small = "children" in arrays
        if small:
            arrays = _grow(**arrays)
        orders = tuple(int(count) for count in metadata["orders"])
        beams = _read_beams(metadata)
        words = _split(arrays.pop("text"))
        sounds = _split(arrays.pop("sounds")) if "sounds" in arrays else ()
        trie = Trie(innermost=_find_innermost(np.cumsum([1, *orders])), **arrays)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ModelError(f"{path}: no language model, or cut short; build or copy it again") from error
    nodes = 1 + sum(orders)
    if {len(words), len(sounds or words)} != {orders[0]} or any(
        len(array) != nodes + (name == "first_child") for name, array in arrays.items()
    ):
        raise ModelError(f"{path}: its parts do not fit each other; build or copy it again")
    if not _is_sound(trie, orders):
        raise ModelError(f"{path}: damaged; build or copy it again")
    return NgramModel(words, trie, orders, beams, sounds, small)


def _shrink(first_child: NDArray[Any], **others: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Returns a trie's arrays as a small file has them: of each node's children their number, not where they begin."""
    arrays = {**others, "children": np.diff(first_child)}
    return {name: value.astype(_choose_narrow(value)) for name, value in arrays.items()}


def _choose_narrow(values: NDArray[Any]) -> "np.dtype[Any]":
    return np.dtype(np.float16) if values.dtype.kind == "f" else np.min_scalar_type(values.max())


def _grow(children: NDArray[Any], **others: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Returns a trie's arrays, and texts, as a compiled loop reads them, of those in a small file."""
    first_child = np.concatenate([[1], 1 + np.cumsum(children, dtype=np.int64)])
    return {name: value.astype(_WIDE.get(name, value.dtype)) for name, value in others.items()} | {
        "first_child": first_child.astype(np.int32)
    }


def _join(lines: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(lines).encode(), dtype=np.uint8)


def _split(text: NDArray[np.uint8]) -> tuple[str, ...]:
    return tuple(bytes(text).decode().split("\n"))


def _find_innermost(firsts: NDArray[np.int64]) -> int:
    return int(firsts[-2])


def _is_sound(trie: Trie, orders: Sequence[int]) -> bool:
    """Returns whether every number in a trie points at something, so that a search reads nothing else and ends."""
    nodes = 1 + sum(orders)
    firsts, words, suffixes = trie.first_child, trie.word, trie.suffix
    return bool(
        firsts[0] == 1
        and firsts[1] == 1 + orders[0]
        and firsts[-1] == nodes
        and (np.diff(firsts) >= 0).all()
        and (words[1 : 1 + orders[0]] == np.arange(orders[0])).all()
        and words.min() >= 0
        and words.max() < orders[0]
        and suffixes.min() >= 0
        and (suffixes[1:] < np.arange(1, nodes)).all()
        and np.isfinite(trie.log_prob).all()
        and np.isfinite(trie.backoff).all()
    )


def _read_header(path: Path) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Returns what a safetensors file holds, our metadata in it, and where its data begins."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise ValueError("no safetensors file")
        header = json.loads(file.read(length))
    metadata = json.loads(header.pop("__metadata__")[_KEY])
    if metadata["format_version"] > FORMAT_VERSION:
        raise ModelError(f"{path}: written by a newer release; upgrade speechrnn")
    return header, metadata, 8 + length


def _read_beams(metadata: dict[str, Any]) -> dict[Spelling, BeamConfig]:
    """Returns the weights in a file; one of an older release has one set, whose priors moved if it is for phones."""
    if metadata["format_version"] > 2:
        beams = metadata["beams"]
        return {spelling: build_record(BeamConfig, beams[spelling]) for spelling in SPELLINGS if spelling in beams}
    if not metadata["beam"]:
        return {}
    beam = build_record(BeamConfig, metadata["beam"])
    for_phones = beam.prior_weight != BeamConfig().prior_weight
    return {spelling: beam for spelling in SPELLINGS if spelling == "phones" or not for_phones}


def _view(raw: "np.memmap[Any, np.dtype[np.uint8]]", entry: dict[str, Any]) -> NDArray[Any]:
    first, last = entry["data_offsets"]
    piece = raw[first:last]
    if len(piece) != last - first:
        raise ValueError("cut short")
    return piece.view(np.ndarray).view(_STORED[entry["dtype"]])
