import errno
import os
import resource
from pathlib import Path

import pytest

from speechrnn.errors import OutputError
from speechrnn.outputs import claim, refuse_existing, write_atomically


def test_a_result_takes_its_place_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.txt"
    with write_atomically(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "interruption", [KeyboardInterrupt(), ValueError(), OSError(errno.ENOSPC, "No space left on device")]
)
def test_what_was_there_survives_any_interruption(tmp_path: Path, interruption: BaseException) -> None:
    path = tmp_path / "result.txt"
    path.write_text("old")

    def write_half() -> None:
        with write_atomically(path) as temporary:
            temporary.write_text("half")
            raise interruption

    with pytest.raises((KeyboardInterrupt, ValueError, OutputError)):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "result.txt"
    with (
        pytest.raises(OutputError, match=r"result.txt: cannot be written \(No space left on device\)"),
        write_atomically(path),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_the_system_refuses_to_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "result.txt"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutputError, match=r"cannot be written \(File too large\)"), write_atomically(path) as new:
            new.write_bytes(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"), claim(tmp_path / "file" / "run"):
        pass
    (tmp_path / "link").symlink_to("away")
    with pytest.raises(OutputError, match="link: is a link to away, which is not there"), claim(tmp_path / "link"):
        pass


def test_the_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    with write_atomically(tmp_path / "a") as temporary:
        temporary.touch()
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_file_takes_the_place_of_no_pipe_and_no_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="pipe: is a device or a pipe"), write_atomically(tmp_path / "pipe"):
        pass
    with pytest.raises(OutputError, match="pipe: is a device or a pipe"):
        refuse_existing(tmp_path / "pipe", force=True)
    assert (tmp_path / "pipe").is_fifo()


def test_two_writers_cannot_claim_one_folder(tmp_path: Path) -> None:
    with claim(tmp_path), pytest.raises(OutputError, match="another process is writing there"), claim(tmp_path):
        pass
    with claim(tmp_path):
        pass


def test_a_claim_removes_what_a_kill_left_and_nothing_of_others(tmp_path: Path) -> None:
    (tmp_path / ".model.safetensors.123.partial").touch()
    theirs = [tmp_path / ".film.partial", tmp_path / ".film.1.partial" / "frame"]
    theirs[1].parent.mkdir()
    for path in theirs:
        path.touch()
    with claim(tmp_path):
        assert all(path.exists() for path in theirs)
        assert not (tmp_path / ".model.safetensors.123.partial").exists()
