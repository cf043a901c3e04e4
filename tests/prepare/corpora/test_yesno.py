from pathlib import Path

import pytest

from speechrnn.errors import CorpusError
from speechrnn.prepare.corpora.yesno import read_yesno


def test_the_name_is_the_transcript_and_the_last_29_are_the_test_set(tmp_path: Path) -> None:
    folder = tmp_path / "waves_yesno"
    folder.mkdir()
    for number in range(60):
        (folder / f"{'_'.join(f'{number:08b}')}.wav").touch()
    (folder / "README").touch()
    splits = read_yesno(tmp_path)
    assert {split: len(utterances) for split, utterances in splits.items()} == {"train": 25, "dev": 6, "test": 29}
    assert splits["train"][1].text == "no no no no no no no yes"
    assert sum(len(one.text.split()) for one in splits["test"]) == 232  # the words of Kaldi's test set


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no recordings named like 0_1_0"):
        read_yesno(tmp_path)
