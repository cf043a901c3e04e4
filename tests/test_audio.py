import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from speechrnn.audio import SAMPLE_RATE, Mixer, measure_duration, read_blocks, read_signal, resample, to_mono
from speechrnn.errors import AudioError

NOISE = np.random.default_rng(0).normal(0, 0.1, 3 * SAMPLE_RATE).astype(np.float32)


def sine(hertz: float, sample_rate: int, seconds: float = 1.0) -> NDArray[np.float32]:
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def write(path: Path, samples: NDArray[np.float32], sample_rate: int = SAMPLE_RATE, subtype: str | None = None) -> Path:
    soundfile.write(path, samples, sample_rate, subtype=subtype)
    return path


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_a_tone_keeps_its_pitch_level_and_length_through_resampling(sample_rate: int) -> None:
    heard = resample(sine(1000, sample_rate), sample_rate)
    assert abs(len(heard) - SAMPLE_RATE) <= 1
    middle = slice(2000, 14_000)
    np.testing.assert_allclose(heard[middle], sine(1000, SAMPLE_RATE)[middle], atol=2e-3)


def test_what_lies_above_8_khz_does_not_fold_back() -> None:
    assert np.abs(resample(sine(12_000, 48_000), 48_000)[2000:-2000]).max() < 1e-3


def test_stereo_at_44100_hz_is_mixed_and_resampled(tmp_path: Path) -> None:
    left, right = sine(500, 44_100), np.zeros(44_100, dtype=np.float32)
    path = write(tmp_path / "a.wav", np.stack([left, right], axis=1), 44_100)
    assert measure_duration(path) == 1.0
    np.testing.assert_allclose(read_signal(path)[2000:-2000], sine(500, SAMPLE_RATE)[2000:-2000] / 2, atol=2e-3)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "FLOAT", 0),
        ("a.flac", "PCM_16", 4e-5),
        ("a.wav", "PCM_U8", 8e-3),
        ("a.wav", "GSM610", 0.5),
    ],
)
def test_every_encoding_gives_the_samples(tmp_path: Path, name: str, subtype: str, tolerance: float) -> None:
    np.testing.assert_allclose(read_signal(write(tmp_path / name, NOISE, subtype=subtype)), NOISE, atol=tolerance)


def test_what_cannot_be_sought_in_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = write(tmp_path / "phone.wav", sine(440, 8_000), 8_000, "GSM610")
    assert np.corrcoef(read_signal(path)[1000:15_000], sine(440, SAMPLE_RATE)[1000:15_000])[0, 1] > 0.99


@pytest.mark.parametrize(("name", "subtype"), [("a.ogg", "VORBIS"), ("a.opus", "OPUS"), ("a.mp3", "MPEG_LAYER_III")])
def test_lossy_formats_are_read_whole(tmp_path: Path, name: str, subtype: str) -> None:
    path = tmp_path / name
    soundfile.write(path, NOISE, SAMPLE_RATE, format="MP3" if name == "a.mp3" else "OGG", subtype=subtype)
    assert len(read_signal(path)) == len(NOISE)


def test_a_part_is_what_the_whole_has_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", NOISE)
    np.testing.assert_array_equal(read_signal(path, 0.5, 1.25), read_signal(path)[8000:28_000])


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100])
def test_blocks_together_are_the_whole(tmp_path: Path, sample_rate: int) -> None:
    path = write(tmp_path / "a.wav", sine(440, sample_rate, 2.7), sample_rate, "FLOAT")
    blocks, whole = np.concatenate(list(read_blocks(path, 0.5))), read_signal(path)
    assert abs(len(blocks) - len(whole)) <= 1
    shortest = min(len(blocks), len(whole))
    np.testing.assert_allclose(blocks[:shortest], whole[:shortest], atol=1e-6)


@pytest.mark.parametrize("offset", [0.02, 0.1, -0.1])
def test_a_sound_cards_offset_is_taken_off(tmp_path: Path, offset: float) -> None:
    tone = sine(440, SAMPLE_RATE) / np.float32(5)
    path = write(tmp_path / "a.wav", tone + np.float32(offset), subtype="FLOAT")
    np.testing.assert_allclose(read_signal(path), tone, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(list(read_blocks(path, 0.25))), tone, atol=1e-6)


def test_a_mean_that_chance_may_give_is_no_offset(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", NOISE + np.float32(0.001), subtype="FLOAT")
    np.testing.assert_array_equal(read_signal(path), NOISE + np.float32(0.001))
    assert not len(to_mono(np.zeros((0, 2), dtype=np.float32), path))


def test_an_offset_behind_silence_and_in_small_blocks_is_taken_off(tmp_path: Path) -> None:
    tone = np.tile(sine(440, SAMPLE_RATE), 3) / np.float32(5)
    sound = np.concatenate([np.zeros(2 * SAMPLE_RATE, dtype=np.float32), tone + np.float32(0.02)])
    blocks = list(read_blocks(write(tmp_path / "a.wav", sound, subtype="FLOAT"), 15.0))
    assert abs(np.concatenate(blocks)[2 * SAMPLE_RATE :].mean()) < 0.01
    mix = Mixer(Path("chunks"))
    heard = np.concatenate([mix(chunk[:, None]) for chunk in np.split(tone + np.float32(0.02), 30)])
    np.testing.assert_allclose(heard, tone, atol=2e-3)


def test_of_channels_that_cancel_each_other_out_the_loudest_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.stack([NOISE, -1.1 * NOISE], axis=1), subtype="FLOAT")
    np.testing.assert_allclose(read_signal(path), -1.1 * NOISE, atol=1e-7)
    np.testing.assert_allclose(np.concatenate(list(read_blocks(path, 0.1))), -1.1 * NOISE, atol=1e-7)
    path = write(tmp_path / "b.wav", np.stack([NOISE, 0 * NOISE], axis=1), subtype="FLOAT")
    np.testing.assert_allclose(read_signal(path), NOISE / 2, atol=1e-7)


def test_samples_without_a_sum_are_refused_without_a_warning() -> None:
    for value, message in ((1e25, "are too large"), (np.inf, "not numbers")):
        samples = np.full((400, 2), value, dtype=np.float32)
        with warnings.catch_warnings(action="error"), pytest.raises(AudioError, match=message):
            to_mono(samples, Path("a"))


def test_blocks_of_a_part_together_are_that_part(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", NOISE)
    blocks = list(read_blocks(path, 0.3, offset=0.5, duration=1.25))
    np.testing.assert_array_equal(np.concatenate(blocks), read_signal(path, 0.5, 1.25))
    assert [len(block) for block in blocks] == [4800] * 4 + [800]
    with pytest.raises(AudioError, match="lies outside the recording"):
        list(read_blocks(path, 0.3, offset=len(NOISE) / SAMPLE_RATE))


def test_a_missing_an_empty_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is no audio\n" * 100)
    (tmp_path / "samples.raw").write_bytes(bytes(3200))
    for name, message in [
        ("none.wav", "No such file"),
        ("empty.wav", "the file is empty"),
        ("text.wav", "libsndfile cannot read it"),
        ("samples.raw", "no header"),
        ("", "is no file"),
        ("nul\0.wav", "cannot be the name of a file"),
    ]:
        with pytest.raises(AudioError, match=message) as caught:
            read_signal(tmp_path / name)
        assert str(tmp_path / name).split("\0")[0] in str(caught.value)


def test_a_header_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="holds no samples"):
        read_signal(write(tmp_path / "a.wav", NOISE[:0]))


FORMATS = {"opus": {"format": "OGG", "subtype": "OPUS"}, "sph": {"format": "NIST", "subtype": "PCM_16"}}


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "opus", "mp3", "aiff", "au", "w64", "caf", "sph"])
@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_recording_that_is_cut_short_is_not_taken_for_a_short_one(
    tmp_path: Path, ending: str, kept: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, NOISE, SAMPLE_RATE, **FORMATS.get(ending, {}))
    path.write_bytes(path.read_bytes()[: round(kept * path.stat().st_size)])
    for read in (read_signal, lambda path: list(read_blocks(path, 1.0))):
        with pytest.raises(AudioError, match=r"cut short|lost sync|malformed"):
            read(path)
    capfd.readouterr()  # libmpg123 speaks on stderr


@pytest.mark.parametrize("declared", [0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x7FFFF000])
def test_a_wav_whose_writer_could_not_know_its_length_is_read(tmp_path: Path, declared: int) -> None:
    path = write(tmp_path / "a.wav", NOISE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = declared.to_bytes(4, "little")
    path.write_bytes(content)
    assert len(read_signal(path)) == len(NOISE)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_refused(tmp_path: Path, value: float) -> None:
    broken = NOISE.copy()
    broken[100] = value
    with pytest.raises(AudioError, match="not numbers"):
        read_signal(write(tmp_path / "a.wav", broken, subtype="FLOAT"))


def test_a_part_beyond_the_end_is_refused_but_for_what_rounding_explains(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", NOISE)
    assert len(read_signal(path, 1.0, 2.05)) == 2 * SAMPLE_RATE
    for offset, duration in [(1.0, 2.5), (3.0, None), (4.0, 1.0)]:
        with pytest.raises(AudioError, match=r"outside the recording, which ends at 3.00 s"):
            read_signal(path, offset, duration)
