import os
from pathlib import Path

import pytest

from speechrnn.errors import CorpusError
from speechrnn.prepare.corpora.folder import read_folder
from speechrnn.prepare.corpus import UNSPLIT, require_readable


def put(root: Path, name: str, text: str | None = "hello\n") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if text is not None:
        path.with_suffix(".txt").write_text(text)


def test_a_text_beside_each_recording_and_the_folder_is_the_speaker(tmp_path: Path) -> None:
    put(tmp_path, "ana/1.wav", "\ufeffGood\r\nmorning\r\n")
    put(tmp_path, "bea/deep/2.FLAC")
    put(tmp_path, "3.opus", None)
    utterances = {one.id: one for one in read_folder(tmp_path)[UNSPLIT]}
    assert {id: one.speaker for id, one in utterances.items()} == {"ana/1": "ana", "bea/deep/2": "bea", "3": ""}
    assert utterances["ana/1"].text == "Good morning"
    assert utterances["3"].text == ""


def test_folders_named_after_splits_are_splits(tmp_path: Path) -> None:
    for name in ("train/ana/1.wav", "train/bea/2.wav", "dev/cai/3.wav", "test/4.wav"):
        put(tmp_path, name)
    splits = read_folder(tmp_path)
    assert {split: [one.speaker for one in utterances] for split, utterances in splits.items()} == {
        "train": ["ana", "bea"],
        "dev": ["cai"],
        "test": [""],
    }


def test_what_keeps_splits_from_being_splits_and_what_cannot_be_read_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train/1.wav", "test/2.wav", "loose.wav", "train/3.m4a"):
        put(tmp_path, name)
    assert list(read_folder(tmp_path)) == [UNSPLIT]
    said = capsys.readouterr().err
    assert f"{tmp_path}: test, train are taken for no splits, as loose.wav lies in none" in said
    assert f"{tmp_path}: passed over 1 files that cannot be read, like 3.m4a; convert them" in said


def test_splits_that_do_not_lie_at_the_top_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("mine/train/1.wav", "mine/test/2.wav"):
        put(tmp_path, name)
    assert list(read_folder(tmp_path)) == [UNSPLIT]
    assert "test, train are taken for no splits, as they do not lie at the top" in capsys.readouterr().err


def test_what_has_no_text_or_no_recording_beside_it_and_what_is_no_text_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "ana/1.wav")
    put(tmp_path, "ana/2.wav", None)
    put(tmp_path, "ana/3.wav", None)
    put(tmp_path, "bea/4.WAV", None)
    (tmp_path / "bea" / "4.TXT").write_text("hola\n")
    put(tmp_path, "bea/5.wav", None)
    (tmp_path / "bea" / "5.txt").write_text("hola\n", encoding="utf-16")
    (tmp_path / "bea" / "6.txt").write_text("nobody said this\n")
    texts = {one.id: one.text for one in read_folder(tmp_path)[UNSPLIT]}
    assert texts == {"ana/1": "hello", "ana/2": "", "ana/3": "", "bea/4": "hola", "bea/5": ""}
    said = " ".join(capsys.readouterr().err.split())
    assert "2 recordings without words: ana/2.txt is not there, for example" in said
    assert "1 text without a recording, like bea/6.txt" in said
    assert "5.txt: not UTF-8 text" in said


def test_a_folder_without_any_text_is_laid_out_otherwise(tmp_path: Path) -> None:
    put(tmp_path, "ana/1.wav", None)
    (tmp_path / "metadata.tsv").touch()
    with pytest.raises(CorpusError, match=r"none of 1 recording has its words beside it, like 1\.txt; is it"):
        read_folder(tmp_path)
    assert len(read_folder(tmp_path, untranscribed=True)[UNSPLIT]) == 1


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no recordings here"):
        read_folder(tmp_path)


def test_links_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/1.wav")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "ana").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "corpus")
    (one,) = read_folder(tmp_path / "corpus")[UNSPLIT]
    assert (one.id, one.speaker) == ("ana/1", "ana")


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "ana/1.wav")
    put(tmp_path, "bea/2.wav")
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "bea":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CorpusError, match=r"bea: cannot be read \(Permission denied\); change its rights"):
        read_folder(tmp_path)
    with pytest.raises(CorpusError, match="bea: cannot be read"):
        require_readable(tmp_path)
