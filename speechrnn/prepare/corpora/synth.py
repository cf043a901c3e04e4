"""Speech made of a text by voices that pip installs; prepared like any table of recordings."""

from speechrnn.prepare.corpora.tsv import read_tsv
from speechrnn.prepare.corpus import Corpus
from speechrnn.prepare.synthesis import synthesise

CORPORA = (
    Corpus(
        "synth",
        "your text, said by synthetic voices",
        read_tsv,
        speakers="68",
        lang="",
        licence="Apache-2.0",
        make=synthesise,
    ),
)
