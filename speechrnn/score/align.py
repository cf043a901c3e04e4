"""Words of a reference against words of a hypothesis: jiwer aligns once, every report is a view of its result."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Literal, cast

import jiwer
from rapidfuzz.distance import Levenshtein

from speechrnn.counts import ErrorCounts

Kind = Literal["equal", "substitute", "delete", "insert"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One column of an alignment; the missing side of an insertion or a deletion is empty."""

    kind: Kind
    reference: str
    hypothesis: str


@dataclass(frozen=True)
class Alignment:
    """A reference and a hypothesis, word beside word, as jiwer aligned them.

    Attributes:
        reference: The words that were said.
        hypothesis: The words that were recognised.
        chunks: Stretches of one kind, in order.
    """

    reference: Sequence[str]
    hypothesis: Sequence[str]
    chunks: Sequence[jiwer.AlignmentChunk]

    @cached_property
    def counts(self) -> ErrorCounts:
        """The errors of this utterance."""
        found = {"equal": 0, "substitute": 0, "delete": 0, "insert": 0}
        for chunk in self.chunks:
            said, heard = chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
            found[chunk.type] += max(said, heard)
        return ErrorCounts(*found.values())

    @cached_property
    def pairs(self) -> list[Pair]:
        """The columns; most utterances of a large score are never looked at so closely."""
        return [pair for chunk in self.chunks for pair in self._expand(chunk)]

    @cached_property
    def errors(self) -> list[Pair]:
        """The columns in which the two differ."""
        return [pair for chunk in self.chunks if chunk.type != "equal" for pair in self._expand(chunk)]

    def _expand(self, chunk: jiwer.AlignmentChunk) -> Iterator[Pair]:
        said = self.reference[chunk.ref_start_idx : chunk.ref_end_idx]
        heard = self.hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
        for words in zip_longest(said, heard, fillvalue=""):
            yield Pair(cast(Kind, chunk.type), *words)


def align_words(references: Sequence[str], hypotheses: Sequence[str]) -> list[Alignment]:
    """Returns the alignment of least errors of each pair; words are what white space separates."""
    if not references and not hypotheses:
        return []
    output = jiwer.process_words(_single_spaced(references), _single_spaced(hypotheses))
    return list(map(Alignment, output.references, output.hypotheses, output.alignments))


def count_characters(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorCounts:
    """Returns the character errors over all pairs; a space is a character.

    They are jiwer's, from the library beneath it: nobody looks at an alignment of characters.
    """
    found: Counter[str] = Counter()
    characters = 0
    for reference, hypothesis in zip(_single_spaced(references), _single_spaced(hypotheses), strict=True):
        characters += len(reference)
        found.update(edit.tag for edit in Levenshtein.editops(reference, hypothesis))
    substitutions, deletions, insertions = found["replace"], found["delete"], found["insert"]
    return ErrorCounts(characters - substitutions - deletions, substitutions, deletions, insertions)


def _single_spaced(texts: Sequence[str]) -> list[str]:
    return [" ".join(text.split()) for text in texts]
