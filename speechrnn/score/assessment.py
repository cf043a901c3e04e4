"""A score with all that is asked beside it: groups of utterances, and another recogniser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from speechrnn.score.breakdown import Group, break_down
from speechrnn.score.entries import Entry
from speechrnn.score.normalizers import choose_normalizer
from speechrnn.score.scoring import Score, score_transcripts
from speechrnn.score.significance import Comparison, compare


@dataclass(frozen=True)
class Assessment:
    """What every report is a view of.

    Attributes:
        score: Of the hypotheses.
        normalizer: The name of what was applied to both sides.
        groups: Of utterances, by what they were grouped by.
        other: The score of another recogniser's hypotheses, against the same references.
        other_name: What that one is called.
    """

    score: Score
    normalizer: str = "none"
    groups: Mapping[str, Sequence[Group]] = field(default_factory=dict)
    other: Score | None = None
    other_name: str = ""

    @cached_property
    def comparison(self) -> Comparison | None:
        """How the recogniser differs from the other one."""
        return compare(self.score.alignments, self.other.alignments, self.score.speakers) if self.other else None


def assess(
    references: Mapping[str, Entry],
    hypotheses: Mapping[str, Entry],
    *,
    normalizer: str = "none",
    keys: Sequence[str] = (),
    others: Mapping[str, Entry] | None = None,
    other_name: str = "",
) -> Assessment:
    """Returns the assessment of hypotheses.

    Args:
        references: What was said, by utterance id.
        hypotheses: What was recognised.
        normalizer: What is applied to both sides, as `choose_normalizer` takes it.
        keys: What utterances are grouped by, of `breakdown.KEYS`.
        others: What another recogniser has recognised.
        other_name: Its name.

    Raises:
        ScoreError: There is no such normaliser, or the sides do not belong together.
    """
    normalize = choose_normalizer(normalizer)
    score = score_transcripts(references, hypotheses, normalize)
    return Assessment(
        score,
        normalizer,
        {key: break_down(score.utterances, key) for key in keys},
        score_transcripts(references, others, normalize) if others is not None else None,
        other_name,
    )
