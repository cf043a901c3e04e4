from pathlib import Path

import pytest

from speechrnn.errors import CorpusError
from speechrnn.prepare.corpora.common_voice import read_common_voice

HEADER = "client_id\tpath\tsentence\tup_votes\tlocale"


def lay_out(folder: Path, locale: str = "es") -> Path:
    folder.mkdir(parents=True)
    (folder / "train.tsv").write_text(
        f'{HEADER}\nana\tcv_1.mp3\tDijo: "¡Sí!"\t2\t{locale}\nbea\tcv_2.mp3\tNo.\t2\t{locale}\n'
    )
    (folder / "dev.tsv").write_text(f"{HEADER}\ncai\tcv_3.mp3\tTal vez\t2\t{locale}\n")
    (folder / "test.tsv").write_text(f"{HEADER}\ndan\tcv_4.mp3\tNunca\t2\t{locale}\n")
    (folder / "validated.tsv").write_text("all of it\n")
    return folder


def test_a_release_has_its_splits_and_its_language(tmp_path: Path) -> None:
    splits = read_common_voice(lay_out(tmp_path / "es"))
    assert {split: [one.id for one in utterances] for split, utterances in splits.items()} == {
        "train": ["cv_1", "cv_2"],
        "dev": ["cv_3"],
        "test": ["cv_4"],
    }
    first = splits["train"][0]
    assert (first.text, first.speaker, first.lang) == ('Dijo: "¡Sí!"', "ana", "es")
    assert first.audio_filepath == str(tmp_path / "es" / "clips" / "cv_1.mp3")


def test_the_folder_above_will_do_where_it_holds_one_language(tmp_path: Path) -> None:
    lay_out(tmp_path / "sv-SE", "sv-SE")
    assert read_common_voice(tmp_path)["dev"][0].lang == "sv"
    lay_out(tmp_path / "ca", "ca")
    with pytest.raises(CorpusError, match=r"name the folder of one language, .*found ca, sv-SE"):
        read_common_voice(tmp_path)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    (lay_out(tmp_path / "es") / "dev.tsv").write_text(f"{HEADER}\ncai\tcv_3.mp3\n")
    with pytest.raises(CorpusError, match=r"dev.tsv:2: no sentence"):
        read_common_voice(tmp_path / "es")
