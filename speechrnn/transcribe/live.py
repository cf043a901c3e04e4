"""Speech as it is spoken: each utterance a line when it ends at a pause, and before that its words so far."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from rich.control import Control
from rich.segment import ControlType

from speechrnn.audio import Signal
from speechrnn.console import note, print_line, stderr
from speechrnn.errors import AudioError
from speechrnn.interrupt import catch_interrupts
from speechrnn.transcribe.recognizer import Recognizer, amplify
from speechrnn.transcribe.segments import Piece, cut_live, measure_loudest
from speechrnn.transcribe.streaming import StreamingRecognizer, explain_waiting
from speechrnn.words import Word, to_text


def transcribe_live(recognizer: Recognizer, chunks: Iterable[Signal]) -> None:
    """Prints a line for each utterance in a signal that goes on, until it ends or Ctrl-C.

    Args:
        recognizer: Where its model reads only forward, the words so far stand on stderr, if that is a terminal.
        chunks: Samples at 16 kHz as they come.

    Raises:
        AudioError: The source failed; what was said before is printed.
    """
    waiting = explain_waiting(recognizer.listener)
    note(f"a line after each pause, since {waiting}" if waiting else "words as they are said, a line after each pause")
    hearing: _Hearing | None = None
    failures: list[AudioError] = []
    with catch_interrupts() as interrupt:
        for part in cut_live(interrupt.wait_for(_end_at_failure(chunks, failures))):
            if not part.spoken:
                continue
            hearing = hearing or (_Patient(recognizer) if waiting else StreamingRecognizer(recognizer))
            _show_draft(hearing.accept(part.signal))
            if part.ended:
                _show_draft(())
                if text := to_text(hearing.finish()):
                    print_line(text)
                hearing = None
    if failures:
        raise failures[0]


def _end_at_failure(chunks: Iterable[Signal], failures: list[AudioError]) -> Iterator[Signal]:
    """Yields chunks until the source fails, which is noted: what was said before is still to be read."""
    try:
        yield from chunks
    except AudioError as error:
        failures.append(error)


class _Hearing(Protocol):
    """One utterance that is being heard."""

    def accept(self, samples: Signal, /) -> list[Word]:
        """Returns the words so far, as far as they are known."""

    def finish(self) -> list[Word]:
        """Returns the words."""


class _Patient:
    """Hears an utterance to its end before it says anything."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._held: list[Signal] = []

    def accept(self, samples: Signal) -> list[Word]:
        self._held.append(samples)
        return []

    def finish(self) -> list[Word]:
        signal = np.concatenate(self._held)
        enough = len(signal) >= self._recognizer.info.features.window_samples
        if not enough:
            return []
        piece = Piece(0.0, signal, spoken=True, loudest=measure_loudest(signal))
        return self._recognizer.recognize(amplify(piece, self._recognizer.info))


def _show_draft(words: Iterable[Word]) -> None:
    """Puts the last of the words so far into the line of the terminal on stderr, instead of those before."""
    if stderr.is_terminal:
        text = to_text(words)
        stderr.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
        stderr.print(text[-stderr.width + 1 :], end="")
