"""A corpus from its own layout to manifests and a feature store; a killed preparation goes on where it stopped."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import tomli_w

from speechrnn.config import PrepareConfig, read_toml
from speechrnn.console import note, show_progress
from speechrnn.errors import CorpusError, OutputError
from speechrnn.manifest import Utterance
from speechrnn.outputs import LOCK_FILE, claim, explain_disk_errors, write_atomically
from speechrnn.prepare.corpora import UNSPLIT, CorpusReader
from speechrnn.prepare.split import HELD_OUT, hold_out_speakers, split_by_sentence, split_by_speaker
from speechrnn.prepare.store import ENDINGS, SplitSummary, StoreWriter, read_set_aside
from speechrnn.records import build_record

SETTINGS_FILE = "prepare.toml"

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class PreparedCorpus:
    """What `prepare.toml` says: settings, what went in, and what each split holds."""

    corpus: str
    source: str
    fingerprint: str
    config: PrepareConfig
    splits: dict[str, SplitSummary]
    format_version: int = FORMAT_VERSION


def prepare_corpus(
    reader: CorpusReader,
    source: Path | None,
    out: Path,
    config: PrepareConfig,
    *,
    workers: int = 0,
    force: bool = False,
) -> PreparedCorpus:
    """Reads a corpus, extracts its features, and returns what was prepared.

    All is written beside `out`, in a folder of the same name with `.partial`, which takes `out`'s place at the end.
    A killed preparation goes on where it stopped; one whose input and settings are unchanged does nothing.

    Args:
        reader: How the corpus is laid out.
        source: Where it lies; None where the reader brings its own.
        out: The folder to make.
        config: Features, splits, limits.
        workers: Threads; 0 for one a core.
        force: Write over what was prepared from other input or settings.

    Raises:
        CorpusError: The corpus is not laid out as expected, or nothing in it can be used.
        OutputError: Something else is in the way, or the disk is full.
    """
    folder = source or reader.source
    if folder is None:
        raise CorpusError(f"{reader.name}: say where the corpus lies: speechrnn prepare {reader.name} SOURCE --out DIR")
    splits = choose_splits(reader.read(folder.resolve()), config)
    _check_ids(splits)
    fingerprint = fingerprint_input(splits, config)
    if (out / SETTINGS_FILE).exists():
        prepared = read_prepared(out)
        if prepared.fingerprint == fingerprint:
            return prepared
    _check_replaceable(out, force)
    partial = out.with_name(out.name + ".partial")
    with explain_disk_errors(partial), claim(partial):
        _discard_other(partial, fingerprint)
        if not (partial / SETTINGS_FILE).exists():
            summaries = _extract_splits(splits, partial, config, workers)
            prepared = PreparedCorpus(reader.name, str(folder.resolve()), fingerprint, config, summaries)
            with write_atomically(partial / SETTINGS_FILE) as path:
                path.write_text(tomli_w.dumps(asdict(prepared)), encoding="utf-8")
        _move_into_place(partial, out)
    return read_prepared(out)


def read_prepared(folder: Path) -> PreparedCorpus:
    """Returns what `prepare` wrote about a folder.

    Raises:
        CorpusError: It is not a prepared corpus, or a newer release prepared it.
    """
    path = folder / SETTINGS_FILE
    if not path.exists():
        raise CorpusError(f"{folder}: not a prepared corpus (no {SETTINGS_FILE}); run `speechrnn prepare` first")
    settings = read_toml(path, CorpusError)
    if settings.get("format_version", 0) > FORMAT_VERSION:
        raise CorpusError(f"{path}: format {settings['format_version']} is newer than this release; upgrade speechrnn")
    try:
        return build_record(PreparedCorpus, settings)
    except ValueError as error:
        raise CorpusError(f"{path}: {error}; prepare the corpus again") from error


def choose_splits(read: Mapping[str, Sequence[Utterance]], config: PrepareConfig) -> dict[str, list[Utterance]]:
    """Returns the corpus's own splits, or those that the settings ask for where it has none."""
    splits = {
        split: [replace(utterance, lang=config.lang) for utterance in utterances] for split, utterances in read.items()
    }
    held_out = {split: speakers for split in HELD_OUT if (speakers := getattr(config, f"{split}_speakers"))}
    if UNSPLIT in splits:
        everything = splits.pop(UNSPLIT)
        if held_out or config.split not in ("speakers", "sentences"):
            splits["train" if held_out else config.split] = everything
        else:
            splits = split_by_speaker(everything) if config.split == "speakers" else split_by_sentence(everything)
    return hold_out_speakers(splits, held_out)


def fingerprint_input(splits: Mapping[str, Sequence[Utterance]], config: PrepareConfig) -> str:
    """Returns a hash of the settings, of each utterance, and of each recording's size and time of change."""
    digest = hashlib.sha256(json.dumps([FORMAT_VERSION, asdict(config)]).encode())
    stamp = cache(_stamp)
    for split, utterances in splits.items():
        for utterance in utterances:
            entry = [split, *asdict(utterance).values(), stamp(utterance.audio_filepath)]
            digest.update(json.dumps(entry).encode())
    return digest.hexdigest()


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = Path(path).stat()
    except OSError:
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)


def _check_ids(splits: Mapping[str, Sequence[Utterance]]) -> None:
    counts = Counter(utterance.id for utterances in splits.values() for utterance in utterances)
    if repeated := [id for id, count in counts.items() if count > 1]:
        raise CorpusError(f"id {repeated[0]!r} comes more than once ({len(repeated)} such ids); ids must differ")


def _check_replaceable(out: Path, force: bool) -> None:
    """Raises OutputError where `out` holds anything that `prepare` did not write, or wrote and may not replace."""
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"{out}: a file is in the way; choose another --out")
    names = {path.name for path in out.iterdir()}
    if names and SETTINGS_FILE not in names:
        raise OutputError(f"{out}: holds other files ({min(names)}); choose another --out")
    if names and not force:
        raise OutputError(
            f"{out}: prepared from other input or settings; --force prepares it again, or choose another --out"
        )
    ours = {SETTINGS_FILE}
    if names:
        for split in read_prepared(out).splits:
            ours |= {f"{split}.{ending}" for ending in ENDINGS}
    if foreign := names - ours:
        raise OutputError(
            f"{out}: also holds {min(foreign)}, which prepare did not write; move it or choose another --out"
        )


def _discard_other(partial: Path, fingerprint: str) -> None:
    """Empties `partial` unless an earlier preparation of the same input left it."""
    mark = partial / "fingerprint"
    if not mark.exists() or mark.read_text() != fingerprint:
        for path in partial.iterdir():
            if path.name != LOCK_FILE:
                path.unlink()
        mark.write_text(fingerprint)


def _extract_splits(
    splits: Mapping[str, Sequence[Utterance]], partial: Path, config: PrepareConfig, workers: int
) -> dict[str, SplitSummary]:
    from speechrnn.prepare.extract import extract_corpus  # imports torch, which an unchanged corpus does not need

    summaries = {}
    total = sum(map(len, splits.values()))
    try:
        with show_progress("Extracting features", total, "utterances") as advance:
            for split, utterances in splits.items():
                with StoreWriter(partial, split, config.features.coefficients) as writer:
                    advance(writer.done)
                    for result in extract_corpus(utterances[writer.done :], config, workers):
                        writer.append(result)
                        advance(1)
                    summaries[split] = writer.finish()
    except KeyboardInterrupt:
        note("stopped; the same command goes on where it was")
        raise
    if not any(summary.utterances for summary in summaries.values()):
        id, reason = _first_set_aside(partial, splits)
        raise CorpusError(f"none of the {total} utterances can be used; the first, {id}: {reason}")
    return summaries


def _first_set_aside(partial: Path, splits: Iterable[str]) -> tuple[str, str]:
    notes = [note for split in splits for note in read_set_aside(partial, split)]
    return (notes[0].id, notes[0].reason) if notes else ("", "there is none")


def _move_into_place(partial: Path, out: Path) -> None:
    """Makes `partial` the result; what `out` held, which is ours, goes when the new one is in its place."""
    for path in [partial / "fingerprint", partial / LOCK_FILE, *partial.glob("*.journal.jsonl")]:
        path.unlink(missing_ok=True)
    old = out.with_name(out.name + ".replaced")
    if out.exists():
        out.rename(old)
    partial.rename(out)
    if old.exists():
        shutil.rmtree(old)
