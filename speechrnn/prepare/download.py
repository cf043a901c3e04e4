"""Archives of corpora: fetched once, resumed after a cut, checked, unpacked safely."""

import hashlib
import shutil
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import requests

from speechrnn.console import note, show_bytes
from speechrnn.errors import CorpusError
from speechrnn.outputs import claim, explain_disk_errors
from speechrnn.prepare.corpus import Archive, Corpus, refuse_subsets

if sys.version_info >= (3, 11, 4):
    import tarfile
else:  # the one before, Debian 12's for instance, cannot refuse what leads outside
    from backports import tarfile  # type: ignore[no-redef]

_BLOCK = 1 << 20
_TIMEOUT_SECONDS = 30.0

_ATTEMPTS = 5
"""In a row without a new byte, before we give up."""

_PAUSE_SECONDS = 1.0
"""Before the second attempt; it doubles with each further one."""

_GROWTH = 20
"""Speech never shrinks to less than a twentieth; an archive that claims to hold more is a bomb."""


class _TransientError(Exception):
    """What may go away by itself: a cut, a busy server."""


_TRANSIENT = (_TransientError, requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def download_corpus(corpus: Corpus, folder: Path, subsets: Collection[str] = ()) -> None:
    """Fetches what a corpus offers into `folder`; what is there already is not fetched again.

    A download that was cut goes on where it stopped, also in a later call. Archives are removed once unpacked.

    Args:
        corpus: Has archives, or not.
        folder: Where the corpus shall lie.
        subsets: Which archives; none for the corpus's own choice.

    Raises:
        CorpusError: There is nothing to be fetched, the server refuses, or what comes is not what was offered.
        OutputError: The disk is full, or another process downloads into the folder.
    """
    if not corpus.archives:
        raise CorpusError(f"{corpus.name}: cannot be downloaded by a program; data/README.md says where it is had")
    if len(corpus.archives) == 1:
        refuse_subsets(subsets, corpus.name)
    if unknown := sorted(set(subsets) - corpus.archives.keys()):
        raise CorpusError(f"{corpus.name}: no subset {', '.join(unknown)}; there is {', '.join(corpus.archives)}")
    wanted = [corpus.archives[name] for name in subsets or corpus.default_archives or corpus.archives]
    absent = [archive for archive in wanted if not _place(archive, folder).exists()]
    if not absent:
        return
    with explain_disk_errors(folder), claim(folder):
        for archive in absent:
            _fetch_and_unpack(archive, folder)


def _fetch_and_unpack(archive: Archive, folder: Path) -> None:
    """Puts an archive where it belongs; what cannot be unpacked is removed, unless it was there before."""
    found = _name(archive, folder).exists()
    file = fetch(archive, folder)
    try:
        unpack(file, archive, folder)
    except CorpusError as error:
        if not found:
            file.unlink()
        advice = f"delete {file.name} and download again" if found else "it was deleted, download it again"
        raise CorpusError(f"{error}; {advice}") from error
    file.unlink()


def fetch(archive: Archive, folder: Path) -> Path:
    """Returns the archive's file in `folder`, whole and checked.

    Raises:
        CorpusError: The server refuses, gives up in the middle again and again, or sends something else.
    """
    file = _name(archive, folder)
    if not file.exists():
        part = file.with_name(f"{file.name}.part")
        _fetch_whole(archive.url, part)
        _check(part, archive)
        part.replace(file)
    return file


def unpack(file: Path, archive: Archive, folder: Path) -> None:
    """Puts the member that is kept where it belongs; nothing is seen there before all of it is.

    Raises:
        CorpusError: The archive is damaged, or a path in it leads outside, or it holds a device or a bomb.
    """
    place = _place(archive, folder)
    with_all = folder / f".{file.name}.unpacked"
    shutil.rmtree(with_all, ignore_errors=True)
    try:
        with tarfile.open(file) as tar:
            note(f"unpacking {file.name}")
            tar.extractall(with_all, members=_check_members(tar, file), filter="data")
            while tar.fileobj and tar.fileobj.read(_BLOCK):  # to the end, where gzip's own checksum is
                pass
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        shutil.rmtree(with_all, ignore_errors=True)
        raise CorpusError(f"{file}: cannot be unpacked ({error})") from error
    kept = with_all / archive.member
    if not kept.is_dir():
        shutil.rmtree(with_all, ignore_errors=True)
        raise CorpusError(f"{file}: holds no folder {archive.member}")
    place.parent.mkdir(parents=True, exist_ok=True)
    kept.replace(place)
    shutil.rmtree(with_all, ignore_errors=True)


def _name(archive: Archive, folder: Path) -> Path:
    return folder / archive.url.rpartition("/")[2]


def _place(archive: Archive, folder: Path) -> Path:
    return folder / archive.folder


def _check_members(tar: tarfile.TarFile, file: Path) -> Iterator[tarfile.TarInfo]:
    most, total = _GROWTH * file.stat().st_size, 0
    for member in tar:
        total += member.size
        if total > most:
            raise ValueError(f"holds over {_GROWTH} times its size")
        yield member


def _fetch_whole(url: str, part: Path) -> None:
    """Fetches the rest until all is there; gives up after some attempts in a row that got no further."""
    furthest, failures = 0, 0
    while True:
        try:
            return _fetch_rest(url, part)
        except _TRANSIENT as error:
            reached = part.stat().st_size if part.exists() else 0
            failures = 1 if reached > furthest else failures + 1
            furthest = max(reached, furthest)
            if failures == _ATTEMPTS:
                raise CorpusError(f"{url}: {_explain(error)}; the same command goes on where it stopped") from error
            time.sleep(_PAUSE_SECONDS * 2 ** (failures - 1))
        except requests.RequestException as error:
            raise CorpusError(f"{url}: {_explain(error)}") from error


def _fetch_rest(url: str, part: Path) -> None:
    """Appends what is missing; where the server does not send parts, all of it anew."""
    had = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            raise _TransientError("the file there is no longer what it was")
        if response.status_code >= 500 or response.status_code == requests.codes.too_many_requests:
            raise _TransientError(f"{response.status_code} {response.reason}")
        response.raise_for_status()
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {had}-")
        begun = had if response.status_code == requests.codes.partial_content and resumed else 0
        length = int(response.headers.get("Content-Length", 0))
        with part.open("r+b" if begun else "wb") as file, show_bytes(part.stem, begun, begun + length) as advance:
            file.seek(begun)
            for block in response.iter_content(_BLOCK):
                file.write(block)
                advance(len(block))
            received = file.tell() - begun
    if length and received < length:
        raise _TransientError(f"the connection was cut {length - received:,} bytes early")


def _check(part: Path, archive: Archive) -> None:
    if not archive.sha256:
        return
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != archive.sha256:
        part.unlink()
        raise CorpusError(
            f"{archive.url}: not what its makers published (SHA-256 {found[:12]}…, expected {archive.sha256[:12]}…); it"
            " was deleted, download it again"
        )


def _explain(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer within {_TIMEOUT_SECONDS:g} s"
    if isinstance(error, _TransientError):
        return str(error)
    if "IncompleteRead" in str(error):
        return "the connection was cut early"
    with suppress(IndexError):
        return f"no connection ({str(error).rpartition(': ')[2].strip(')')!s})"
    return "no connection"
