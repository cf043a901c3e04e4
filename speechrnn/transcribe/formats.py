"""Transcripts as files that other programs read."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from speechrnn.manifest import to_token
from speechrnn.transcribe.transcript import Transcript
from speechrnn.words import Word, to_text

_LINE_LETTERS = 42
"""What a subtitle's line holds; two lines are shown at a time. Netflix's and the BBC's guides agree."""

_CUE_SECONDS = 7.0
"""A subtitle does not stand longer."""

_SHORTEST_CUE = 1.0
"""A subtitle stands so long even if its words are over, unless the next one begins."""

_PAUSE = 0.8
"""Seconds of silence after which another subtitle begins."""


def cut_cues(words: Sequence[Word]) -> list[list[Word]]:
    """Returns words in groups that are read at once: two lines, no long pause within, no longer than seven seconds."""
    cues: list[list[Word]] = []
    for word in words:
        if not cues or not _fits(cues[-1], word):
            cues.append([])
        cues[-1].append(word)
    return cues


def _fits(cue: Sequence[Word], word: Word) -> bool:
    text = " ".join(one.text for one in [*cue, word])
    lines = textwrap.wrap(text, _LINE_LETTERS)
    return len(lines) <= 2 and word.start - cue[-1].end <= _PAUSE and word.end - cue[0].start <= _CUE_SECONDS


def _time_cues(transcript: Transcript) -> Iterator[tuple[float, float, str]]:
    """Yields start, end and text of each subtitle."""
    cues = cut_cues(transcript.words)
    starts = [cue[0].start for cue in cues] + [transcript.duration]
    for number, cue in enumerate(cues):
        end = max(cue[-1].end, min(cue[0].start + _SHORTEST_CUE, starts[number + 1]))
        yield cue[0].start, end, to_text(cue)


def format_txt(transcript: Transcript) -> str:
    """Returns the text."""
    return transcript.text + "\n"


def format_json(transcript: Transcript) -> str:
    """Returns one line of JSON."""
    return transcript.to_json() + "\n"


def format_srt(transcript: Transcript) -> str:
    """Returns SubRip subtitles."""
    return "\n".join(
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{textwrap.fill(text, _LINE_LETTERS)}\n"
        for number, (start, end, text) in enumerate(_time_cues(transcript), 1)
    )


def format_vtt(transcript: Transcript) -> str:
    """Returns WebVTT subtitles."""
    cues = (
        f"\n{_clock(start, '.')} --> {_clock(end, '.')}\n{textwrap.fill(text, _LINE_LETTERS)}\n"
        for start, end, text in _time_cues(transcript)
    )
    return "WEBVTT\n" + "".join(cues)


def format_tsv(transcript: Transcript) -> str:
    """Returns a table of subtitles with start and end in milliseconds, as Whisper writes it."""
    rows = (f"{round(1000 * start)}\t{round(1000 * end)}\t{text}\n" for start, end, text in _time_cues(transcript))
    return "start\tend\ttext\n" + "".join(rows)


def format_ctm(transcript: Transcript) -> str:
    """Returns NIST's time-marked words: id, channel, start, duration, word, confidence."""
    return "".join(
        f"{to_token(transcript.id)} 1 {word.start:.3f} {word.end - word.start:.3f} {word.text} {word.confidence:.4f}\n"
        for word in transcript.words
    )


def format_textgrid(transcript: Transcript) -> str:
    """Returns a Praat TextGrid with one tier of words; pauses are empty intervals."""
    intervals = list(_fill_pauses(transcript))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {transcript.duration:.3f}",
        "tiers? <exists>",
        "size = 1",
        "item []:",
        "    item [1]:",
        '        class = "IntervalTier"',
        '        name = "words"',
        "        xmin = 0",
        f"        xmax = {transcript.duration:.3f}",
        f"        intervals: size = {len(intervals)}",
    ]
    for number, (start, end, text) in enumerate(intervals, 1):
        quoted = text.replace('"', '""')
        lines += [
            f"        intervals [{number}]:",
            f"            xmin = {start:.3f}",
            f"            xmax = {end:.3f}",
            f'            text = "{quoted}"',
        ]
    return "\n".join(lines) + "\n"


def _fill_pauses(transcript: Transcript) -> Iterator[tuple[float, float, str]]:
    """Yields intervals that cover the recording without a gap."""
    reached = 0.0
    for word in transcript.words:
        if word.start > reached:
            yield reached, word.start, ""
        yield word.start, word.end, word.text
        reached = word.end
    if reached < transcript.duration:
        yield reached, transcript.duration, ""


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


FORMATS: Mapping[str, Callable[[Transcript], str]] = MappingProxyType(
    {
        "txt": format_txt,
        "json": format_json,
        "srt": format_srt,
        "vtt": format_vtt,
        "tsv": format_tsv,
        "ctm": format_ctm,
        "textgrid": format_textgrid,
    }
)
"""How a transcript is written, by the ending of the file."""
