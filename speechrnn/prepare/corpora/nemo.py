"""Manifests that exist already, as NeMo and `speechrnn prepare` write them: one JSON object a line."""

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from speechrnn.errors import CorpusError
from speechrnn.manifest import iterate_manifest, resolve_audio
from speechrnn.prepare.corpus import UNSPLIT, Corpus, Splits, find_split, gather_splits, refuse_subsets
from speechrnn.utterances import UtteranceList

MANIFEST_ENDINGS = (".json", ".jsonl")

_LONGEST_LINE = 1 << 20
"""Bytes that are read of a file to know whether it is a manifest."""


def read_nemo(source: Path, subsets: Collection[str] = (), *, untranscribed: bool = False) -> Splits:
    """Returns the utterances of one manifest, or of those in a folder that are named after a split.

    Args:
        source: A manifest, or a folder with one, or with manifests like train_manifest.json and val.jsonl.
        subsets: There are none.
        untranscribed: A line may lack a text, which is then empty.

    Raises:
        CorpusError: There is no manifest.
        ManifestError: A manifest is broken.
    """
    refuse_subsets(subsets, "nemo")

    def read(path: Path) -> UtteranceList:
        return UtteranceList(
            replace(utterance, audio_filepath=str(resolve_audio(utterance, path.parent)))
            for utterance in iterate_manifest(path, untranscribed)
        )

    if not source.is_dir():
        return {find_split(source.stem) or UNSPLIT: read(source)}
    found = _find_manifests(source)
    alone = [path for path in source.iterdir() if path.suffix in MANIFEST_ENDINGS]
    if not found and len(alone) == 1:
        return {UNSPLIT: read(alone[0])}
    if not found:
        raise CorpusError(f"{source}: no manifests named after train, dev (or val) and test, like train_manifest.json")
    return gather_splits({path.stem: read(path) for path in found})


def recognize_manifests(folder: Path) -> list[str]:
    """Returns the names, without endings, of the files in a folder that are named after splits and look like manifests.

    One does whose first line is an object of JSON with a recording's path.
    """
    found = _find_manifests(folder) if folder.is_dir() else []
    return [path.stem for path in found if path.is_file() and _begins_manifest(path)]


def _begins_manifest(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            entry = json.loads(file.readline(_LONGEST_LINE))
        except (ValueError, RecursionError):
            return False
    return isinstance(entry, dict) and "audio_filepath" in entry


def _find_manifests(folder: Path) -> list[Path]:
    """Returns the files in a folder that are named after splits and end like manifests."""
    return [path for path in sorted(folder.iterdir()) if path.suffix in MANIFEST_ENDINGS and find_split(path.stem)]


CORPORA = (Corpus("nemo", "manifests that exist already", read_nemo, lang=""),)
