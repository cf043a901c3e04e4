"""Downloads from a server on 127.0.0.1 that misbehaves on purpose."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from speechrnn.errors import CorpusError, OutputError
from speechrnn.outputs import claim
from speechrnn.prepare import download
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.corpus import Archive, Corpus
from speechrnn.prepare.download import download_corpus


def pack(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


NOISE = np.random.default_rng(0).bytes(300_000)
"""Which does not shrink when it is packed."""

CONTENT = pack({"corpus/a.wav": NOISE, "corpus/deep/b.txt": b"hello", "README": b"beside it"})


class Server(ThreadingHTTPServer):
    """Serves one file, and keeps the requests."""

    def __init__(self, content: bytes, answer: "Callable[[Handler], None] | None" = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.answer = content, answer
        self.ranges: list[str | None] = []

    @property
    def archive(self) -> Archive:
        url = f"http://127.0.0.1:{self.server_port}/corpus.tar.gz"
        return Archive(url, hashlib.sha256(CONTENT).hexdigest(), "corpus", "corpus")


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))
        (self.server.answer or Handler.send_rest)(self)

    def start(self) -> int:
        asked = self.headers.get("Range")
        return int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0

    def send_rest(self, most: int | None = None) -> None:
        """Sends what is asked for, or only so many bytes of it before the connection is cut."""
        content, start = self.server.content, self.start()
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][:most])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(content: bytes = CONTENT, answer: Callable[[Handler], None] | None = None) -> Iterator[Server]:
    server = Server(content, answer)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def corpus_of(archive: Archive) -> Corpus:
    return Corpus("tiny", "a test", lambda *_: {}, archives={"all": archive})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(download, "_BLOCK", 10_000)


def assert_whole(folder: Path) -> None:
    assert (folder / "corpus" / "a.wav").read_bytes() == NOISE
    assert (folder / "corpus" / "deep" / "b.txt").read_bytes() == b"hello"
    assert sorted(path.name for path in folder.iterdir() if path.name != ".lock") == ["corpus"]


def test_an_archive_is_fetched_unpacked_and_kept_once(tmp_path: Path) -> None:
    with serve() as server:
        download_corpus(corpus_of(server.archive), tmp_path)
        assert_whole(tmp_path)
        download_corpus(corpus_of(server.archive), tmp_path)
        assert server.ranges == [None]


def test_a_cut_connection_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with serve(answer=lambda handler: handler.send_rest(100_000)) as server:
        download_corpus(corpus_of(server.archive), tmp_path)
        assert_whole(tmp_path)
    assert server.ranges[0] is None
    assert len(server.ranges) == 1 + len(CONTENT) // 100_000
    starts = [int((asked or "0").strip("bytes=-")) for asked in server.ranges]
    assert starts == sorted(set(starts))


def test_a_later_call_goes_on_too(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar.gz.part").write_bytes(CONTENT[:123_456])
    with serve() as server:
        download_corpus(corpus_of(server.archive), tmp_path)
        assert_whole(tmp_path)
    assert server.ranges == ["bytes=123456-"]


def test_a_server_that_ignores_ranges_sends_all_anew(tmp_path: Path) -> None:
    def ignore(handler: Handler) -> None:
        del handler.headers["Range"]
        handler.send_rest()

    (tmp_path / "corpus.tar.gz.part").write_bytes(b"something else" * 1000)
    with serve(answer=ignore) as server:
        download_corpus(corpus_of(server.archive), tmp_path)
    assert_whole(tmp_path)


def test_a_part_that_is_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar.gz.part").write_bytes(CONTENT + b"too much")
    with serve() as server:
        download_corpus(corpus_of(server.archive), tmp_path)
    assert_whole(tmp_path)


def test_a_wrong_byte_is_noticed_and_not_kept(tmp_path: Path) -> None:
    wrong = bytearray(CONTENT)
    wrong[1000] ^= 1
    with serve(bytes(wrong)) as server, pytest.raises(CorpusError, match="not what its makers published"):
        download_corpus(corpus_of(server.archive), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] in ([".lock"], [])


def test_without_a_checksum_a_wrong_byte_is_noticed_in_unpacking(tmp_path: Path) -> None:
    wrong = bytearray(CONTENT)
    wrong[len(wrong) // 2] ^= 1
    with serve(bytes(wrong)) as server:
        corpus = corpus_of(replace(server.archive, sha256=""))
        with pytest.raises(CorpusError, match=r"cannot be unpacked .*; it was deleted, download it again"):
            download_corpus(corpus, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [".lock"]
        server.content = CONTENT
        download_corpus(corpus, tmp_path)
    assert_whole(tmp_path)


def test_a_broken_archive_that_was_there_before_is_not_ours_to_delete(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar.gz").write_bytes(CONTENT[:1000])
    with serve() as server, pytest.raises(CorpusError, match=r"; delete corpus.tar.gz and download again"):
        download_corpus(corpus_of(server.archive), tmp_path)
    assert (tmp_path / "corpus.tar.gz").read_bytes() == CONTENT[:1000]


def test_a_corpus_of_one_archive_has_no_subsets_and_nothing_is_fetched(tmp_path: Path) -> None:
    with serve() as server, pytest.raises(CorpusError, match="has no subsets; leave out --subsets all"):
        download_corpus(corpus_of(server.archive), tmp_path, ["all"])
    assert server.ranges == []


def test_a_length_that_never_comes_ends_in_an_error_and_keeps_what_came(tmp_path: Path) -> None:
    def promise(handler: Handler) -> None:
        handler.send_response(206 if handler.start() else 200)
        handler.send_header("Content-Range", f"bytes {handler.start()}-999999/1000000")
        handler.send_header("Content-Length", str(1_000_000 - handler.start()))
        handler.end_headers()
        handler.wfile.write(CONTENT[handler.start() :])

    with serve(answer=promise) as server, pytest.raises(CorpusError, match="the same command goes on where it stopped"):
        download_corpus(corpus_of(server.archive), tmp_path)
    assert len(CONTENT) - 10_000 <= (tmp_path / "corpus.tar.gz.part").stat().st_size <= len(CONTENT)
    assert len(server.ranges) <= 6


def test_a_length_that_is_too_short_is_noticed(tmp_path: Path) -> None:
    with serve(CONTENT[:-1000]) as server, pytest.raises(CorpusError, match="not what its makers published"):
        download_corpus(corpus_of(server.archive), tmp_path)


def test_a_missing_file_is_an_error_at_once(tmp_path: Path) -> None:
    with serve(answer=lambda handler: handler.send_error(404)) as server:
        with pytest.raises(CorpusError, match=r"corpus.tar.gz: 404 Not Found$"):
            download_corpus(corpus_of(server.archive), tmp_path)
        assert len(server.ranges) == 1


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    def busy_twice(handler: Handler) -> None:
        handler.send_error(503) if len(handler.server.ranges) < 3 else handler.send_rest()

    with serve(answer=busy_twice) as server:
        download_corpus(corpus_of(server.archive), tmp_path)
    assert_whole(tmp_path)


def test_a_server_that_stays_busy_or_away_is_given_up(tmp_path: Path) -> None:
    with serve(answer=lambda handler: handler.send_error(503)) as server:
        with pytest.raises(CorpusError, match="503 Service Unavailable; the same command goes on"):
            download_corpus(corpus_of(server.archive), tmp_path)
        assert len(server.ranges) == 5
    with pytest.raises(CorpusError, match="no connection"):
        download_corpus(corpus_of(server.archive), tmp_path)


@pytest.mark.parametrize("name", ["../outside.txt", "corpus/../../../outside.txt"])
def test_a_path_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    evil = pack({"corpus/a.wav": b"a", name: b"evil"})
    folder = tmp_path / "inside"
    with serve(evil) as server, pytest.raises(CorpusError, match=r"cannot be unpacked"):
        download_corpus(corpus_of(replace(server.archive, sha256="")), folder)
    assert not (tmp_path / "outside.txt").exists()
    assert not (folder / "corpus").exists()


def test_an_absolute_path_is_unpacked_inside(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    content = pack({"corpus/a.wav": NOISE, str(outside): b"evil"})
    with serve(content) as server:
        download_corpus(corpus_of(replace(server.archive, sha256="")), tmp_path / "inside")
    assert not outside.exists()


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.SYMTYPE])
def test_a_device_or_a_link_outside_is_refused(tmp_path: Path, kind: bytes) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        info = tarfile.TarInfo("corpus/special")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with serve(file.getvalue()) as server, pytest.raises(CorpusError, match=r"cannot be unpacked"):
        download_corpus(corpus_of(replace(server.archive, sha256="")), tmp_path)
    assert not (tmp_path / "corpus").exists()


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    bomb = pack({"corpus/zeros.wav": bytes(20_000_000)})
    with serve(bomb) as server, pytest.raises(CorpusError, match="holds over 20 times its size"):
        download_corpus(corpus_of(replace(server.archive, sha256="")), tmp_path)
    assert not (tmp_path / "corpus").exists()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with serve(b"<html>please log in</html>") as server, pytest.raises(CorpusError, match=r"cannot be unpacked"):
        download_corpus(corpus_of(replace(server.archive, sha256="")), tmp_path)


def test_only_the_subsets_that_are_asked_for_are_fetched(tmp_path: Path) -> None:
    with serve() as server:
        other = replace(server.archive, url=server.archive.url.replace("corpus.tar", "other.tar"), folder="other")
        corpus = replace(corpus_of(server.archive), archives={"one": server.archive, "two": other})
        download_corpus(corpus, tmp_path, ["two"])
        assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == ["other"]
        with pytest.raises(CorpusError, match="no subset three; there is one, two"):
            download_corpus(corpus, tmp_path, ["three"])


def test_two_processes_do_not_download_into_one_folder(tmp_path: Path) -> None:
    with serve() as server, claim(tmp_path), pytest.raises(OutputError, match="another process"):
        download_corpus(corpus_of(server.archive), tmp_path)


def test_a_corpus_that_nobody_may_hand_out_says_where_it_is_had(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"common_voice: cannot be downloaded by a program; data/README.md"):
        download_corpus(find_corpus("common_voice"), tmp_path)
