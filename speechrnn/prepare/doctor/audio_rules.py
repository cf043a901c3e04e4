"""Faults of single recordings, by what was measured of them."""

from collections import Counter
from collections.abc import Callable, Sequence

from speechrnn.audio import CANCELLED_DB
from speechrnn.errors import AudioError
from speechrnn.prepare.doctor.cases import Case, Context, Details, Rule, Severity, examined
from speechrnn.prepare.doctor.examine import Examination

SILENT_DB = -65.0
"""The loudest tenth of what nobody would call speech."""

_FAINT_DB = -50.0

_NARROW_DB = -50.0
"""Real speech at 16 kHz has its upper band within 45 dB of the lower; resampled telephone speech lies below -90."""


def _measure(
    kind: str,
    severity: Severity,
    what: str,
    remedy: str,
    test: Callable[[Examination, Context], bool],
    tell: Callable[[Examination], str],
    drop: bool = False,
) -> Rule:
    """Returns a rule that looks at one recording at a time."""

    def find(cases: Sequence[Case], context: Context) -> Details:
        return {case.id: tell(measured) for case, measured in examined(cases) if test(measured, context)}

    return Rule(kind, severity, what, remedy, find, drop)


def _find_broken(cases: Sequence[Case], context: Context) -> Details:
    return {case.id: str(case.examination) for case in cases if isinstance(case.examination, AudioError)}


def _find_mixed_rates(cases: Sequence[Case], context: Context) -> Details:
    rates = Counter(measured.sample_rate for _, measured in examined(cases))
    usual = rates.most_common(1)[0][0] if rates else 0
    return {
        case.id: f"{measured.sample_rate} Hz, most are at {usual} Hz"
        for case, measured in examined(cases)
        if measured.sample_rate != usual
    }


AUDIO_RULES: tuple[Rule, ...] = (
    Rule("broken_audio", "error", "recordings that cannot be read", "copy or convert them again", _find_broken, True),
    _measure(
        "too_short",
        "error",
        "recordings shorter than one window",
        "leave them out",
        lambda one, context: 1000 * one.seconds < context.window_ms,
        lambda one: f"{1000 * one.seconds:.0f} ms",
        drop=True,
    ),
    _measure(
        "too_long",
        "error",
        "recordings longer than is prepared",
        "cut them up with --segments",
        lambda one, context: one.seconds > context.max_seconds,
        lambda one: f"{one.seconds:.1f} s",
        drop=True,
    ),
    _measure(
        "silent",
        "error",
        "silence with a transcript",
        "leave them out",
        lambda one, _: one.loudest_db < SILENT_DB,
        lambda one: f"its loudest tenth is at {one.loudest_db:.0f} dB",
        drop=True,
    ),
    _measure(
        "faint",
        "warning",
        "very faint recordings",
        "record again, closer",
        lambda one, _: SILENT_DB <= one.loudest_db < _FAINT_DB,
        lambda one: f"its loudest tenth is at {one.loudest_db:.0f} dB",
    ),
    _measure(
        "clipped",
        "warning",
        "clipped recordings",
        "record again with less gain",
        lambda one, _: one.flat_share > 0.005 and one.loudest_db >= _FAINT_DB,
        lambda one: f"{100 * one.flat_share:.1f} % of its samples lie at the top",
    ),
    _measure(
        "offset",
        "warning",
        "a constant offset (DC)",
        "nothing: it is taken off when they are read",
        lambda one, _: abs(one.offset) > 0.01,
        lambda one: f"its mean is {one.offset:+.3f}",
    ),
    _measure(
        "cancelled",
        "warning",
        "channels that cancel each other out",
        "keep the channel that you want: the loudest is read",
        lambda one, _: one.cancelled_db > CANCELLED_DB,
        lambda one: f"their mean is {one.cancelled_db:.0f} dB softer than the loudest",
    ),
    _measure(
        "dead_channel",
        "warning",
        "a channel without sound",
        "keep the other one",
        lambda one, _: one.channel_gap_db > 40,
        lambda one: f"{one.channel_gap_db:.0f} dB between its channels",
    ),
    _measure(
        "noisy",
        "warning",
        "no pauses, or much noise",
        "listen: noise hides soft sounds",
        lambda one, _: one.seconds > 1.5 and SILENT_DB <= one.loudest_db < one.softest_db + 8,
        lambda one: f"only {one.loudest_db - one.softest_db:.0f} dB between loud and soft",
    ),
    _measure(
        "mostly_silence",
        "warning",
        "mostly silence",
        "trim them",
        lambda one, _: one.seconds - one.speech_seconds > 3 and one.speech_seconds < 0.25 * one.seconds,
        lambda one: f"{one.speech_seconds:.1f} s of sound in {one.seconds:.1f} s",
    ),
    _measure(
        "narrow_band",
        "warning",
        "telephone speech, stored below 16 kHz",
        "--set features.high_hz=3800, for such speech alone",
        lambda one, _: one.sample_rate < 16_000,
        lambda one: f"stored at {one.sample_rate} Hz",
    ),
    _measure(
        "upsampled",
        "warning",
        "telephone speech that was resampled",
        "--set features.high_hz=3800, or leave it out",
        lambda one, _: one.sample_rate >= 16_000 and one.upper_band_db < _NARROW_DB and one.loudest_db >= _FAINT_DB,
        lambda one: f"{one.sample_rate} Hz, but nothing above 4 kHz ({one.upper_band_db:.0f} dB)",
    ),
    Rule("mixed_rates", "warning", "sample rates that differ", "know what you mix", _find_mixed_rates),
)
