from pathlib import Path

import pytest

from speechrnn.errors import CorpusError
from speechrnn.manifest import Utterance
from speechrnn.prepare.segments import cut_by_table

RECORDINGS = {"train": [Utterance("a.wav", "", id="a", speaker="ana")], "test": [Utterance("b.wav", "", 9.0, 1.0, "b")]}

HEADER = "recording\tstart\tend\ttext\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "segments.tsv"
    path.write_text(text)
    return path


def test_recordings_become_their_segments(tmp_path: Path) -> None:
    table = write(tmp_path, HEADER + "b\t0.5\t2\thello\na\t0\t1.5\tone\na\t1.5\t3.25\ttwo words\n")
    assert cut_by_table(RECORDINGS, table) == {
        "train": [
            Utterance("a.wav", "one", 1.5, 0.0, "a-0.00-1.50", "ana"),
            Utterance("a.wav", "two words", 1.75, 1.5, "a-1.50-3.25", "ana"),
        ],
        "test": [Utterance("b.wav", "hello", 1.5, 1.5, "b-0.50-2.00")],
    }


def test_a_segment_may_have_an_id_and_a_speaker_of_its_own(tmp_path: Path) -> None:
    table = write(tmp_path, "recording\tstart\tend\ttext\tspeaker\tid\na\t0\t1\tx\tbea\tu7\n")
    assert cut_by_table(RECORDINGS, table)["train"] == [Utterance("a.wav", "x", 1.0, 0.0, "u7", "bea")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c\t0\t1\tx", r"segments.tsv:2: no recording 'c' in the corpus"),
        ("a\tzero\t1\tx", r"segments.tsv:2: start and end must be seconds"),
        ("a\t2\t1\tx", r"segments.tsv:2: must start at 0 s or later and end later, found 2.0–1.0"),
        ("a\t0\tnan\tx", r"segments.tsv:2: must start"),
        ("a\t0\t1", r"segments.tsv:2: no text"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        cut_by_table(RECORDINGS, write(tmp_path, HEADER + line + "\n"))
