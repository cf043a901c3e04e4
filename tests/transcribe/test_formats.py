import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.transcribe.formats import FORMATS, cut_cues
from speechrnn.transcribe.transcript import Transcript
from speechrnn.words import Word

WORDS = (Word("good", 0.5, 0.75, 0.9), Word("morning", 0.8, 1.4, 0.8), Word("ana", 3601.25, 3601.5, 0.75))
TRANSCRIPT = Transcript("a b", "good morning ana", WORDS, 0.8167, "a b.wav", 3602.0, "model")

SRT = """\
1
00:00:00,500 --> 00:00:01,500
good morning

2
01:00:01,250 --> 01:00:02,000
ana
"""

TEXTGRID = """\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 3602.000
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 3602.000
        intervals: size = 7
        intervals [1]:
            xmin = 0.000
            xmax = 0.500
            text = ""
        intervals [2]:
            xmin = 0.500
            xmax = 0.750
            text = "good"
"""


def draw_words() -> st.SearchStrategy[tuple[Word, ...]]:
    def lay_out(pieces: list[tuple[str, float, float]]) -> tuple[Word, ...]:
        words, now = [], 0.0
        for text, pause, length in pieces:
            words.append(Word(text, round(now + pause, 3), round(now + pause + length, 3), 0.5))
            now = words[-1].end
        return tuple(words)

    piece = st.tuples(st.text("abc", min_size=1, max_size=50), st.floats(0, 2), st.floats(0.03, 3))
    return st.lists(piece, max_size=30).map(lay_out)


def test_each_format_is_what_other_programs_read() -> None:
    assert FORMATS["txt"](TRANSCRIPT) == "good morning ana\n"
    assert json.loads(FORMATS["json"](TRANSCRIPT))["words"][2]["start"] == 3601.25
    assert FORMATS["srt"](TRANSCRIPT) == SRT
    assert FORMATS["vtt"](TRANSCRIPT).startswith(
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\ngood morning\n\n01:00:01.250"
    )
    assert FORMATS["tsv"](TRANSCRIPT) == "start\tend\ttext\n500\t1500\tgood morning\n3601250\t3602000\tana\n"
    assert FORMATS["ctm"](TRANSCRIPT).splitlines()[1] == "a_b 1 0.800 0.600 morning 0.8000"
    assert FORMATS["textgrid"](TRANSCRIPT).startswith(TEXTGRID)


@pytest.mark.parametrize("name", FORMATS)
def test_a_recording_without_words_has_a_file_too(name: str) -> None:
    silent = Transcript("a", "", (), 0.0, "a.wav", 1.0, "model")
    assert "good" not in FORMATS[name](silent)


@given(draw_words())
def test_subtitles_hold_every_word_once_in_lines_that_people_can_read(words: tuple[Word, ...]) -> None:
    cues = cut_cues(words)
    assert [word for cue in cues for word in cue] == list(words)
    for cue in cues:
        assert len(cue) == 1 or cue[-1].end - cue[0].start <= 7
        assert len(" ".join(word.text for word in cue)) <= 85


@given(draw_words())
def test_a_textgrid_covers_the_recording_without_gap_or_overlap(words: tuple[Word, ...]) -> None:
    duration = round((words[-1].end if words else 0) + 0.25, 3)
    text = FORMATS["textgrid"](Transcript("a", "", words, 0.0, "a.wav", duration, "m"))
    lines = [line.strip() for line in text.splitlines()[14:]]
    starts = [float(line.split("= ")[1]) for line in lines if line.startswith("xmin")]
    ends = [float(line.split("= ")[1]) for line in lines if line.startswith("xmax")]
    assert starts[0] == 0
    assert starts[1:] == ends[:-1]
    assert ends[-1] == duration
    assert all(start < end for start, end in zip(starts, ends, strict=True))
