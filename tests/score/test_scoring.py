from pathlib import Path

import pytest

from speechrnn.counts import ErrorCounts
from speechrnn.errors import ScoreError
from speechrnn.score.readers import Role, read_transcripts
from speechrnn.score.report import format_summary, render_worst
from speechrnn.score.scoring import score_transcripts

REFERENCES = {"u1": "the cat sat", "u2": "hello world", "u3": "yes"}


def read(path: Path, role: Role = "hypothesis", plain: bool = False) -> dict[str, str]:
    return {id: entry.text for id, entry in read_transcripts(path, role, plain).items()}


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("u1 the cat sat\nu2 hello world\nu3 yes\n", "reference"),
        ("u2\thello world\r\n\r\nu1   the cat  sat\r\nu3 yes", "hypothesis"),
        ("the cat sat (u1)\nhello world (u2)\nyes (u3)\n", "reference"),
        (
            '{"id": "u1", "text": "the cat sat"}\n{"id": "u2", "text": "hello world"}\n{"id": "u3", "text": "yes"}',
            "reference",
        ),
        (
            '{"audio_filepath": "x/u1.wav", "text": "spoken", "pred_text": "the cat sat"}\n'
            '{"audio_filepath": "x/u2.wav", "text": "hello world"}\n{"id": "u3", "text": "yes"}',
            "hypothesis",
        ),
        ("\ufeffu1 the cat sat\nu2 hello world\nu3 yes", "reference"),
    ],
)
def test_every_format_gives_the_same_transcripts(tmp_path: Path, text: str, role: Role) -> None:
    assert read(write(tmp_path / "file", text), role) == REFERENCES


def test_an_id_alone_is_an_empty_transcript(tmp_path: Path) -> None:
    assert read(write(tmp_path / "kaldi", "u1\nu2 a\n")) == {"u1": "", "u2": "a"}
    assert read(write(tmp_path / "trn", "(u1)\na (u2)\n")) == {"u1": "", "u2": "a"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("u1 a\nu1 b\n", r"file:2: id 'u1' comes a second time"),
        ('{"id": "u1", "text": "a"}\n{"id": "u2"}\n', r"file:2: expected a JSON object with id"),
        ('{"id": "u1", "text": "a"}\n{"id": "u2", "text"\n', r"file:2: not JSON: "),
        ('{"id": "u1", "text": "a"}\n[]\n', r"file:2: expected a JSON object"),
        ("\n\n", "holds no transcript"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        read_transcripts(write(tmp_path / "file", text), "reference")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="No such file"):
        read_transcripts(tmp_path / "none", "reference")
    (tmp_path / "latin").write_bytes(b"u1 \xf1\n")
    with pytest.raises(ScoreError, match="not UTF-8"):
        read_transcripts(tmp_path / "latin", "reference")


def test_missing_hypotheses_count_as_deleted_and_are_named() -> None:
    score = score_transcripts(REFERENCES, {"u1": "the cat sat", "u2": "", "u9": "noise"})
    assert score.words == ErrorCounts(hits=3, deletions=3)
    assert (score.missing, score.unexpected) == (("u3",), ("u9",))
    assert len(score.utterances) == 3


def test_transcripts_without_a_common_id_are_refused() -> None:
    with pytest.raises(ScoreError, match=r"no id is on both sides: the references have 'u1', 'u2'"):
        score_transcripts(REFERENCES, {"x": "yes"})
    with pytest.raises(ScoreError, match="no reference"):
        score_transcripts({}, {"x": "yes"})


def test_the_worst_utterances_come_first_word_under_word() -> None:
    score = score_transcripts(REFERENCES, {"u1": "the hat", "u2": "hello world", "u3": "oh yes"})
    assert format_summary(score) == (
        "%WER 50.00 [ 3 / 6, 1 ins, 1 del, 1 sub ]\n%CER 32.00 [ 8 / 25, 3 ins, 4 del, 1 sub ]\n%SER 66.67 [ 2 / 3 ]\n"
        "95 % interval of the WER: 0.00 to 100.00 (1000 bootstraps over utterances)"
    )
    blocks = [block.plain for block in render_worst(score, 5, None)]
    assert blocks == [
        "\nu1  2 errors in 3 words\nREF: the cat sat\nHYP: the hat ***\n         S   D",
        "\nu3  1 error in 1 word\nREF: ** yes\nHYP: oh yes\n     I",
    ]


def test_a_long_alignment_is_broken_to_the_terminals_width() -> None:
    words = " ".join(["word"] * 20)
    score = score_transcripts({"u": words}, {"u": words.replace("word", "wort", 1)})
    block = next(render_worst(score, 1, 40)).plain
    assert max(map(len, block.splitlines())) <= 40
    assert block.count("REF:") == 3


def test_the_report_asks_for_colour_by_kind_of_error() -> None:
    score = score_transcripts({"u": "a b c"}, {"u": "a x d c"})
    styles = {str(span.style) for span in next(render_worst(score, 1, None)).spans}
    assert {"yellow", "cyan"} <= styles
