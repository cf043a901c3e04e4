"""Errors as counts: they are summed over utterances, and divided last."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """How a hypothesis differs from its reference, in words or in characters."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def reference_length(self) -> int:
        """Words (or characters) of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per reference word; above 1 where insertions abound, infinite for errors against nothing."""
        if self.reference_length:
            return self.errors / self.reference_length
        return float("inf") if self.errors else 0.0

    def __add__(self, other: "ErrorCounts") -> "ErrorCounts":
        return ErrorCounts(
            self.hits + other.hits,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


def format_rate(name: str, counts: ErrorCounts) -> str:
    """Returns the line that the field greps, Kaldi's `%WER 5.29 [ 174 / 3287, 36 ins, 17 del, 121 sub ]`."""
    return (
        f"%{name} {100 * counts.rate:.2f} [ {counts.errors} / {counts.reference_length}, {counts.insertions} ins,"
        f" {counts.deletions} del, {counts.substitutions} sub ]"
    )
