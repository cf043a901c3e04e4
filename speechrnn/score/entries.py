"""What one side, reference or hypothesis, says about an utterance."""

from dataclasses import dataclass, replace

from speechrnn.score.normalizers import Normalizer


@dataclass(frozen=True, slots=True)
class Entry:
    """A text, and what else its file tells.

    Attributes:
        text: The words.
        times: Start and end of each word in seconds; empty where the file has none.
        confidences: Of each word, in [0, 1]; empty where the file has none.
        speaker: Who spoke; empty where unknown.
        lang: Language code; empty where unknown.
        duration: Length in seconds; None where unknown.
        audio_filepath: The recording; empty where unknown.
        offset: Start within the recording in seconds.
    """

    text: str
    times: tuple[tuple[float, float], ...] = ()
    confidences: tuple[float, ...] = ()
    speaker: str = ""
    lang: str = ""
    duration: float | None = None
    audio_filepath: str = ""
    offset: float = 0.0


def normalize_entry(entry: Entry, normalize: Normalizer) -> Entry:
    """Returns an entry with its text normalised; times and confidences stay where the words stay the same in number.

    A word that becomes nothing takes its time and confidence with it.
    """
    text = " ".join(normalize(entry.text).split())
    if text == entry.text:
        return entry
    if not entry.times and not entry.confidences:
        return replace(entry, text=text)
    words = [normalize(word) for word in entry.text.split()]
    kept = [place for place, word in enumerate(words) if word.strip()]
    if text.split() != [words[place].strip() for place in kept]:
        return replace(entry, text=text, times=(), confidences=())
    return replace(
        entry,
        text=text,
        times=tuple(entry.times[place] for place in kept) if entry.times else (),
        confidences=tuple(entry.confidences[place] for place in kept) if entry.confidences else (),
    )
