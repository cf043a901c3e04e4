"""A score as a person reads it: the rates, then the utterances, worst first, word under word."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import isnan

from rich.cells import cell_len
from rich.text import Text

from speechrnn.console import abridge, count_of, print_line, print_table, stdout, warn
from speechrnn.counts import ErrorCounts, format_rate
from speechrnn.score.align import Pair, align_words
from speechrnn.score.assessment import Assessment
from speechrnn.score.breakdown import Group
from speechrnn.score.calibration import Calibration
from speechrnn.score.normalizers import NORMALIZERS
from speechrnn.score.scoring import Score, ScoredUtterance
from speechrnn.score.significance import REPLICATES, Comparison
from speechrnn.score.times import FAR, TimeErrors, measure_times

_STYLES = {"equal": "", "substitute": "yellow", "delete": "red", "insert": "cyan"}
_CONFUSIONS = 10
"""Words that are listed of each kind of error."""

_NAMES = {"substitute": "substitutions", "insert": "insertions", "delete": "deletions"}
_HINT = "; where lines have no ids, --plain compares them in order"
_MARKS = {"equal": "", "substitute": "S", "delete": "D", "insert": "I"}


def print_assessment(assessment: Assessment, worst: int, calibration: bool = False) -> None:
    """Prints the summary and the details on stdout, and on stderr the ids without a partner.

    Args:
        assessment: What is shown.
        worst: Utterances at most, those with most errors first; 0 also hides the confusions.
        calibration: Whether words are listed by confidence.
    """
    score = assessment.score
    if assessment.normalizer != "none":
        print_line(f"normalised on both sides: {assessment.normalizer}")
    print_line(format_summary(score))
    if score.calibration:
        print_line(format_calibration(score.calibration))
    if times := measure_times(score.utterances):
        print_line(format_times(times))
    _print_errors(score, worst)
    if calibration:
        print_calibration(score.calibration)
    for key, groups in assessment.groups.items():
        print_breakdown(key, groups)
    basic = rescore_basic(score)
    if (spelling := score.words.errors - basic.errors) > 0:
        warn(
            f"{spelling} of the {score.words.errors} errors are upper or lower case or punctuation, no other words:"
            f" {format_rate('WER', basic)} with --normalize basic"
        )
    _warn_unmatched(score)
    if assessment.other and assessment.comparison:
        print_line(f"against {assessment.other_name}: {format_rate('WER', assessment.other.words)}")
        print_line(format_comparison(assessment.comparison))
        _warn_unmatched(assessment.other, f"in {assessment.other_name} ")


def _print_errors(score: Score, worst: int) -> None:
    if worst:
        for line in format_confusions(score, _CONFUSIONS):
            print_line(line)
    width = stdout.width if stdout.is_terminal else None
    for block in render_worst(score, worst, width):
        stdout.print(block)


def _warn_unmatched(score: Score, where: str = "") -> None:
    if score.missing:
        warn(f"{where}no hypothesis for {abridge(score.missing)}: all their words count as deleted")
    if score.unexpected:
        warn(f"{where}no reference for {abridge(score.unexpected)}: not counted{_HINT}")


def format_summary(score: Score) -> str:
    """Returns the `%WER` line, the `%CER` line, the share of utterances with an error, and the interval of the WER."""
    total, wrong = len(score.utterances), len(score.wrong_utterances)
    lines = [
        format_rate("WER", score.words),
        format_rate("CER", score.characters),
        f"%SER {100 * wrong / total:.2f} [ {wrong} / {total} ]",
    ]
    if total > 1 and score.words.reference_length:
        low, high = 100 * score.interval.low, 100 * score.interval.high
        drawn = f"{len(set(score.speakers))} speakers" if score.speakers else "utterances"
        lines.append(f"95 % interval of the WER: {low:.2f} to {high:.2f} ({REPLICATES} bootstraps over {drawn})")
    return "\n".join(lines)


def format_calibration(calibration: Calibration) -> str:
    """Returns in a line how far confidences can be believed."""
    words = sum(one.words for one in calibration.bins)
    confidence, right = (
        sum(one.words * getattr(one, name) for one in calibration.bins) / words for name in ("confidence", "right")
    )
    entropy = calibration.cross_entropy
    return (
        f"confidence: mean {100 * confidence:.1f} %, {100 * right:.1f} % of the words right; calibration error"
        f" {100 * calibration.error:.1f} %" + ("" if isnan(entropy) else f", normalised cross entropy {entropy:.3f}")
    )


def print_calibration(calibration: Calibration | None) -> None:
    """Prints a table of words by their confidence."""
    if calibration is None:
        warn("these hypotheses have no confidences; transcribe --format json writes them, and ctm can hold them")
        return
    rows = [
        [f"{100 * one.confidence:.1f} %", f"{100 * one.right:.1f} %", str(one.words), draw_bar(one.right)]
        for one in calibration.bins
    ]
    print_table(["confidence", "right", "words", ""], rows)


def format_times(errors: TimeErrors) -> str:
    """Returns in a line how far times are off."""
    return (
        f"times of {errors.words} right words: median {1000 * errors.start:.0f} ms off at the start,"
        f" {1000 * errors.end:.0f} ms at the end; {errors.far} more than {1000 * FAR:.0f} ms"
    )


def print_breakdown(key: str, groups: Sequence[Group]) -> None:
    """Prints a table of groups of utterances."""
    rows = [
        [
            group.name,
            str(group.utterances),
            str(group.words.reference_length),
            f"{100 * group.words.rate:.2f}",
            draw_bar(min(group.words.rate, 1.0)),
        ]
        for group in groups
    ]
    print_table([key, "utterances", "words", "%WER", ""], rows)


def draw_bar(share: float) -> str:
    """Returns a bar of up to twenty characters."""
    return "█" * round(20 * share)


def format_confusions(score: Score, count: int) -> list[str]:
    """Returns, a line a kind, the words that were most often taken for another, inserted and deleted."""
    found: dict[str, Counter[str]] = {"substitute": Counter(), "insert": Counter(), "delete": Counter()}
    for utterance in score.wrong_utterances:
        for pair in utterance.alignment.errors:
            words = (pair.reference, "→" if pair.kind == "substitute" else "", pair.hypothesis)
            found[pair.kind][" ".join(word for word in words if word)] += 1
    return [
        f"{_NAMES[kind]}: " + ", ".join(f"{words} {times}" for words, times in ranked.most_common(count))
        for kind, ranked in found.items()
        if ranked
    ]


def format_comparison(comparison: Comparison) -> str:
    """Returns how a recogniser differs from another, whose rate is taken from its own."""
    low, high = 100 * comparison.interval.low, 100 * comparison.interval.high
    return (
        f"difference {100 * comparison.difference:+.2f} [ {low:+.2f} to {high:+.2f} ]\n"
        f"bootstrap p {comparison.bootstrap_p:.3g}, MAPSSWE p {comparison.mapsswe_p:.3g}"
        f" ({comparison.segments} segments); better in {count_of(comparison.better, 'utterance')},"
        f" worse in {comparison.worse}"
    )


def render_worst(score: Score, count: int, width: int | None) -> Iterator[Text]:
    """Yields the `count` utterances with most errors, each as a header and its alignment.

    Args:
        score: What to show.
        count: How many utterances at most.
        width: Columns of the terminal, to break long alignments; None never breaks, for pipes and files.
    """
    for utterance in score.wrong_utterances[:count]:
        yield Text.assemble("\n", (utterance.id, "bold"), f"  {_describe(utterance)}\n", _render(utterance, width))


def rescore_basic(score: Score) -> ErrorCounts:
    """Returns the word errors that the basic normaliser leaves; only what is wrong is aligned again."""
    normalize = NORMALIZERS["basic"]
    pairs = [(normalize(one.reference.text), normalize(one.hypothesis.text)) for one in score.utterances]
    same = ErrorCounts(hits=sum(len(reference.split()) for reference, hypothesis in pairs if reference == hypothesis))
    wrong = [pair for pair in pairs if pair[0] != pair[1]]
    return sum((one.counts for one in align_words(*zip(*wrong, strict=True))), same) if wrong else same


def _describe(utterance: ScoredUtterance) -> str:
    counts = utterance.counts
    return f"{count_of(counts.errors, 'error')} in {count_of(counts.reference_length, 'word')}"


def _render(utterance: ScoredUtterance, width: int | None) -> Text:
    return Text("\n").join(_render_row(row) for row in _break_rows(utterance.alignment.pairs, width))


def _break_rows(pairs: Sequence[Pair], width: int | None) -> Iterator[list[Pair]]:
    row: list[Pair] = []
    used = len("REF:")
    for pair in pairs:
        needed = 1 + _columns(pair)
        if row and width is not None and used + needed > width:
            yield row
            row, used = [], len("REF:")
        row.append(pair)
        used += needed
    yield row


def _render_row(row: Sequence[Pair]) -> Text:
    reference, hypothesis, marks = Text("REF:"), Text("HYP:"), Text("    ")
    for pair in row:
        style, columns = _STYLES[pair.kind], _columns(pair)
        reference.append(" " + _pad(pair.reference or "*" * columns, columns), style)
        hypothesis.append(" " + _pad(pair.hypothesis or "*" * columns, columns), style)
        marks.append(" " + _pad(_MARKS[pair.kind], columns), style)
    lines = [reference, hypothesis, marks]
    for line in lines:
        line.rstrip()
    return Text("\n").join(lines)


def _columns(pair: Pair) -> int:
    return max(cell_len(pair.reference), cell_len(pair.hypothesis))


def _pad(word: str, columns: int) -> str:
    return word + " " * (columns - cell_len(word))
