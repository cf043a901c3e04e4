import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.errors import ManifestError
from speechrnn.manifest import Utterance, json_line, read_manifest, write_manifest
from speechrnn.records import parse_record

GOOD = '{"audio_filepath": "a.wav", "duration": 1.5, "text": "hello"}\n'


def test_a_manifest_of_nemo_needs_no_id(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(
        GOOD + '{"audio_filepath": "a.wav", "duration": 1, "offset": 2.5, "text": "ñandú", "lang": "es"}\n\n'
    )
    assert read_manifest(path) == [
        Utterance("a.wav", "hello", 1.5, id="a"),
        Utterance("a.wav", "ñandú", 1.0, 2.5, id="a-2.50", lang="es"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"audio_filepath": "b.wav", "text": "cut', "not JSON"),
        ("[1, 2]", "expected a table"),
        ('{"text": "no audio"}', "audio_filepath is missing"),
        ('{"audio_filepath": "b.wav", "text": 5}', "text: expected a text, found 5"),
        ('{"audio_filepath": "b.wav", "text": "x", "duration": -1}', "duration: expected a number > 0.0, found -1"),
        ('{"audio_filepath": "b.wav", "text": "x", "duration": "long"}', "duration: .*number"),
        ('{"audio_filepath": "b.wav", "text": "x", "offset": NaN}', r"not JSON: .*byte 51"),
        ('{"audio_filepath": "a.wav", "text": "x"}', "id 'a' was taken on line 1"),
    ],
)
def test_a_broken_line_is_named_by_file_and_number(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(GOOD + line + "\n")
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}:2: ")


def test_a_missing_manifest_and_one_in_latin1_are_errors_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="No such file"):
        read_manifest(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes('{"text": "ñ"}'.encode("latin-1"))
    with pytest.raises(ManifestError, match="not UTF-8 text"):
        read_manifest(tmp_path / "latin.jsonl")


def test_writing_and_reading_give_the_same_utterances(tmp_path: Path) -> None:
    utterances = [Utterance("a.wav", "árbol", 1.0, 0.25, "x", "ana", "es"), Utterance("b.wav", "")]
    write_manifest(tmp_path / "m.jsonl", utterances)
    assert read_manifest(tmp_path / "m.jsonl") == utterances
    assert "árbol" in (tmp_path / "m.jsonl").read_text(encoding="utf-8")


@given(st.text(), st.text(min_size=1), st.floats(0, 1e6), st.text())
def test_any_text_fits_on_one_line(text: str, id: str, offset: float, speaker: str) -> None:
    utterance = Utterance("a.wav", text, None, offset, id, speaker)
    line = json_line(utterance)
    assert line.count("\n") == 1
    assert parse_record(Utterance, line) == utterance
    assert json.loads(line)["text"] == text
