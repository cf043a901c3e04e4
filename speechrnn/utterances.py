"""Many utterances, which wait on disk: a corpus of any size takes a few bytes of memory for each."""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter, eq
from tempfile import SpooledTemporaryFile
from typing import overload
from weakref import finalize

from speechrnn.manifest import Utterance

_IN_MEMORY = 1 << 20
"""Bytes up to which nothing is written to disk."""

_values = attrgetter(*Utterance.__dataclass_fields__)


class UtteranceList(Sequence[Utterance]):
    """Utterances in their order; more can be added at the end. What it holds is gone when it is."""

    def __init__(self, utterances: Iterable[Utterance] = ()) -> None:
        """Takes utterances one by one, from a generator for instance, and keeps none of them in memory."""
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (open as long as the list is there)
        finalize(self, self._file.close)
        self._ends = array("q", [0])
        self.extend(utterances)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> Utterance: ...
    @overload
    def __getitem__(self, index: slice) -> "UtteranceList": ...
    def __getitem__(self, index: int | slice) -> "Utterance | UtteranceList":
        if isinstance(index, slice):
            return UtteranceList(self[place] for place in range(*index.indices(len(self))))
        place = range(len(self))[index]
        self._file.seek(self._ends[place])
        return Utterance(*json.loads(self._file.read(self._ends[place + 1] - self._ends[place])))

    def __iter__(self) -> Iterator[Utterance]:
        return (self[place] for place in range(len(self)))

    def append(self, utterance: Utterance) -> None:
        """Adds an utterance at the end."""
        self.extend((utterance,))

    def extend(self, utterances: Iterable[Utterance]) -> None:
        """Adds utterances at the end."""
        for utterance in utterances:
            self._file.seek(self._ends[-1])
            self._ends.append(self._ends[-1] + self._file.write(json.dumps(_values(utterance)).encode()))
