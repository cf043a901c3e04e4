"""What a score knows beyond words: groups of utterances, times, files for other programs."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE
from speechrnn.counts import ErrorCounts
from speechrnn.errors import OutputError, ScoreError
from speechrnn.score.assessment import Assessment
from speechrnn.score.breakdown import Group, break_down, estimate_snr
from speechrnn.score.entries import Entry
from speechrnn.score.exports import Outputs, to_json, write_sides
from speechrnn.score.readers import read_transcripts
from speechrnn.score.scoring import FEWEST_SPEAKERS, Score, score_transcripts
from speechrnn.score.times import measure_times


@pytest.fixture
def score() -> Score:
    references = {
        "a": Entry("one two three", ((0, 1), (1, 2), (2, 3)), speaker="ana", duration=1.5),
        "b": Entry("yes", ((0.5, 1),), speaker="bo", duration=7.0),
        "c": Entry("no no", speaker="ana", duration=5.0),
        "d": Entry("well"),
    }
    hypotheses = {
        "a": Entry("one too three four", ((0, 1.1), (1, 2), (2.1, 3.3), (4, 5)), (0.9, 0.2, 0.8, 0.1)),
        "b": Entry("yes", ((0.5, 1),), (1.0,)),
        "c": Entry("no"),
    }
    return score_transcripts(references, hypotheses)


def names(groups: Sequence[Group]) -> list[tuple[str, int, int]]:
    return [(group.name, group.utterances, group.words.errors) for group in groups]


def test_utterances_are_grouped_by_name_and_by_range(score: Score) -> None:
    assert names(break_down(score.utterances, "speaker")) == [("ana", 2, 3), ("bo", 1, 0), ("unknown", 1, 1)]
    assert names(break_down(score.utterances, "duration")) == [
        ("below 2 s", 1, 2),
        ("5 to 10 s", 2, 1),
        ("unknown", 1, 1),
    ]
    assert names(break_down(score.utterances, "rate")) == [
        ("below 1 words/s", 2, 1),
        ("2 to 2.5 words/s", 1, 2),
        ("unknown", 1, 1),
    ]
    for key in ("speaker", "lang", "duration", "rate", "snr"):
        groups = break_down(score.utterances, key)
        assert sum((group.words for group in groups), ErrorCounts()) == score.words


@pytest.mark.parametrize("decibels", [15.0, 35.0])
def test_the_distance_between_speech_and_pause_is_the_snr(tmp_path: Path, decibels: float) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=4 * SAMPLE_RATE) / 100
    noise[SAMPLE_RATE : 3 * SAMPLE_RATE] *= 10 ** (decibels / 20)
    soundfile.write(tmp_path / "voice.wav", noise / np.abs(noise).max(), SAMPLE_RATE)
    assert estimate_snr(noise.astype(np.float32)) == pytest.approx(decibels, abs=1.5)
    told = {"u": Entry("yes", audio_filepath=str(tmp_path / "voice.wav"))}
    (group,) = break_down(score_transcripts(told, {"u": "yes"}).utterances, "snr")
    assert group.name == {15.0: "10 to 20 dB", 35.0: "30 to 40 dB"}[decibels]


def test_times_are_compared_where_the_word_is_right(score: Score) -> None:
    found = measure_times(score.utterances)
    assert found
    assert (found.words, found.start, found.far) == (3, 0.0, 1)
    assert found.end == pytest.approx(0.1)
    assert measure_times(score_transcripts({"u": "a"}, {"u": "a"}).utterances) is None


def test_speakers_are_drawn_where_they_are_known_and_enough() -> None:
    def score_of(speakers: int, known: bool = True) -> Score:
        references = {str(n): Entry("a b", speaker=f"s{n % speakers}") for n in range(60)}
        if not known:
            references["0"] = Entry("a b")
        return score_transcripts(references, {str(n): "a x" if n % speakers == 0 else "a b" for n in range(60)})

    many = score_of(FEWEST_SPEAKERS)
    assert len(many.speakers) == 60
    assert score_of(FEWEST_SPEAKERS - 1).speakers == []
    assert score_of(FEWEST_SPEAKERS, known=False).speakers == []
    alone = score_of(FEWEST_SPEAKERS, known=False)
    assert many.interval.high - many.interval.low > 1.3 * (alone.interval.high - alone.interval.low)


def test_json_carries_the_counts_and_every_utterance(score: Score) -> None:
    groups = {"speaker": break_down(score.utterances, "speaker")}
    told = json.loads(to_json(Assessment(score, "basic", groups, score, "itself")))
    assert told["words"] | {"percent": 0} == {
        "hits": 4, "substitutions": 1, "deletions": 2, "insertions": 1, "percent": 0,
    }  # fmt: skip
    assert told["words"]["percent"] == pytest.approx(100 * 4 / 7)
    assert (told["missing"], told["normalizer"]) == (["d"], "basic")
    assert [one["name"] for one in told["groups"]["speaker"]] == ["ana", "bo", "unknown"]
    assert sum(one["substitutions"] for one in told["groups"]["speaker"]) == 1
    assert (told["against"]["name"], told["against"]["difference"]) == ("itself", 0.0)
    assert told["calibration"]["error"] == pytest.approx(score.calibration.error)  # type: ignore[union-attr]
    assert [one["id"] for one in told["by_utterance"]] == ["a", "b", "c", "d"]
    assert told["by_utterance"][0]["alignment"][1] == ["substitute", "two", "too"]
    empty = json.loads(to_json(Assessment(score_transcripts({"u": ""}, {"u": "a"}))))
    assert (empty["words"]["percent"], empty["against"], empty["groups"]) == (None, None, {})


@pytest.mark.parametrize("form", ["trn", "ctm"])
def test_what_is_written_for_sclite_scores_the_same(tmp_path: Path, score: Score, form: str) -> None:
    write_sides(score, tmp_path, form)  # type: ignore[arg-type]
    spoken, heard = (read_transcripts(tmp_path / f"{side}.{form}", "hypothesis") for side in ("ref", "hyp"))
    again = score_transcripts(spoken, heard)
    if form == "trn":
        assert again.words == score.words
        assert (tmp_path / "hyp.trn").read_text().splitlines()[3] == " (d)"
    else:
        np.testing.assert_allclose(heard["a"].times, score.utterances[0].hypothesis.times)
        assert heard["a"].confidences == (0.9, 0.2, 0.8, 0.1)
        assert spoken["a"].confidences == ()
    outputs = Outputs(**{form: tmp_path}, html=tmp_path / "new.html")  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="exists; --force"):
        outputs.write(Assessment(score))
    assert not (tmp_path / "new.html").exists()
    replace(outputs, force=True).write(Assessment(score))
    assert (tmp_path / "new.html").exists()


def test_ctm_is_read_with_comments_channels_and_confidences(tmp_path: Path) -> None:
    (tmp_path / "hyp.ctm").write_text(
        ";; made by hand\ncall A 0.5 .25 hello 0.9\ncall A 1 0.5 world 0.8 lex\ncall B 2.0 0.1 yes\nmail 1 0 1 3 0.5\n"
    )
    found = read_transcripts(tmp_path / "hyp.ctm", "hypothesis")
    assert {id: entry.text for id, entry in found.items()} == {"call-A": "hello world", "call-B": "yes", "mail": "3"}
    assert found["call-A"].times == ((0.5, 0.75), (1.0, 1.5))
    assert (found["call-A"].confidences, found["call-B"].confidences) == ((0.9, 0.8), ())
    (tmp_path / "torn.ctm").write_text("a 1 0 1 x\nb 1 0 1 y\na 1 2 1 z\n")
    with pytest.raises(ScoreError, match="the words of a do not stand together"):
        read_transcripts(tmp_path / "torn.ctm", "hypothesis")


def read_texts(path: Path, content: str) -> dict[str, str]:
    path.write_text(content)
    return {id: entry.text for id, entry in read_transcripts(path, "hypothesis").items()}


def test_digits_that_somebody_said_are_no_ctm(tmp_path: Path) -> None:
    assert read_texts(tmp_path / "hyp", "u1 4 5 6 7\nu2 5 5 5 1 2 3 4\n") == {"u1": "4 5 6 7", "u2": "5 5 5 1 2 3 4"}
    assert read_texts(tmp_path / "hyp", "u1 A 0.5 6 seven\n") == {"u1": "seven"}
    with pytest.raises(ScoreError, match=r"hyp\.ctm:2: expected an id, a channel, start and length"):
        read_texts(tmp_path / "hyp.ctm", "a 1 0.0 0.5 hello\na 1 -0.5 0.5 world\n")
    assert read_texts(tmp_path / "hyp.ctm", "a 1 0.0 0.5 hello 9e-05\na 1 1 0.5 world NA\n") == {"a": "hello world"}


def test_comments_and_odd_ids_do_not_make_trn_another_format(tmp_path: Path) -> None:
    said = ";; by hand\nhello world (a-1)\n(b)\nfoo (c(2))\n"
    for name in ("hyp", "hyp.trn"):
        assert read_texts(tmp_path / name, said) == {"a-1": "hello world", "b": "", "c(2)": "foo"}
    assert read_texts(tmp_path / "hyp", "rec_(1)\nrec_(2)\n") == {"rec_(1)": "", "rec_(2)": ""}
    with pytest.raises(ScoreError, match=r"hyp\.trn:2: expected words and an id in parentheses"):
        read_texts(tmp_path / "hyp.trn", "hello (a)\nworld\n")


@pytest.mark.parametrize("line", ["good { bar / @ } morning (a)", "hello (uh) world (a)"])
def test_words_that_trn_leaves_open_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ScoreError, match=r"ref\.trn:1: (\{|\(uh\)): words that may be left out, or be others"):
        read_texts(tmp_path / "ref.trn", f"{line}\n")


@pytest.mark.parametrize("content", ['[{"id": "a", "text": "x"}]', "[\n{}\n]", "[]"])
def test_a_json_array_is_called_so(tmp_path: Path, content: str) -> None:
    with pytest.raises(ScoreError, match="is one JSON array; write one object a line"):
        read_texts(tmp_path / "ref.json", content)


def test_an_id_may_be_a_number(tmp_path: Path) -> None:
    assert read_texts(tmp_path / "hyp.jsonl", '{"id": 0, "text": "x"}\n{"id": 17, "text": "y"}\n') == {
        "0": "x",
        "17": "y",
    }


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_numbers_without_an_end_are_refused(tmp_path: Path, number: str) -> None:
    with pytest.raises(ScoreError, match=rf"ref\.jsonl:1: {number} is no finite number"):
        read_texts(tmp_path / "ref.jsonl", f'{{"id": "u", "text": "a", "duration": {number}}}\n')


def test_words_that_are_all_right_leave_json_valid(tmp_path: Path) -> None:
    sure = score_transcripts({"u": "a b"}, {"u": Entry("a b", confidences=(0.9, 0.8))})
    told = json.loads(to_json(Assessment(sure)), parse_constant=pytest.fail)
    assert told["calibration"]["cross_entropy"] is None


def test_what_is_no_text_is_written_with_escapes(tmp_path: Path) -> None:
    write_sides(score_transcripts({"u": "a \ud800"}, {"u": "a"}), tmp_path, "trn")
    assert (tmp_path / "ref.trn").read_text() == "a \\ud800 (u)\n"


def test_a_side_without_times_is_no_ctm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sides(score_transcripts({"u": "a"}, {"u": Entry("a", ((0.0, 0.5),))}), tmp_path, "ctm")
    assert [path.name for path in tmp_path.iterdir()] == ["hyp.ctm"]
    assert "ref.ctm: not written, for no word has times" in " ".join(capsys.readouterr().err.split())


def test_plain_lines_belong_together_in_order_and_none_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "ref").write_text("a b\n\nc\na b\n")
    (tmp_path / "hyp").write_text("a b\nx\n\na\n")
    spoken, heard = (read_transcripts(tmp_path / name, "reference", plain=True) for name in ("ref", "hyp"))
    score = score_transcripts(spoken, heard)
    assert score.words == ErrorCounts(hits=3, deletions=2, insertions=1)
    assert [one.id for one in score.utterances] == ["line-1", "line-2", "line-3", "line-4"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.json", '{"id": "a", "text": "hi", "words": [{"text": "hi", "confidence": 1.01}]}'),
        ("a.json", '{"id": "a", "text": "hi", "words": [{"text": "hi", "confidence": -0.5}]}'),
        ("a.ctm", "a 1 0.0 0.5 hi 1.01"),
    ],
)
def test_confidences_that_are_none_are_refused(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / name).write_text(line + "\n")
    with pytest.raises(ScoreError, match=rf"{name}.*confidence \S+ is not from 0 to 1"):
        read_transcripts(tmp_path / name, "hypothesis")


def test_a_json_line_tells_times_confidences_and_who_spoke(tmp_path: Path) -> None:
    words = [{"text": "hello", "start": 0.1, "end": 0.5, "confidence": 0.9}]
    line = {"id": "u", "text": "hello", "words": words, "speaker": "ana", "lang": "en", "duration": 2}
    (tmp_path / "ref.jsonl").write_text(json.dumps(line | {"audio_filepath": "u.wav", "offset": 1.5}))
    entry = read_transcripts(tmp_path / "ref.jsonl", "reference")["u"]
    assert entry == Entry("hello", ((0.1, 0.5),), (0.9,), "ana", "en", 2, str(tmp_path / "u.wav"), 1.5)
    for strange in (None, [], [1], [{"text": "other", "start": 0}], {"a": 1}):
        (tmp_path / "hyp.jsonl").write_text(json.dumps(line | {"words": strange, "speaker": 5, "duration": "long"}))
        odd = read_transcripts(tmp_path / "hyp.jsonl", "hypothesis")["u"]
        assert odd == Entry("hello", lang="en")
