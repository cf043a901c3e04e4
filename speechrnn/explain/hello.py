"""The course's third case: a voice says "hello world", and the words come out."""

from pathlib import Path

from speechrnn.audio import read_utterance
from speechrnn.config import PrepareConfig
from speechrnn.console import name_command, note, print_line
from speechrnn.explain.picture import draw_case, save_picture
from speechrnn.prepare.corpora import find_corpus
from speechrnn.prepare.pipeline import prepare_corpus
from speechrnn.prepare.plan import plan_corpus
from speechrnn.prepare.store import FeatureStore
from speechrnn.score.report import format_summary
from speechrnn.score.scoring import score_transcripts
from speechrnn.settings import load_recipe
from speechrnn.train.folder import is_finished
from speechrnn.train.run import train_model
from speechrnn.transcribe.corpus import transcribe_split
from speechrnn.transcribe.recognizer import Recognizer

PHRASE = "hello world"

_PHRASES = 40

_EXAMPLES = "“hello world”, “good morning” or “how are you”"

DATA, RUN, PICTURE = "data", "run", "hello.png"
"""What `speechrnn hello` leaves in its folder."""


def prepare_hello(out: Path, force: bool = False) -> Path:
    """Returns the folder in `out` with the embedded corpus, prepared."""
    prepare_corpus(plan_corpus(find_corpus("hello"), None, PrepareConfig()), out / DATA, force=force)
    return out / DATA


def train_hello(out: Path, force: bool = False) -> Recognizer:
    """Returns a recogniser trained on the embedded corpus; one that `out` holds already is used, or finished."""
    run = out / RUN
    if force or not is_finished(run):
        note(f"training a recogniser from nothing in {out}; that takes some minutes")
        prepare_hello(out, force)
        again = f"{name_command()} hello --out {out}"
        train_model(out / DATA, load_recipe("hello"), run, resume=not force, force=force, again=again)
    return Recognizer.load(run)


def transcribe_own(recognizer: Recognizer, recording: Path) -> None:
    """Prints what the model hears in a recording, and on stderr how little that has to mean."""
    print_line(recognizer.transcribe(recording).text)
    note(f"(This model learned {_PHRASES} phrases from synthetic voices, {_EXAMPLES} among them, and knows no others.)")


def listen_to_strangers(recognizer: Recognizer, out: Path) -> None:
    """Prints what the model hears in voices that training never heard, its errors on all their phrases, and draws."""
    strangers = FeatureStore([out / DATA], "test").utterances
    greetings = [utterance for utterance in strangers if utterance.text == PHRASE]
    note(f"\n{len(greetings)} voices that it never heard say {PHRASE!r}:")
    for utterance in greetings:
        words = recognizer.recognize(read_utterance(utterance))
        print_line(f"{utterance.speaker:<12} {' '.join(word.text for word in words)}")
    note(f"\nAll {len(strangers)} phrases of these voices:")
    print_line(format_summary(score_transcripts(*transcribe_split(out / DATA, "test", recognizer.listener))))
    note(f"\ndrawing the case: {out / PICTURE}")
    title = f"“{PHRASE}” in a voice that training never heard ({greetings[0].speaker})"
    save_picture(draw_case(recognizer, read_utterance(greetings[0]), title), out / PICTURE)
    note(f"Your own voice: say {_EXAMPLES}, then {name_command()} hello my.wav")
