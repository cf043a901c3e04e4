"""The corpora that `prepare` knows. A module here that holds a tuple named CORPORA is all that a corpus needs."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from speechrnn.errors import CorpusError
from speechrnn.prepare.corpus import Corpus

CORPORA: Mapping[str, Corpus] = MappingProxyType(
    {
        corpus.name: corpus
        for module in iter_modules(__path__, f"{__name__}.")
        for corpus in import_module(module.name).CORPORA
    }
)


def find_corpus(name: str) -> Corpus:
    """Returns the corpus of that name.

    Raises:
        CorpusError: There is none.
    """
    if name not in CORPORA:
        raise CorpusError(f"unknown corpus {name!r}; there is {', '.join(CORPORA)}")
    return CORPORA[name]
