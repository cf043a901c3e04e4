"""Words of a reference against words of a hypothesis: jiwer aligns once, every report is a view of its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import jiwer

from speechrnn.counts import ErrorCounts

Kind = Literal["equal", "substitute", "delete", "insert"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One column of an alignment; the missing side of an insertion or a deletion is empty."""

    kind: Kind
    reference: str
    hypothesis: str


@dataclass(frozen=True, slots=True)
class Alignment:
    """A reference and a hypothesis, word beside word."""

    pairs: tuple[Pair, ...]

    @property
    def counts(self) -> ErrorCounts:
        """The errors of this utterance."""
        kinds = [pair.kind for pair in self.pairs]
        return ErrorCounts(
            kinds.count("equal"), kinds.count("substitute"), kinds.count("delete"), kinds.count("insert")
        )


def align_words(references: Sequence[str], hypotheses: Sequence[str]) -> list[Alignment]:
    """Returns the alignment of least errors of each pair; words are what white space separates."""
    if not references and not hypotheses:
        return []
    output = jiwer.process_words(_single_spaced(references), _single_spaced(hypotheses))
    return [
        Alignment(tuple(_expand(chunks, reference, hypothesis)))
        for chunks, reference, hypothesis in zip(output.alignments, output.references, output.hypotheses, strict=True)
    ]


def count_characters(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorCounts:
    """Returns the character errors over all pairs; a space is a character."""
    output = jiwer.process_characters(_single_spaced(references), _single_spaced(hypotheses))
    return ErrorCounts(output.hits, output.substitutions, output.deletions, output.insertions)


def _single_spaced(texts: Sequence[str]) -> list[str]:
    return [" ".join(text.split()) for text in texts]


def _expand(chunks: Sequence[jiwer.AlignmentChunk], reference: Sequence[str], hypothesis: Sequence[str]) -> list[Pair]:
    pairs = []
    for chunk in chunks:
        left = reference[chunk.ref_start_idx : chunk.ref_end_idx]
        right = hypothesis[chunk.hyp_start_idx : chunk.hyp_end_idx]
        for column in range(max(len(left), len(right))):
            kind = cast(Kind, chunk.type)
            pairs.append(Pair(kind, "".join(left[column : column + 1]), "".join(right[column : column + 1])))
    return pairs
