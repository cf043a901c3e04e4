"""The course's third case: a voice says "hello world", and the words come out."""

from pathlib import Path

from speechrnn.audio import Signal, read_signal
from speechrnn.config import PrepareConfig, load_recipe
from speechrnn.console import note, print_line
from speechrnn.explain.picture import draw_case
from speechrnn.manifest import Utterance
from speechrnn.outputs import write_atomically
from speechrnn.prepare.corpora import find_reader
from speechrnn.prepare.pipeline import prepare_corpus
from speechrnn.prepare.store import FeatureStore
from speechrnn.score.report import format_summary
from speechrnn.score.scoring import score_transcripts
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.recognizer import Recognizer

PHRASE = "hello world"

DATA, RUN, PICTURE = "data", "run", "hello.png"
"""What `speechrnn hello` leaves in its folder."""


def train_hello(out: Path, force: bool = False) -> Recognizer:
    """Returns a recogniser trained on the embedded corpus; one that `out` holds already is used, or finished."""
    prepare_corpus(find_reader("hello"), None, out / DATA, PrepareConfig())
    run = out / RUN
    train_model(out / DATA, load_recipe("hello"), run, resume=not force, force=force)
    return Recognizer.load(run)


def listen_to_strangers(recognizer: Recognizer, out: Path) -> None:
    """Prints what the model hears in voices that training never heard, its errors on all their phrases, and draws."""
    strangers = FeatureStore(out / DATA, "test").utterances
    greetings = [utterance for utterance in strangers if utterance.text == PHRASE]
    note(f"\n{len(greetings)} voices that it never heard say {PHRASE!r}:")
    for utterance in greetings:
        words = recognizer.recognize(read_utterance(utterance))
        print_line(f"{utterance.speaker:<12} {' '.join(word.text for word in words)}")
    note(f"\nAll {len(strangers)} phrases of these voices:")
    print_line(format_summary(score_transcripts(*transcribe_split(out / DATA, "test", recognizer.model))))
    with write_atomically(out / PICTURE) as path:
        draw_case(recognizer, read_utterance(greetings[0]), greetings[0].speaker).savefig(path, format="png", dpi=150)
    note(f"\nThe case in one picture: {out / PICTURE}\nYour own voice: speechrnn hello my.wav")


def read_utterance(utterance: Utterance) -> Signal:
    """Returns an utterance's signal, (samples,) at 16 kHz."""
    return read_signal(Path(utterance.audio_filepath), utterance.offset, utterance.duration)
