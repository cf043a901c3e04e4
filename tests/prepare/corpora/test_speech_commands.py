import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechrnn.errors import CorpusError
from speechrnn.prepare.corpora.speech_commands import KEYWORDS, read_speech_commands, read_twelve_labels

OTHERS = ("bed", "cat", "marvin", "zero")


def lay_out(folder: Path, speakers: int = 30, lists: bool = True) -> Path:
    folder.mkdir(parents=True)
    names = [hashlib.sha1(str(number).encode()).hexdigest()[:8] for number in range(speakers)]
    for word in (*sorted(KEYWORDS), *OTHERS):
        (folder / word).mkdir()
        for name in names:
            (folder / word / f"{name}_nohash_0.wav").touch()
    (folder / "_background_noise_").mkdir()
    for name in ("hum", "rain"):
        soundfile.write(folder / "_background_noise_" / f"{name}.wav", np.zeros(30 * 16_000), 16_000)
    (folder / "LICENSE").touch()
    if lists:
        (folder / "validation_list.txt").write_text(f"yes/{names[0]}_nohash_0.wav\n")
        (folder / "testing_list.txt").write_text(f"no/{names[1]}_nohash_0.wav\nbed/{names[1]}_nohash_0.wav\n")
    return folder


def test_the_official_lists_decide_and_noise_is_left_aside(tmp_path: Path) -> None:
    splits = read_speech_commands(lay_out(tmp_path / "speech_commands_v0.02"))
    assert [one.text for one in splits["dev"]] == ["yes"]
    assert [one.text for one in splits["test"]] == ["bed", "no"]
    assert sum(map(len, splits.values())) == 14 * 30
    assert not any("noise" in one.id for utterances in splits.values() for one in utterances)
    first = splits["test"][0]
    assert first.id == f"bed/{first.speaker}_nohash_0"


def test_the_folder_above_will_do(tmp_path: Path) -> None:
    lay_out(tmp_path / "speech_commands_v0.02")
    assert read_speech_commands(tmp_path) == read_speech_commands(tmp_path / "speech_commands_v0.02")


def test_without_lists_the_papers_hash_decides_by_speaker(tmp_path: Path) -> None:
    splits = read_speech_commands(lay_out(tmp_path / "words", speakers=200, lists=False))
    speakers = {split: {one.speaker for one in utterances} for split, utterances in splits.items()}
    assert not speakers["train"] & speakers["dev"]
    assert not speakers["test"] & (speakers["train"] | speakers["dev"])
    for speaker in speakers["dev"]:
        # the function as the dataset's README has it
        percentage = (int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2**27) * (100.0 / (2**27 - 1))
        assert percentage < 10
    assert 10 <= len(speakers["dev"]) <= 30


def test_the_task_of_twelve_labels_has_twelve(tmp_path: Path) -> None:
    splits = read_twelve_labels(lay_out(tmp_path / "words", speakers=200, lists=False))
    for utterances in splits.values():
        counts = Counter(one.text for one in utterances)
        keywords = sum(counts[word] for word in KEYWORDS)
        assert counts.keys() == {*KEYWORDS, "unknown", "silence"}
        assert counts["unknown"] == counts["silence"] == round(0.1 * keywords)
        assert len({one.id for one in utterances}) == len(utterances)


def test_silences_lie_within_their_recording_and_in_one_split(tmp_path: Path) -> None:
    splits = read_twelve_labels(lay_out(tmp_path / "words", speakers=200, lists=False))
    taken = []
    for split, utterances in splits.items():
        pieces = [one for one in utterances if one.text == "silence"]
        assert all(one.offset + (one.duration or 0) <= 30.0 for one in pieces)
        taken += [(one.audio_filepath, one.offset, one.offset + 1.0, split) for one in pieces]
    for path, start, end, split in taken:
        for other_path, other_start, other_end, other_split in taken:
            if path == other_path and split != other_split:
                assert end <= other_start or other_end <= start


def test_a_folder_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no recordings like yes/0a7c2a8d_nohash_0.wav"):
        read_speech_commands(tmp_path)


def test_of_two_versions_the_latest_is_read_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    for version in ("v0.01", "v0.02"):
        lay_out(tmp_path / f"speech_commands_{version}", speakers=2)

    def read(*subsets: str) -> set[str]:
        splits = read_speech_commands(tmp_path, subsets)
        return {Path(one.audio_filepath).parent.parent.name for utterances in splits.values() for one in utterances}

    assert read() == read("v0.02") == {"speech_commands_v0.02"}
    assert read("v0.01") == {"speech_commands_v0.01"}
    with pytest.raises(CorpusError, match="one version at a time"):
        read("v0.01", "v0.02")
    with pytest.raises(CorpusError, match="no recordings like"):
        read("v0.03")


def test_noise_that_is_too_short_for_a_piece_is_passed_over(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "words")
    soundfile.write(folder / "_background_noise_" / "hum.wav", np.zeros(8_000), 16_000)
    silences = [
        one for utterances in read_twelve_labels(folder).values() for one in utterances if one.text == "silence"
    ]
    assert silences
    assert {Path(one.audio_filepath).stem for one in silences} == {"rain"}
    assert all(0 <= one.offset <= 29 for one in silences)
    soundfile.write(folder / "_background_noise_" / "rain.wav", np.zeros(8_000), 16_000)
    assert all(one.text != "silence" for utterances in read_twelve_labels(folder).values() for one in utterances)
