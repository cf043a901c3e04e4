"""The corpora that `prepare` knows: one module each, one table of them all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpora import fsdd, hello, librispeech, tsv

UNSPLIT = tsv.UNSPLIT
"""The split's name where a corpus does not say what is for training and what for testing."""


@dataclass(frozen=True, slots=True)
class CorpusReader:
    """A corpus's name, what it is, and how its folder becomes utterances by split."""

    name: str
    description: str
    read: Callable[[Path], Mapping[str, list[Utterance]]]
    source: Path | None = None


READERS: Mapping[str, CorpusReader] = MappingProxyType(
    {
        reader.name: reader
        for reader in (
            CorpusReader("fsdd", "Free Spoken Digit Dataset", fsdd.read_fsdd),
            CorpusReader("hello", "28 synthetic voices, 40 phrases", hello.read_hello, hello.SOURCE),
            CorpusReader("librispeech", "read books", librispeech.read_librispeech),
            CorpusReader("tsv", "metadata.tsv with path, speaker, text", tsv.read_tsv),
        )
    }
)


def find_reader(name: str) -> CorpusReader:
    """Returns the reader of that name.

    Raises:
        CorpusError: There is none.
    """
    if name not in READERS:
        raise CorpusError(f"unknown corpus {name!r}; there is {', '.join(READERS)}")
    return READERS[name]
