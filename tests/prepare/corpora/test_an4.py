from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.audio import read_signal
from speechrnn.errors import CorpusError
from speechrnn.prepare.corpora.an4 import read_an4


def lay_out(root: Path) -> Path:
    etc = root / "an4" / "etc"
    etc.mkdir(parents=True)
    (etc / "an4_train.transcription").write_text("<s> E N T E R </s> (an253-fash-b)\n<s> YES </s> (cen8-fash-b)\n")
    (etc / "an4_train.fileids").write_text("an4_clstk/fash/an253-fash-b\nan4_clstk/fash/cen8-fash-b\n")
    (etc / "an4_test.transcription").write_text("RUBOUT FIVE (an391-mjwl-b)\n")
    (etc / "an4_test.fileids").write_text("an4test_clstk/mjwl/an391-mjwl-b\n")
    return root


def test_both_forms_of_transcript_are_read(tmp_path: Path) -> None:
    splits = read_an4(lay_out(tmp_path))
    assert [(one.id, one.text, one.speaker) for one in splits["train"]] == [
        ("an253-fash-b", "E N T E R", "fash"),
        ("cen8-fash-b", "YES", "fash"),
    ]
    assert splits["test"][0].text == "RUBOUT FIVE"
    assert splits["test"][0].audio_filepath == str(tmp_path / "an4/wav/an4test_clstk/mjwl/an391-mjwl-b.sph")
    assert read_an4(tmp_path / "an4") == splits


def test_its_sphere_files_are_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.sph"
    soundfile.write(path, np.zeros(16_000), 16_000, format="NIST", subtype="PCM_16")
    assert len(read_signal(path)) == 16_000


def test_a_transcript_without_a_recording_is_named(tmp_path: Path) -> None:
    (lay_out(tmp_path) / "an4/etc/an4_test.fileids").write_text("")
    with pytest.raises(CorpusError, match=r"an4_test.transcription:1: expected words and an id of an4_test.fileids"):
        read_an4(tmp_path)
