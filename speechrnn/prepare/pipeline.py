"""A planned corpus on disk: manifests and a feature store; a killed preparation goes on where it stopped."""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import tomli_w

from speechrnn.console import name_command, note, show_progress
from speechrnn.errors import CorpusError, OutputError
from speechrnn.outputs import LOCK_FILE, claim, explain_disk_errors, write_atomically
from speechrnn.prepare.plan import CorpusPlan, fingerprint_plan
from speechrnn.prepare.prepared import SETTINGS_FILE, PreparedCorpus, name_shard, read_prepared
from speechrnn.prepare.store import ENDINGS, SplitSummary, StoreWriter, check_split, read_set_aside

_MARK = "fingerprint"
"""The file that says which preparation is under way in a folder."""

_JOURNAL = ".journal.jsonl"


def prepare_corpus(
    plan: CorpusPlan, out: Path, *, workers: int = 0, force: bool = False, shard: tuple[int, int] | None = None
) -> PreparedCorpus:
    """Extracts a corpus's features and returns what was prepared.

    All is written beside `out`, in a folder of the same name with `.partial`, which takes `out`'s place at the end.
    A killed preparation goes on where it stopped; one whose input and settings are unchanged does nothing.

    Args:
        plan: What to read, and the settings.
        out: The folder to make; of a shard, the folder for all of them.
        workers: Threads; 0 for one a core.
        force: Write over what was prepared from other input or settings.
        shard: Prepare only this one, from 1, of so many.

    Raises:
        CorpusError: Nothing in the corpus can be used.
        OutputError: Something else is in the way, or the disk is full.
    """
    fingerprint = fingerprint_plan(plan)
    out = _resolve_out(out)
    if shard is not None:
        if (out / SETTINGS_FILE).exists():
            raise OutputError(f"{out}: holds a corpus that was prepared whole; choose another --out for shards")
        plan, out = plan.take_shard(*shard), out / name_shard(*shard)
    if _is_prepared(out, fingerprint, force):
        note(f"{out}: input and settings unchanged; nothing to prepare")
        return read_prepared(out)
    check_replaceable(out, force)
    partial = out.with_name(out.name + ".partial")
    check_partial(partial)
    with explain_disk_errors(partial), claim(partial):
        _discard_other(partial, fingerprint)
        if not (partial / SETTINGS_FILE).exists():
            summaries = _extract_splits(plan, partial, workers, whole=shard is None)
            prepared = PreparedCorpus(
                plan.corpus, plan.source, fingerprint, plan.lang, plan.letters, plan.config, summaries
            )
            with write_atomically(partial / SETTINGS_FILE) as path:
                path.write_text(tomli_w.dumps(asdict(prepared)), encoding="utf-8")
        check_replaceable(out, force)  # again: another process may have been here
        _move_into_place(partial, out)
    return read_prepared(out)


def _resolve_out(out: Path) -> Path:
    """Returns where the folder really is; it is renamed, which some folders cannot be.

    Raises:
        OutputError: It is where somebody works, or where a disk is mounted.
    """
    found = out.resolve()
    if found == Path.cwd() or found.is_mount():
        raise OutputError(f"{out}: cannot be replaced as a whole; name a folder that can be made in it")
    return found


def _is_prepared(out: Path, fingerprint: str, force: bool) -> bool:
    """Returns whether `out` holds what would be prepared; with `force` it may be damaged."""
    if not (out / SETTINGS_FILE).exists():
        return False
    try:
        prepared = read_prepared(out)
        if prepared.fingerprint != fingerprint:
            return False
        for split, summary in prepared.splits.items():
            check_split(out, split, summary)
    except CorpusError as error:
        if force:
            return False
        raise CorpusError(f"{error} (with --force)") from error
    return True


def check_replaceable(out: Path, force: bool) -> None:
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
    ours = _list_ours(out, names)
    if foreign := [name for name in names if name not in ours]:
        raise OutputError(
            f"{out}: also holds {min(foreign)}, which prepare did not write; move it or choose another --out"
        )


def _list_ours(out: Path, names: Iterable[str]) -> set[str]:
    """Returns those of the names in a folder that `prepare` gave: of the splits that it made, if that can be read."""
    ours = {name for name in names if _is_prepares(name)}
    try:
        splits = read_prepared(out).splits
    except CorpusError:
        return ours
    return {name for name in ours if name.partition(".")[0] in splits or name in (SETTINGS_FILE, _MARK, LOCK_FILE)}


def check_partial(partial: Path) -> None:
    """Raises OutputError where the folder for what is under way is somebody else's."""
    names = {path.name for path in partial.iterdir()} if partial.is_dir() else set()
    if partial.exists() and (not partial.is_dir() or not all(map(_is_prepares, names))):
        raise OutputError(f"{partial}: is in the way and not ours; move it or choose another --out")


def _is_prepares(name: str) -> bool:
    """Returns whether a file in a prepared folder, or one that is being prepared, has a name that we give."""
    return name in (SETTINGS_FILE, _MARK, LOCK_FILE) or name.endswith((*(f".{ending}" for ending in ENDINGS), _JOURNAL))


def _discard_other(partial: Path, fingerprint: str) -> None:
    """Empties `partial` unless an earlier preparation of the same input left it."""
    mark = partial / _MARK
    if not mark.exists() or mark.read_text() != fingerprint:
        for path in partial.iterdir():
            if path.name != LOCK_FILE:
                path.unlink()
        mark.write_text(fingerprint)


def _extract_splits(plan: CorpusPlan, partial: Path, workers: int, whole: bool) -> dict[str, SplitSummary]:
    from speechrnn.prepare.extract import extract_corpus  # imports torch, which an unchanged corpus does not need

    summaries = {}
    config, total = plan.config, sum(map(len, plan.splits.values()))
    try:
        with show_progress("Extracting features", total, "utterances") as advance:
            for split, utterances in plan.splits.items():
                with StoreWriter(partial, split, config.features.coefficients, config.dtype) as writer:
                    advance(writer.done)
                    for result in extract_corpus(islice(utterances, writer.done, None), plan, workers):
                        writer.append(result)
                        advance(1)
                    summaries[split] = writer.finish()
    except KeyboardInterrupt:
        note("stopped; the same command goes on where it was")
        raise
    if whole and total and not any(summary.utterances for summary in summaries.values()):
        id, reason = _first_set_aside(partial, plan.splits)
        shutil.rmtree(partial)
        raise CorpusError(
            f"none of the {total} utterances can be used; the first, {id}: {reason}"
            f" ({name_command()} doctor tells of all)"
        )
    return summaries


def _first_set_aside(partial: Path, splits: Iterable[str]) -> tuple[str, str]:
    notes = [note for split in splits for note in read_set_aside(partial, split)]
    return (notes[0].id, notes[0].reason) if notes else ("", "there is none")


def _move_into_place(partial: Path, out: Path) -> None:
    """Makes `partial` the result; what `out` held, which is ours, goes when the new one is in its place."""
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".replaced", dir=out.parent) as replaced:
        if out.exists():
            out.rename(Path(replaced) / out.name)
        partial.rename(out)
    for path in [out / _MARK, out / LOCK_FILE, *out.glob(f"*{_JOURNAL}")]:
        path.unlink(missing_ok=True)
