from pathlib import Path

import pytest

from speechrnn.errors import CorpusError, ManifestError
from speechrnn.prepare.corpora.nemo import read_nemo
from speechrnn.prepare.corpus import UNSPLIT

LINE = '{"audio_filepath": "a/%s.wav", "duration": 1.5, "text": "hello", "extra": 1}\n'


def test_a_folder_has_a_manifest_a_split(tmp_path: Path) -> None:
    for name in ("train_manifest.json", "val.jsonl", "test_clean.json", "test_other.json", "notes.json"):
        (tmp_path / name).write_text(LINE % name)
    splits = read_nemo(tmp_path)
    assert list(splits) == ["train", "dev", "test_clean", "test_other"]
    assert splits["train"][0].audio_filepath == str(tmp_path / "a/train_manifest.json.wav")


def test_one_manifest_is_its_split_or_is_split_later(tmp_path: Path) -> None:
    for name, split in (("all.json", UNSPLIT), ("dev_clean.json", "dev")):
        (tmp_path / name).write_text(LINE % "x")
        assert list(read_nemo(tmp_path / name)) == [split]


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no manifests named after train"):
        read_nemo(tmp_path)
    with pytest.raises(ManifestError, match=r"none.json: cannot be read"):
        read_nemo(tmp_path / "none.json")
