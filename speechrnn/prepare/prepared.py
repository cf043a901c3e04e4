"""A prepared corpus on disk: one folder, or the shards of one, which are read as one without being copied."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from speechrnn.config import PrepareConfig
from speechrnn.errors import CorpusError
from speechrnn.manifest import read_manifest
from speechrnn.prepare.store import SplitSummary
from speechrnn.records import build_record
from speechrnn.settings import read_toml

SETTINGS_FILE = "prepare.toml"

FORMAT_VERSION = 2

_SHARD = re.compile(r"shard-(?P<number>\d+)-of-(?P<count>\d+)")


@dataclass(frozen=True, slots=True)
class PreparedCorpus:
    """What `prepare.toml` says.

    Attributes:
        corpus: Name of the corpus, or of its layout.
        source: Where it lay.
        fingerprint: Of settings, utterances and recordings; equal in all shards.
        lang: Language of all transcripts.
        letters: The alphabet's symbols, without the space.
        config: The settings.
        splits: What each holds.
        format_version: Of the folder.
    """

    corpus: str
    source: str
    fingerprint: str
    lang: str
    letters: str
    config: PrepareConfig
    splits: dict[str, SplitSummary]
    format_version: int = FORMAT_VERSION


def read_prepared(folder: Path) -> PreparedCorpus:
    """Returns what `prepare` wrote about a folder, or about all the shards in it together.

    Raises:
        CorpusError: It is not a prepared corpus, a shard is missing or of another corpus, or a newer release wrote it.
    """
    parts = [_read_settings(part) for part in list_parts(folder)]
    first = parts[0]
    if any(part.fingerprint != first.fingerprint for part in parts):
        raise CorpusError(f"{folder}: its shards are of different corpora or settings; prepare them again")
    return replace(first, splits={split: _join_summaries(folder, parts, split) for split in first.splits})


def list_parts(folder: Path) -> list[Path]:
    """Returns the folders that make up a prepared corpus, in order: itself, or its shards.

    Raises:
        CorpusError: It is not a prepared corpus, or a shard is missing.
    """
    if (folder / SETTINGS_FILE).exists():
        return [folder]
    names = [path.parent.name for path in folder.glob(f"shard-*/{SETTINGS_FILE}")]
    shards = [match for name in names if (match := _SHARD.fullmatch(name))]
    if not shards:
        raise CorpusError(f"{folder}: not a prepared corpus (no {SETTINGS_FILE}); run `speechrnn prepare` first")
    count = int(shards[0]["count"])
    numbers = {int(shard["number"]) for shard in shards if int(shard["count"]) == count}
    if absent := [number for number in range(1, count + 1) if number not in numbers]:
        missing = f"{absent[0]}/{count}"
        raise CorpusError(f"{folder}: shard {missing} is missing; prepare it with --shard {missing}")
    return [folder / name_shard(number, count) for number in range(1, count + 1)]


def name_shard(number: int, count: int) -> str:
    """Returns the name of a shard's folder."""
    return f"shard-{number}-of-{count}"


def _read_settings(folder: Path) -> PreparedCorpus:
    path = folder / SETTINGS_FILE
    settings = read_toml(path, CorpusError)
    version = settings.get("format_version")
    if not isinstance(version, int) or version != FORMAT_VERSION:
        remedy = "upgrade speechrnn" if isinstance(version, int) and version > FORMAT_VERSION else "prepare it again"
        raise CorpusError(f"{path}: format {version}, this release reads {FORMAT_VERSION}; {remedy}")
    try:
        return build_record(PreparedCorpus, settings)
    except ValueError as error:
        raise CorpusError(f"{path}: {error}; prepare the corpus again") from error


def _join_summaries(folder: Path, parts: Sequence[PreparedCorpus], split: str) -> SplitSummary:
    """Returns what a split holds over all shards; speakers are counted once, wherever they are."""
    summaries = [part.splits[split] for part in parts]
    if len(parts) == 1:
        return summaries[0]
    manifests = [part / f"{split}.jsonl" for part in list_parts(folder)]
    return SplitSummary(
        utterances=sum(summary.utterances for summary in summaries),
        seconds=sum(summary.seconds for summary in summaries),
        speakers=len({utterance.speaker for manifest in manifests for utterance in read_manifest(manifest)}),
        set_aside=sum(summary.set_aside for summary in summaries),
    )
