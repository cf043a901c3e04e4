"""Many utterances, which wait in a temporary file: a corpus of any size takes a few bytes of memory for each.

The file lies where the system puts such files (TMPDIR), and needs about 300 bytes for each.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter, eq
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import overload
from weakref import finalize

from speechrnn.manifest import Utterance
from speechrnn.outputs import explain_disk_errors

_IN_MEMORY = 1 << 20
"""Bytes up to which nothing is written to disk."""

_BLOCK = 1000
"""Utterances that are read or written at once."""

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
        return self._read(place, place + 1)[0]

    def __iter__(self) -> Iterator[Utterance]:
        for first in range(0, len(self), _BLOCK):
            yield from self._read(first, min(first + _BLOCK, len(self)))

    def append(self, utterance: Utterance) -> None:
        """Adds an utterance at the end."""
        self.extend((utterance,))

    def extend(self, utterances: Iterable[Utterance]) -> None:
        """Adds utterances at the end.

        Raises:
            OutputError: The disk for temporary files is full.
        """
        rest = iter(utterances)
        while block := [_encode(one) for one in islice(rest, _BLOCK)]:
            with explain_disk_errors(Path(gettempdir())):
                self._file.seek(self._ends[-1])
                self._file.write(b"".join(block))
            for encoded in block:
                self._ends.append(self._ends[-1] + len(encoded))

    def _read(self, first: int, last: int) -> list[Utterance]:
        start = self._ends[first]
        self._file.seek(start)
        block = self._file.read(self._ends[last] - start)
        return [_decode(block[self._ends[at] - start : self._ends[at + 1] - start]) for at in range(first, last)]


def _encode(utterance: Utterance) -> bytes:
    return json.dumps(_values(utterance), ensure_ascii=False).encode(errors="surrogatepass")  # a name that is no text


def _decode(encoded: bytes) -> Utterance:
    return Utterance(*json.loads(encoded.decode(errors="surrogatepass")))
