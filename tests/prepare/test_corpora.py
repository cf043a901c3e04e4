from pathlib import Path

import pytest

from speechrnn.errors import CorpusError, ManifestError
from speechrnn.manifest import Utterance
from speechrnn.prepare.corpora import CORPORA, find_corpus
from speechrnn.prepare.corpora.fsdd import read_fsdd
from speechrnn.prepare.corpora.hello import SOURCE, read_hello
from speechrnn.prepare.corpora.librispeech import read_librispeech
from speechrnn.prepare.corpora.tsv import read_tsv
from speechrnn.prepare.corpus import UNSPLIT


def make_subset(root: Path, subset: str, speaker: str, ending: str = "flac") -> Path:
    chapter = root / subset / speaker / "7"
    chapter.mkdir(parents=True)
    (chapter / f"{speaker}-7-0000.{ending}").touch()
    (chapter / f"{speaker}-7-0001.{ending}").touch()
    (chapter / f"{speaker}-7.trans.txt").write_text(f"{speaker}-7-0000 HELLO WORLD\n{speaker}-7-0001 IT'S ME\n")
    return chapter


def test_librispeech_is_found_by_stem_whatever_the_audios_ending(tmp_path: Path) -> None:
    for number, (subset, ending) in enumerate([("train-clean-5", "opus"), ("dev-clean-2", "wav"), ("test-x", "mp3")]):
        make_subset(tmp_path, subset, f"{number}", ending)
    splits = read_librispeech(tmp_path)
    assert {split: [one.id for one in utterances] for split, utterances in splits.items()} == {
        "train": ["0-7-0000", "0-7-0001"],
        "dev": ["1-7-0000", "1-7-0001"],
        "test": ["2-7-0000", "2-7-0001"],
    }
    first = splits["train"][0]
    assert (first.text, first.speaker, Path(first.audio_filepath).name) == ("HELLO WORLD", "0", "0-7-0000.opus")


def test_training_subsets_are_joined_and_test_sets_are_never_mixed(tmp_path: Path) -> None:
    for speaker, subset in enumerate(["train-clean-100", "train-other-500", "test-clean", "test-other", "dev-clean"]):
        make_subset(tmp_path / "LibriSpeech", subset, str(speaker))
    splits = read_librispeech(tmp_path)
    assert {split: len(utterances) for split, utterances in splits.items()} == {
        "train": 4,
        "dev": 2,
        "test-clean": 2,
        "test-other": 2,
    }


def test_one_subset_can_be_read_by_itself(tmp_path: Path) -> None:
    make_subset(tmp_path, "dev-clean", "1")
    assert list(read_librispeech(tmp_path / "dev-clean")) == ["dev"]


def test_a_transcript_without_audio_is_kept_to_be_set_aside_by_id(tmp_path: Path) -> None:
    chapter = make_subset(tmp_path, "train-clean-5", "1")
    (chapter / "1-7-0001.flac").unlink()
    assert [Path(one.audio_filepath).exists() for one in read_librispeech(tmp_path)["train"]] == [True, False]


def test_a_recording_without_a_transcript_is_kept_to_be_set_aside_too(tmp_path: Path) -> None:
    chapter = make_subset(tmp_path, "train-clean-5", "1")
    (chapter / "1-7-0009.flac").touch()
    (chapter / "1-7.trans.txt").write_text("\ufeff1-7-0000 HELLO\n\n  \n1-7-0001 YES\r\n")
    assert [(one.id, one.text) for one in read_librispeech(tmp_path)["train"]] == [
        ("1-7-0000", "HELLO"),
        ("1-7-0001", "YES"),
        ("1-7-0009", ""),
    ]


def test_a_subset_that_belongs_nowhere_is_named(tmp_path: Path) -> None:
    make_subset(tmp_path, "train-clean-5", "1")
    make_subset(tmp_path, "mystery", "2")
    with pytest.raises(CorpusError, match="'mystery' says neither train, dev nor test"):
        read_librispeech(tmp_path)
    assert list(read_librispeech(tmp_path, ["train-clean-5"])) == ["train"]
    with pytest.raises(CorpusError, match="no subset dev-clean; there is mystery, train-clean-5"):
        read_librispeech(tmp_path, ["dev-clean"])


@pytest.mark.parametrize(
    ("content", "message"), [(b"1-7-0000 \xe9\n", "not UTF-8 text"), (b"a/b HELLO\n", ":1: 'a/b' cannot be an id")]
)
def test_a_broken_transcript_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (make_subset(tmp_path, "train-clean-5", "1") / "1-7.trans.txt").write_bytes(content)
    with pytest.raises(CorpusError, match=rf"1-7.trans.txt.*{message}"):
        read_librispeech(tmp_path)


def test_a_folder_in_another_layout_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(CorpusError, match="no LibriSpeech subset"):
            read_librispeech(folder)


def test_fsdd_keeps_the_first_five_repetitions_for_testing(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for name in ("7_theo_0.wav", "7_theo_4.wav", "0_lucas_5.flac", "9_lucas_49.wav", "notes.txt", "x_y_1.wav"):
        (recordings / name).touch()
    splits = read_fsdd(tmp_path)
    assert [(one.id, one.text, one.speaker) for one in splits["test"]] == [
        ("7_theo_0", "seven", "theo"),
        ("7_theo_4", "seven", "theo"),
    ]
    assert [one.text for one in [*splits["dev"], *splits["train"]]] == ["zero", "nine"]
    assert read_fsdd(recordings) == splits


def test_a_folder_without_digits_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(CorpusError, match=r"7_jackson_32.wav"):
            read_fsdd(folder)


def test_a_table_gives_paths_speakers_and_texts_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "metadata.tsv").write_text(
        '\ufeffpath\tspeaker\ttext\r\nb/2.wav\tana\t"Quoted"\r\n\r\na/1.wav\t\tone\r\n'
    )
    assert read_tsv(tmp_path) == {
        UNSPLIT: [
            Utterance(str(tmp_path / "b/2.wav"), '"Quoted"', id="b/2", speaker="ana"),
            Utterance(str(tmp_path / "a/1.wav"), "one", id="a/1"),
        ]
    }
    assert read_tsv(tmp_path / "metadata.tsv") == read_tsv(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path\ttext\na\tb\n", r"metadata.tsv:1: the header lacks speaker"),
        ("", r"metadata.tsv:1: the header lacks path, speaker, text; .* between tabs"),
        ("path\tspeaker\ttext\na.wav\tana\n", r"metadata.tsv:2: no text"),
        ("path\tspeaker\ttext\n\tana\tx\n", r"metadata.tsv:2: the path '' names no file"),
        ("path\tspeaker\ttext\na.wav\tx\ty\tz\n", r"metadata.tsv:2: 4 cells under 3 columns; a tab too many"),
    ],
)
def test_a_broken_table_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "metadata.tsv").write_text(text)
    with pytest.raises(CorpusError, match=message):
        read_tsv(tmp_path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"metadata.tsv: cannot be read \(No such file"):
        read_tsv(tmp_path)


def test_the_embedded_voices_are_all_there_and_held_out_whole() -> None:
    splits = read_hello(SOURCE)
    assert sum(map(len, splits.values())) == 1120
    voices = {split: {one.speaker for one in utterances} for split, utterances in splits.items()}
    assert not voices["train"] & voices["dev"]
    assert not (voices["train"] | voices["dev"]) & voices["test"]
    assert all(len(utterances) == 40 * len(voices[split]) for split, utterances in splits.items())
    assert all(Path(one.audio_filepath).is_file() for utterances in splits.values() for one in utterances)


def test_an_unknown_corpus_is_answered_with_those_there_are() -> None:
    with pytest.raises(CorpusError, match="unknown corpus 'timit'; there is an4, common_voice, folder, fsdd"):
        find_corpus("timit")
    assert find_corpus("tsv") is CORPORA["tsv"]


def test_a_broken_embedded_manifest_would_be_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        read_hello(tmp_path)
