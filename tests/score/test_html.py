"""The page of a score, as text, and in a browser where there is one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechrnn.audio import SAMPLE_RATE
from speechrnn.errors import OutputError
from speechrnn.score.assessment import Assessment
from speechrnn.score.breakdown import break_down
from speechrnn.score.entries import Entry
from speechrnn.score.exports import Outputs
from speechrnn.score.scoring import Score, score_transcripts
from tests.browser import find_all, open_browser

TRAP = "</script><script>document.title='broken'</script><!-- &amp; \u2028 /*AUDIO*/"


def make_score(folder: Path, utterances: int = 4) -> Score:
    """The first utterance has a recording, the second a trap for texts that end a script."""
    tone = np.sin(np.arange(2 * SAMPLE_RATE) * 0.2) * np.linspace(0, 0.5, 2 * SAMPLE_RATE)
    soundfile.write(folder / "a.wav", tone, SAMPLE_RATE)
    references = {f"u{number}": Entry(f"word number {number}", speaker="ana") for number in range(utterances)}
    hypotheses = {id: Entry(entry.text) for id, entry in references.items()}
    references["u0"] = Entry("the cat sat down", speaker="bo", duration=2.0, audio_filepath=str(folder / "a.wav"))
    hypotheses["u0"] = Entry("the big cap sat", ((0.1, 0.3), (0.4, 0.7), (0.8, 1.1), (1.2, 1.5)), (0.9, 0.5, 0.4, 0.9))
    references["u1"] = Entry(f"well {TRAP}", speaker="ana")
    return score_transcripts(references, hypotheses)


def write(folder: Path, score: Score, heard: int = 10, force: bool = False) -> Path:
    groups = {"speaker": break_down(score.utterances, "speaker")}
    Outputs(folder / "page.html", heard, force=force).write(Assessment(score, "basic", groups))
    return folder / "page.html"


def test_the_page_is_whole_in_itself_and_texts_cannot_leave_their_place(tmp_path: Path) -> None:
    page = write(tmp_path, make_score(tmp_path)).read_text(encoding="utf-8")
    assert "http://" not in page
    assert "https://" not in page
    assert "Normalised on both sides: basic." in page
    assert page.count("<script") == page.count("</script>") == 3  # the data, one recording, the code
    assert "document.title='broken'" in page
    assert "<script>document.title=" not in page


def test_only_so_many_recordings_go_in_and_those_with_most_errors_first(tmp_path: Path) -> None:
    score = make_score(tmp_path)
    assert 'id="audio-0"' in write(tmp_path, score).read_text()
    assert 'id="audio-0"' not in write(tmp_path, score, heard=0, force=True).read_text()
    (tmp_path / "a.wav").unlink()
    assert 'id="audio-0"' not in write(tmp_path, score, force=True).read_text()


def test_a_page_is_not_written_over_unasked(tmp_path: Path) -> None:
    score = make_score(tmp_path)
    write(tmp_path, score)
    with pytest.raises(OutputError, match="exists; --force"):
        write(tmp_path, score)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    yield from open_browser(tmp_path / "chromium")


def test_the_page_sorts_filters_and_plays_in_a_browser(tmp_path: Path, browser: Any) -> None:
    score = make_score(tmp_path, 2000)
    browser.get(write(tmp_path, score).as_uri())
    assert browser.title == f"page: word error rate {100 * score.words.rate:.2f} %"
    ids = [one.text for one in find_all(browser, ".head b")]
    assert ids == ["u1", "u0"]  # more errors first, right ones hidden
    assert TRAP.split()[0] in find_all(browser, ".utterance")[0].text
    head = find_all(browser, "th")[0]
    head.click()
    assert [row.text.split()[0] for row in find_all(browser, "tbody tr")] == ["bo", "ana"]
    head.click()
    assert [row.text.split()[0] for row in find_all(browser, "tbody tr")] == ["ana", "bo"]
    find_all(browser, "#wrong")[0].click()
    assert find_all(browser, "#count")[0].text == "2000 of 2000"
    assert len(find_all(browser, ".utterance")) <= 200  # the rest is drawn as one scrolls
    find_all(browser, "#filter")[0].send_keys("number 1234")
    assert [one.text for one in find_all(browser, ".head b")] == ["u1234"]
    find_all(browser, "#filter")[0].clear()
    find_all(browser, "#filter")[0].send_keys("cap")
    (timed,) = [pair for pair in find_all(browser, ".pair.timed") if pair.text.split()[-1] == "sat"]
    timed.click()
    position = browser.execute_async_script(
        "const done = arguments[0]; const wait = () => { const a = document.querySelector('audio');"
        " if (a && a.currentTime > 1.3) done(a.currentTime); else setTimeout(wait, 50); }; wait();"
    )
    assert 1.3 < position < 2.1  # "sat" begins at 1.2 s, and time moves
    colours = browser.execute_script(
        "const c = document.querySelector('canvas');"
        " return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    )
    assert colours > 50  # a spectrogram is there
