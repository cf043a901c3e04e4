from pathlib import Path

import pytest

from speechrnn.errors import CorpusError
from speechrnn.prepare.corpora.ljspeech import read_ljspeech


def test_the_last_chapters_are_held_out_and_numbers_are_spelled_out(tmp_path: Path) -> None:
    folder = tmp_path / "LJSpeech-1.1"
    folder.mkdir()
    (folder / "metadata.csv").write_text(
        'LJ001-0001|in 1455|in fourteen fifty-five\nLJ049-0002|Dr. "X"|Doctor "X"\nLJ050-0003|c|c\n'
    )
    splits = read_ljspeech(tmp_path)
    assert [(one.id, one.text) for one in splits["train"]] == [("LJ001-0001", "in fourteen fifty-five")]
    assert [one.text for one in splits["dev"]] == ['Doctor "X"']
    assert splits["test"][0].audio_filepath == str(folder / "wavs" / "LJ050-0003.wav")
    assert read_ljspeech(folder) == splits


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("LJ001-0001|one|one\nLJ001-0002|two\n")
    with pytest.raises(CorpusError, match=r"metadata.csv:2: expected id\|text\|normalized text, found 2 columns"):
        read_ljspeech(tmp_path)
