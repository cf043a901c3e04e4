"""Transcripts matched by id, aligned and counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import TypeVar

from speechrnn.counts import ErrorCounts
from speechrnn.errors import ScoreError
from speechrnn.score.align import Alignment, align_words, count_characters
from speechrnn.score.calibration import Calibration, assess_confidences, judge_words
from speechrnn.score.entries import Entry, normalize_entry
from speechrnn.score.normalizers import Normalizer
from speechrnn.score.significance import Interval, estimate_interval

T = TypeVar("T")

FEWEST_SPEAKERS = 10
"""With fewer, a bootstrap that draws speakers says little."""


@dataclass(frozen=True, slots=True)
class ScoredUtterance:
    """One utterance, its reference aligned with its hypothesis."""

    id: str
    alignment: Alignment
    reference: Entry
    hypothesis: Entry

    @property
    def counts(self) -> ErrorCounts:
        """The word errors of this utterance."""
        return self.alignment.counts


@dataclass(frozen=True)
class Score:
    """What was said against what was recognised.

    Attributes:
        utterances: In the order of the references; each reference is among them.
        characters: Character errors over all utterances.
        missing: Ids without a hypothesis; all their words count as deleted.
        unexpected: Ids without a reference; they cannot be counted.
    """

    utterances: tuple[ScoredUtterance, ...]
    characters: ErrorCounts
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    @property
    def alignments(self) -> list[Alignment]:
        """The alignment of each utterance."""
        return [utterance.alignment for utterance in self.utterances]

    @cached_property
    def words(self) -> ErrorCounts:
        """Word errors over all utterances."""
        return sum((utterance.counts for utterance in self.utterances), ErrorCounts())

    @cached_property
    def speakers(self) -> list[str]:
        """The speaker of each utterance where all are known and they are enough to be drawn from; else nothing."""
        speakers = [utterance.reference.speaker for utterance in self.utterances]
        return speakers if all(speakers) and len(set(speakers)) >= FEWEST_SPEAKERS else []

    @cached_property
    def interval(self) -> Interval:
        """Where the word error rate lies with 95 % confidence, by a bootstrap over speakers, or else utterances."""
        counts = [utterance.counts for utterance in self.utterances]
        errors, words = [one.errors for one in counts], [one.reference_length for one in counts]
        return estimate_interval(errors, words, self.speakers)

    @cached_property
    def calibration(self) -> Calibration | None:
        """How far the words' confidences can be believed; None where the hypotheses have none."""
        judged = judge_words(self.alignments, [one.hypothesis.confidences for one in self.utterances])
        return assess_confidences(judged) if judged else None

    @cached_property
    def wrong_utterances(self) -> list[ScoredUtterance]:
        """Utterances with an error, most errors first; among equals the higher rate, then the id."""
        wrong = [utterance for utterance in self.utterances if utterance.counts.errors]
        return sorted(wrong, key=lambda one: (-one.counts.errors, -one.counts.rate, one.id))


def score_transcripts(
    references: Mapping[str, Entry | str], hypotheses: Mapping[str, Entry | str], normalize: Normalizer = str
) -> Score:
    """Returns the score of hypotheses against references, both by utterance id, either alone or with what is known.

    Args:
        references: What was said.
        hypotheses: What was recognised.
        normalize: Applied to the texts of both before they are compared.

    Raises:
        ScoreError: There is no reference, or no id is on both sides, nor the last part of one that is a path.
    """
    if not references:
        raise ScoreError("there is no reference to score against")
    if not references.keys() & hypotheses.keys():
        hypotheses = _match_by_stem(references, hypotheses)
    if not references.keys() & hypotheses.keys():
        raise ScoreError(
            f"no id is on both sides: the references have {_examples(references)}, the hypotheses"
            f" {_examples(hypotheses)}; lines without ids belong together with --plain"
        )
    spoken = [_normalize(entry, normalize) for entry in references.values()]
    heard = [_normalize(hypotheses.get(id, ""), normalize) for id in references]
    texts = [entry.text for entry in spoken], [entry.text for entry in heard]
    return Score(
        tuple(map(ScoredUtterance, references, align_words(*texts), spoken, heard)),
        count_characters(*texts),
        tuple(id for id in references if id not in hypotheses),
        tuple(id for id in hypotheses if id not in references),
    )


def _normalize(entry: Entry | str, normalize: Normalizer) -> Entry:
    return normalize_entry(Entry(entry) if isinstance(entry, str) else entry, normalize)


def _match_by_stem(references: Mapping[str, T], hypotheses: Mapping[str, T]) -> Mapping[str, T]:
    """Returns the hypotheses under the references' ids where the last parts of paths are all that they share."""
    ids = {PurePath(id).name: id for id in references}
    names = {PurePath(id).name for id in hypotheses}
    if len(ids) < len(references) or len(names) < len(hypotheses):
        return hypotheses
    return {ids.get(PurePath(id).name, id): text for id, text in hypotheses.items()}


def _examples(transcripts: Mapping[str, object]) -> str:
    return ", ".join(repr(id) for id in list(transcripts)[:2]) or "none"
