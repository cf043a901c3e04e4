"""Faults that show only when utterances are held against each other."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from speechrnn.prepare.corpus import find_split
from speechrnn.prepare.doctor.audio_rules import SILENT_DB
from speechrnn.prepare.doctor.cases import Case, Context, Details, Rule, examined

_ORDER = ("train", "dev", "test")
"""What a split must not share with a later one: it has learned, or was chosen by, what the later one shall judge."""


def _find_repeated_ids(cases: Sequence[Case], context: Context) -> Details:
    counts = Counter(case.id for case in cases)
    return {id: f"{count} times" for id, count in counts.items() if count > 1}


def _find_contradictions(cases: Sequence[Case], context: Context) -> Details:
    return {
        case.id: f"“{case.text}”; the same recording is {_name_others(group, case)}"
        for group in _group_copies(cases)
        if len({case.text for case in group}) > 1
        for case in group
    }


def _find_leaks(cases: Sequence[Case], context: Context) -> Details:
    return {
        case.id: f"the same recording is {_name_others(group, case)}"
        for group in _group_copies(cases)
        for case in group
        if _rank(case) < max(map(_rank, group))
    }


def _find_copies(cases: Sequence[Case], context: Context) -> Details:
    return {
        case.id: f"the same recording is {group[0].id}"
        for group in _group_copies(cases)
        if len({(case.split, case.text) for case in group}) == 1
        for case in group[1:]
    }


def _find_shared_speakers(cases: Sequence[Case], context: Context) -> Details:
    return _find_shared(cases, lambda case: case.utterance.speaker, "{} is in {} and in {}")


def _find_shared_sentences(cases: Sequence[Case], context: Context) -> Details:
    return _find_shared(cases, lambda case: case.text, "“{:.40}” is in {} and in {}")


def _find_shared(cases: Sequence[Case], key: Callable[[Case], str], told: str) -> Details:
    """Returns the utterances whose speaker, or sentence, an earlier split has too; what is unknown is not shared."""
    earliest: dict[str, Case] = {}
    for case in sorted(cases, key=_rank):
        earliest.setdefault(key(case), case)
    return {
        case.id: told.format(key(case), earliest[key(case)].split, case.split)
        for case in cases
        if key(case) and 0 <= _rank(earliest[key(case)]) < _rank(case)
    }


def _rank(case: Case) -> int:
    """Returns the place of an utterance's split among train, dev and test; -1 for a corpus without splits."""
    split = find_split(case.split)
    return _ORDER.index(split) if split else -1


def _find_nameless(cases: Sequence[Case], context: Context) -> Details:
    return {case.id: "no speaker" for case in cases if not case.utterance.speaker}


def _group_copies(cases: Sequence[Case]) -> list[list[Case]]:
    """Returns recordings with the same samples; silences are all alike and no copies, nor is what was perturbed."""
    groups: dict[tuple[str, float, float], list[Case]] = defaultdict(list)
    for case, measured in examined(cases):
        if measured.loudest_db >= SILENT_DB:
            groups[measured.digest, case.utterance.speed, case.utterance.volume].append(case)
    return [group for group in groups.values() if len(group) > 1]


def _name_others(group: Sequence[Case], one: Case) -> str:
    return ", ".join(f"{other.id} ({other.split})" for other in group if other is not one)


CORPUS_RULES: tuple[Rule, ...] = (
    Rule("repeated_id", "error", "ids that come more than once", "give each an id of its own", _find_repeated_ids),
    Rule(
        "contradiction",
        "error",
        "one recording with different transcripts",
        "listen, and keep the right one",
        _find_contradictions,
        True,
    ),
    Rule(
        "leak",
        "error",
        "recordings of dev or test in train, or of test in dev",
        "take them out of the earlier split",
        _find_leaks,
        True,
    ),
    Rule("copy", "warning", "copies of another recording", "keep one", _find_copies, True),
    Rule(
        "shared_speaker",
        "warning",
        "speakers of train in dev or test, or of dev in test",
        "the error rate is that of known voices: split by speaker",
        _find_shared_speakers,
    ),
    Rule(
        "shared_sentence",
        "warning",
        "sentences of train in dev or test, or of dev in test",
        "the error rate is that of known sentences",
        _find_shared_sentences,
    ),
    Rule("no_speaker", "note", "utterances of unknown speakers", "name them: splits keep them apart", _find_nameless),
)
