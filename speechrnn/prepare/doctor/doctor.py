"""A corpus, raw or prepared, read and examined as a whole."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speechrnn.batches import plan_batches
from speechrnn.config import PrepareConfig, Recipe
from speechrnn.console import show_progress
from speechrnn.errors import CorpusError, OutputError, SpeechRnnError
from speechrnn.manifest import Utterance, read_manifest, write_manifest
from speechrnn.numerals import spell_numbers
from speechrnn.outputs import refuse_existing, write_atomically
from speechrnn.prepare.corpora import CORPORA, find_corpus
from speechrnn.prepare.corpus import Splits, find_split, require_readable
from speechrnn.prepare.doctor.audio_rules import AUDIO_RULES
from speechrnn.prepare.doctor.cases import Case, Context, Finding, Suspicion
from speechrnn.prepare.doctor.corpus_rules import CORPUS_RULES
from speechrnn.prepare.doctor.examine import Examination, examine_corpus
from speechrnn.prepare.doctor.text_rules import TEXT_RULES
from speechrnn.prepare.plan import settle_language
from speechrnn.prepare.prepared import SETTINGS_FILE, list_parts, read_prepared
from speechrnn.prepare.segments import cut_by_table
from speechrnn.prepare.store import check_split
from speechrnn.text import Alphabet, alphabet_of, normalize

_RANK = ("error", "warning", "note")

_COPIED = frozenset({"leak", "copy"})
"""Faults of which an utterance is cured when another one goes."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A corpus as it lies there.

    Attributes:
        name: What it is.
        splits: Its utterances, texts as they were written; their language is marked.
        alphabet: Of that language.
        config: How it was prepared, or would be.
    """

    name: str
    splits: Splits
    alphabet: Alphabet
    config: PrepareConfig


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found.

    Attributes:
        patient: The corpus.
        cases: All utterances, examined.
        findings: Faults, worst first.
        batches: Of one epoch with the recipe: how many, and which share of their frames is padding.
    """

    patient: Patient
    cases: Sequence[Case]
    findings: Sequence[Finding]
    batches: tuple[int, float]

    @property
    def seconds(self) -> list[float]:
        """The length of each recording that can be read."""
        return [case.examination.seconds for case in self.cases if isinstance(case.examination, Examination)]

    @property
    def must_be_mended(self) -> bool:
        """Whether there is an error."""
        return any(finding.rule.severity == "error" for finding in self.findings)


def read_patient(
    path: Path, layout: str = "", config: PrepareConfig | None = None, segments: Path | None = None
) -> Patient:
    """Returns a corpus to be examined.

    Args:
        path: A folder that `prepare` made, which has its own settings, or a corpus as its makers have it.
        layout: Its name or layout, where that shall not be guessed.
        config: How it would be prepared: language, subsets, numbers spelled out.
        segments: A table that would cut its recordings into utterances, or None.

    Raises:
        CorpusError: Nothing that we know lies there, it mixes languages, or a prepared corpus is damaged.
    """
    if (not layout and (path / SETTINGS_FILE).exists()) or any(path.glob(f"shard-*/{SETTINGS_FILE}")):
        return _read_prepared(path)
    config = config or PrepareConfig()
    name, splits = _read_raw(path.resolve(), layout, config.subsets)
    if segments is not None:
        splits = cut_by_table(splits, segments)
    lang = settle_language(CORPORA[name], splits, config)
    spell = config.numbers == "spell"
    splits = {
        split: [
            replace(one, lang=lang, text=spell_numbers(one.text, lang) if spell else one.text) for one in utterances
        ]
        for split, utterances in splits.items()
    }
    learned = [splits["train"]] if "train" in splits else splits.values()
    alphabet = alphabet_of(lang, (normalize(one.text, lang) for utterances in learned for one in utterances))
    return Patient(name, splits, alphabet, replace(config, lang=lang))


def _read_prepared(folder: Path) -> Patient:
    prepared, parts = read_prepared(folder), list_parts(folder)
    for part in parts:
        for split, summary in read_prepared(part).splits.items():
            check_split(part, split, summary)
    splits = {
        split: [one for part in parts for one in read_manifest(part / f"{split}.jsonl")] for split in prepared.splits
    }
    return Patient(prepared.corpus, splits, Alphabet((" ", *prepared.letters)), prepared.config)


def diagnose(
    patient: Patient, recipe: Recipe, suspicions: Mapping[str, Suspicion] | None = None, workers: int = 0
) -> Diagnosis:
    """Returns what is wrong with a corpus.

    Args:
        patient: The corpus.
        recipe: Of the training that is planned: its stacking and its batches.
        suspicions: What a model thinks of transcripts, by id.
        workers: Threads; 0 for one a core.
    """
    placed = [(split, one) for split, utterances in patient.splits.items() for one in utterances]
    features, cases = patient.config.features, []
    with show_progress("Examining", len(placed), "utterances") as advance:
        examinations = examine_corpus((utterance for _, utterance in placed), workers)
        for (split, utterance), examination in zip(placed, examinations, strict=True):
            frames = 0
            if isinstance(examination, Examination):
                milliseconds = 1000 * examination.seconds / utterance.speed - features.window_ms
                frames = max(0, 1 + int(milliseconds / features.hop_ms + 1e-6))
            cases.append(Case(split, utterance, examination, frames))
            advance(1)
    context = Context(
        patient.alphabet,
        recipe.network.stack,
        patient.config.max_seconds,
        features.window_ms,
        suspicions or {},
    )
    findings = [
        Finding(rule, details)
        for rule in (*AUDIO_RULES, *TEXT_RULES, *CORPUS_RULES)
        if (details := rule.find(cases, context))
    ]
    findings.sort(key=lambda finding: (_RANK.index(finding.rule.severity), -len(finding.details)))
    return Diagnosis(patient, cases, findings, _measure_batches(cases, recipe, features.hop_ms))


def write_clean(diagnosis: Diagnosis, folder: Path, force: bool = False) -> int:
    """Writes a manifest a split without the utterances that are better left out, and returns how many these are.

    `prepare nemo FOLDER` reads the manifests.

    Raises:
        OutputError: They are there already, or cannot be written.
    """
    if (folder / SETTINGS_FILE).exists():
        raise OutputError(f"{folder}: is a prepared corpus, whose manifests belong to it; choose another folder")
    paths = {split: folder / f"{split}.jsonl" for split in diagnosis.patient.splits}
    for path in paths.values():
        refuse_existing(path, force)
    kept, left_out = _choose_kept(diagnosis)
    for split, path in paths.items():
        with write_atomically(path) as temporary:
            write_manifest(temporary, kept[split])
    return left_out


def _choose_kept(diagnosis: Diagnosis) -> tuple[dict[str, list[Utterance]], int]:
    """Returns the utterances of each split that are worth keeping, and how many are not.

    Of copies under one id the last is kept: it is in test rather than in dev, and in dev rather than in train.
    """
    reasons = defaultdict[str, set[str]](set)
    for finding in diagnosis.findings:
        for id in finding.details if finding.rule.drop else ():
            reasons[id].add(finding.rule.kind)
    splits = diagnosis.patient.splits
    last = {one.id: one for utterances in splits.values() for one in utterances}
    counts = Counter(one.id for utterances in splits.values() for one in utterances)
    kept = {
        split: [
            one
            for one in utterances
            if one.id not in reasons or (reasons[one.id] <= _COPIED and counts[one.id] > 1 and one is last[one.id])
        ]
        for split, utterances in splits.items()
    }
    return kept, sum(map(len, splits.values())) - sum(map(len, kept.values()))


def _read_raw(path: Path, layout: str, subsets: Sequence[str]) -> tuple[str, Splits]:
    """Returns the name of a corpus's layout, and its utterances; an unknown layout is guessed."""
    if not path.exists():
        raise CorpusError(f"{path}: there is nothing")
    require_readable(path)
    if layout:
        return layout, find_corpus(layout).read(path, subsets)
    if (path / "metadata.tsv").exists():
        return "tsv", find_corpus("tsv").read(path, subsets)
    for corpus in sorted(CORPORA.values(), key=lambda corpus: corpus.name == "folder"):
        try:
            splits = corpus.read(path, subsets)
        except (SpeechRnnError, OSError):
            continue
        if any(splits.values()):
            return corpus.name, splits
    raise CorpusError(f"{path}: no corpus in a layout that we know; name it with --corpus ({', '.join(CORPORA)})")


def _measure_batches(cases: Sequence[Case], recipe: Recipe, hop_ms: float) -> tuple[int, float]:
    train = [case.frames for case in cases if case.frames and find_split(case.split) in ("train", None)]
    if not train:
        return 0, 0.0
    plan = plan_batches(train, round(1000 * recipe.training.batch_seconds / hop_ms), np.random.default_rng(0))
    padded = sum(len(batch) * max(train[index] for index in batch) for batch in plan)
    return len(plan), 1 - sum(train) / padded
