from pathlib import Path

import pytest

from speechrnn.shipped import EXPORTED, FOLDER, WORDS, find_shipped
from speechrnn.text import alphabet_of, normalize


def test_a_bare_name_is_what_ships_under_it() -> None:
    assert find_shipped(Path("digits"), WORDS) == FOLDER / "digits.txt"


def test_a_file_that_is_there_goes_before_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digits").write_text("uno\n")
    monkeypatch.chdir(tmp_path)
    assert find_shipped(Path("digits"), WORDS) == Path("digits")


def test_a_folder_hides_a_model_that_ships_and_no_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "english").mkdir()
    (tmp_path / "digits").mkdir()
    assert find_shipped(Path("english"), EXPORTED) == Path("english")
    assert find_shipped(Path("digits"), WORDS) == FOLDER / "digits.txt"


@pytest.mark.parametrize("path", ["digit", "models/digits", "/digits", "../models/digits", "digits.txt", ""])
def test_any_other_path_is_left_as_it_is(path: str) -> None:
    assert find_shipped(Path(path), WORDS) == Path(path)


def test_a_name_ships_as_what_it_is_and_nothing_else() -> None:
    assert find_shipped(Path("digits"), EXPORTED) == Path("digits")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_shipped_words_are_as_transcripts_write_them(path: Path) -> None:
    text = " ".join(path.read_text(encoding="utf-8").split())
    assert text == normalize(text, "en")
    assert set(text) <= set(alphabet_of("en").symbols)
