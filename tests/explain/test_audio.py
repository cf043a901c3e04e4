"""A recording shown: numbers against the front end and the network, the terminal as text, the page in a browser."""

import io
import json
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from rich.console import Console

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.cli import run
from speechrnn.config import FeatureConfig
from speechrnn.ctc import decode_greedy
from speechrnn.explain import terminal
from speechrnn.explain.gates import hear_gates
from speechrnn.explain.terminal import draw_view
from speechrnn.explain.view import View, look_at, measure_bands
from speechrnn.features import compute_mfcc, find_centres, make_dct, to_hz
from speechrnn.shipped import ENGLISH_MODEL
from speechrnn.transcribe.recognizer import Recognizer
from tests.browser import find_all, open_browser
from tests.explain.conftest import make_listener


def look(signal: Signal, kind: str = "lstm") -> View:
    return look_at(signal, Recognizer(make_listener(kind), "m"))


def test_mfcc_are_the_bands_logarithms_cosine_transformed(hello_world: Signal) -> None:
    config = FeatureConfig()
    logs = measure_bands(hello_world, config) * np.log(10) / 10
    np.testing.assert_allclose(logs @ make_dct(config), compute_mfcc(hello_world, config), atol=2e-3)


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_a_tone_is_in_the_band_of_its_frequency(hertz: int) -> None:
    tone = np.sin(2 * np.pi * hertz * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    band = measure_bands(tone, FeatureConfig()).mean(axis=0).argmax()
    assert to_hz(find_centres(FeatureConfig())[0])[band] == pytest.approx(hertz, rel=0.1)


def test_the_view_says_what_the_network_says(hello_world: Signal) -> None:
    view = look(hello_world)
    assert len(view.shares) == len(view.probabilities)
    log_probs = make_listener().compute_log_probs(hello_world)
    np.testing.assert_allclose(view.probabilities, np.exp(log_probs), atol=1e-6)
    collapsed = [symbol for symbol, _ in groupby(view.best) if symbol != "·"]
    letters = make_listener().info.alphabet.decode(decode_greedy(log_probs).tokens)
    assert "".join(collapsed).replace("␣", " ") == letters
    by_hand = -sum(p * np.log2(p) for p in view.probabilities[3] if p > 0)
    assert view.entropy[3] == pytest.approx(by_hand, abs=1e-9)
    assert view.shares.max() == 1


def test_entropy_is_nought_where_one_symbol_has_all_and_one_bit_between_two() -> None:
    probabilities = np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    empty = np.zeros((3, 40))
    view = View(np.zeros(480, np.float32), FeatureConfig(), 0.03, empty, ("·", "a", "b", "c"), probabilities, ())
    assert view.entropy.tolist() == pytest.approx([0, 1, 2])


def test_the_drawing_is_as_wide_as_the_terminal_and_complete(hello_world: Signal) -> None:
    view = look(hello_world)
    lines = [line.plain for line in draw_view(view, 30, coloured=False)]
    assert max(map(len, lines)) <= 30
    letters = "".join(line.removeprefix("letter").strip() for line in lines if line.startswith("letter"))
    assert letters == "".join(view.best)
    assert set("".join(lines[:8])) <= set("mel ░▒▓█")
    colours = {str(span.style) for line in draw_view(view, 200, coloured=True) for span in line.spans}
    assert len(colours) > 50


@pytest.mark.parametrize(
    ("colours", "no_color", "half_blocks"),
    [("truecolor", False, True), ("256", False, True), ("standard", False, False), ("truecolor", True, False)],
)
def test_where_colours_are_few_the_spectrogram_is_of_shades(
    colours: Any, no_color: bool, half_blocks: bool, hello_world: Signal, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(force_terminal=True, color_system=colours, no_color=no_color, width=60, file=io.StringIO())
    monkeypatch.setattr(terminal, "stdout", console)
    terminal.print_view(look(hello_world))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert ("▀" in drawn) == half_blocks
    assert ("▓" in drawn) != half_blocks


def test_a_pipe_gets_a_line_a_frame(
    save_listener: Callable[..., str], recording: str, hello_world: Signal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "audio", recording, "--model", save_listener()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("\t") == ["seconds", "decibels", "symbol", "probability", "blank", "entropy", "word"]
    assert [line.split("\t")[2] for line in lines[1:]] == look(hello_world).best
    assert "\x1b" not in "".join(lines)
    assert run(["explain", "audio", recording]) == 0
    assert capsys.readouterr().out.splitlines()[0].split("\t") == ["seconds", "decibels"]


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_pictures_are_written_with_a_model_and_without(
    name: str, begins: bytes, save_listener: Callable[..., str], recording: str, tmp_path: Path
) -> None:
    arguments = ["explain", "audio", recording, "--out", str(tmp_path / name)]
    assert run([*arguments, "--model", save_listener()]) == 0
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert run(arguments) == 1
    assert run([*arguments, "--force"]) == 0


def test_a_recording_of_more_than_a_minute_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(61 * 8000), 8000)
    assert run(["explain", "audio", str(tmp_path / "long.wav")]) == 1
    assert "lasts 61 s" in capsys.readouterr().err


def test_a_part_of_a_recording_can_be_shown(
    save_listener: Callable[..., str], recording: str, hello_world: Signal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "audio", recording, "--start", "0.2", "--seconds", "0.5", "--model", save_listener()]) == 0
    symbols = [line.split("\t")[2] for line in capsys.readouterr().out.splitlines()[1:]]
    assert symbols == look(hello_world[3200:11200]).best


def test_an_exported_model_shows_what_it_says_but_no_equations(
    tmp_path: Path, recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "audio", recording, "--model", str(ENGLISH_MODEL)]) == 0
    assert "\tl\t" in capsys.readouterr().out
    assert run(["explain", "audio", recording, "--model", str(ENGLISH_MODEL), "--out", str(tmp_path / "a.html")]) == 1
    assert "name the model that was exported" in capsys.readouterr().err


def test_a_part_behind_the_end_is_named(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "audio", recording, "--start", "99"]) == 1
    assert "--start 99: the recording ends at" in capsys.readouterr().err


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    yield from open_browser(tmp_path / "chromium")


def write_page(model: str, recording: str, out: Path) -> str:
    assert run(["explain", "audio", recording, "--model", model, "--out", str(out), "--layer", "2"]) == 0
    return out.as_uri()


def read_results(browser: Any) -> list[float]:
    """What the equations of the step end in: f, i, g, c, o, h."""
    return [float(line.text.split("=")[-1].replace("−", "-")) for line in find_all(browser, ".equation")]


def test_the_page_is_whole_in_itself(save_listener: Callable[..., str], recording: str, tmp_path: Path) -> None:
    write_page(save_listener(), recording, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://", page)
    found = re.search(r'application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    assert [cell["backward"] for cell in json.loads(found[1])["cells"]] == [False, True]


@pytest.mark.parametrize("backward", [False, True])
def test_the_pages_equations_hold_the_networks_numbers(
    backward: bool, save_listener: Callable[..., str], recording: str, tmp_path: Path, browser: Any, hello_world: Signal
) -> None:
    browser.get(write_page(save_listener(), recording, tmp_path / "a.html"))
    gates = hear_gates(make_listener(), hello_world, 2, backward)
    last = len(gates["memory"]) - 1
    for frame, unit in ((0, 0), (7, 3), (last, 11)):
        browser.execute_script(
            "byId('cell').value = arguments[0]; byId('unit').value = arguments[1]; now = arguments[2]; show();",
            int(backward),
            unit,
            frame,
        )
        f, i, _, c, o, h = read_results(browser)
        expected = [gates[name][frame, unit] for name in ("forget gate", "input gate", "memory", "output gate")]
        assert [f, i, c, o] == pytest.approx(expected, abs=0.006)
        assert h == pytest.approx(expected[3] * np.tanh(expected[2]), abs=0.006)


def test_one_moves_along_the_page_and_hears_it(
    save_listener: Callable[..., str], recording: str, tmp_path: Path, browser: Any, hello_world: Signal
) -> None:
    browser.get(write_page(save_listener(), recording, tmp_path / "a.html"))
    view = look(hello_world)
    body = find_all(browser, "body")[0]
    for _ in range(4):
        body.send_keys("\ue014")  # the right arrow
    assert find_all(browser, "#moment")[0].text == f"frame 4: 0.12 s, {view.entropy[4]:.2f} bits undecided"
    said = find_all(browser, "#likeliest b")[0].text
    assert said == view.best[4].replace("·", "blank")
    start, seconds, peak = browser.execute_async_script(
        "const done = arguments[0], start = AudioBufferSourceNode.prototype.start;"
        "AudioBufferSourceNode.prototype.start = function (when, offset, duration) {"
        "  start.call(this, when, offset, duration);"
        "  this.onended = () => done([offset, duration, Math.max(...this.buffer.getChannelData(0))]); };"
        "const wait = () => { if (sound) { moveTo(10); byId('hear').click(); } else setTimeout(wait, 20); }; wait();"
    )
    assert (start, seconds) == pytest.approx((0.315 - 0.15, 0.3))  # around the middle of frame 10
    assert peak == pytest.approx(hello_world.max(), abs=0.1)
    picture = find_all(browser, "#picture")[0]
    from selenium.webdriver import ActionChains

    ActionChains(browser).move_to_element(picture).perform()
    middle = len(hello_world) / SAMPLE_RATE / 2 / view.frame_seconds
    assert int(find_all(browser, "#moment")[0].text.split(":")[0].split()[1]) == pytest.approx(middle, abs=1.5)


def test_a_perceptrons_page_has_no_equations_and_an_rnns_one(
    save_listener: Callable[..., str], recording: str, tmp_path: Path, browser: Any
) -> None:
    browser.get(write_page(save_listener("mlp"), recording, tmp_path / "mlp.html"))
    assert not find_all(browser, "#computed")[0].is_displayed()
    browser.get(write_page(save_listener("rnn", False), recording, tmp_path / "rnn.html"))
    assert len(read_results(browser)) == 1
