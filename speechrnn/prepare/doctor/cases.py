"""What passes between a doctor's rules: cases in, findings out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from speechrnn.errors import AudioError
from speechrnn.manifest import Utterance
from speechrnn.prepare.doctor.examine import Examination
from speechrnn.text import Alphabet, normalize

Severity = Literal["error", "warning", "note"]

Details = Mapping[str, str]
"""The particulars of a fault, by utterance id."""


@dataclass(frozen=True)
class Case:
    """One utterance and what is known of it.

    Attributes:
        split: Where it is.
        utterance: As it was read, its text as it was written.
        examination: Of its recording, or why there is none.
        frames: Of its features, before stacking.
    """

    split: str
    utterance: Utterance
    examination: Examination | AudioError
    frames: int

    @property
    def id(self) -> str:
        """Its id."""
        return self.utterance.id

    @cached_property
    def text(self) -> str:
        """What the network would learn."""
        return normalize(self.utterance.text, self.utterance.lang)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a model thinks of a transcript: what it heard instead, and by how many nats a letter that is likelier."""

    heard: str
    margin: float


@dataclass(frozen=True, slots=True)
class Context:
    """What rules need besides the cases.

    Attributes:
        alphabet: Of the corpus's language.
        stack: Frames that become one.
        max_seconds: Longest utterance that is prepared.
        window_ms: Shortest.
        suspicions: Of a model, by id.
    """

    alphabet: Alphabet
    stack: int
    max_seconds: float
    window_ms: float
    suspicions: Mapping[str, Suspicion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of fault and how it is found.

    Attributes:
        kind: Its name, for programs.
        severity: Errors must be mended; warnings may be meant so; notes are good to know.
        what: What it is.
        remedy: What to do.
        find: Returns the utterances that have it.
        drop: Whether such utterances are better left out.
    """

    kind: str
    severity: Severity
    what: str
    remedy: str
    find: Callable[[Sequence[Case], Context], Details]
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault that was found: its kind, and its particulars."""

    rule: Rule
    details: Details


def examined(cases: Sequence[Case]) -> Iterator[tuple[Case, Examination]]:
    """Yields the cases whose recordings could be read, with what was measured."""
    for case in cases:
        if isinstance(case.examination, Examination):
            yield case, case.examination
