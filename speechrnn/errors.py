"""What can go wrong that a user can put right.

SpeechRnnError
 ├─ AudioError      a recording that cannot be read or used
 ├─ TextError       a transcript outside the language's alphabet
 ├─ ManifestError   a broken line, a duplicate id, a file that is not there
 ├─ CorpusError     a corpus that is not laid out as its reader expects, or not prepared
 ├─ RecipeError     an unknown key, a wrong type, a value out of range
 ├─ ModelError      a file that is no model, is cut short, or is too new
 ├─ OutputError     a result that is in the way, or cannot be written
 ├─ TrainingError   a run that cannot start, go on or be resumed
 └─ ScoreError      references and hypotheses that do not belong together

The message of each is one line: where, what was found, what to do. The command line prints it and exits 1.
Misuse of the library by a caller is ValueError; a broken invariant is an assertion.
"""


class SpeechRnnError(Exception):
    """The base of all errors that a user can put right."""


class AudioError(SpeechRnnError):
    """A recording cannot be read or used."""


class TextError(SpeechRnnError):
    """A transcript holds what the alphabet lacks, or nothing."""


class ManifestError(SpeechRnnError):
    """A manifest has a broken line, a duplicate id or a missing file."""


class CorpusError(SpeechRnnError):
    """A corpus, raw or prepared, is not laid out as expected."""


class RecipeError(SpeechRnnError):
    """A setting is unknown, of the wrong type or out of range."""


class ModelError(SpeechRnnError):
    """A file is no model of ours, is cut short, or comes from a newer release."""


class OutputError(SpeechRnnError):
    """A result would overwrite another, or cannot be written."""


class TrainingError(SpeechRnnError):
    """A run cannot start, go on or be resumed."""


class ScoreError(SpeechRnnError):
    """References and hypotheses do not belong together."""
