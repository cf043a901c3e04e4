"""Text files that people made, read line by line or whole: the same lines, the same errors."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechrnn.errors import CorpusError
from speechrnn.inputs import iterate_lines, read_lines


@given(st.text(st.sampled_from("a \u00e9\u2028\x0c\n\r\t"), max_size=30))
def test_line_by_line_is_what_reading_whole_gives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_bytes(text.encode(encoding))
        lines = read_lines(path, CorpusError)
        assert list(iterate_lines(path, CorpusError)) == (lines if text else [])


def test_a_byte_that_is_no_text_is_told_with_its_place_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_bytes(b"fine\n" * 10_000 + b"\xff\n")
    lines = iterate_lines(tmp_path / "lines.txt", CorpusError)
    with pytest.raises(CorpusError, match=r"lines.txt: not UTF-8 text \(invalid start byte at byte 50000\)"):
        list(lines)
    with pytest.raises(CorpusError, match="cannot be read"):
        list(iterate_lines(tmp_path / "none.txt", CorpusError))
