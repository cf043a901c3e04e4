"""The command line: one thin module a command; what is heavy is imported when a command runs."""

import sys

import typer

from speechrnn.cli.hello import hello
from speechrnn.cli.info import info
from speechrnn.cli.prepare import prepare
from speechrnn.cli.score import score
from speechrnn.cli.train import train
from speechrnn.cli.transcribe import transcribe
from speechrnn.errors import SpeechRnnError

app = typer.Typer(
    name="speechrnn",
    help="Speech recognition with recurrent networks: MFCC, a bidirectional LSTM, CTC, and an honest word error rate.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (hello, prepare, train, transcribe, score, info):
    app.command()(command)


def main() -> None:
    """Runs the command line and exits: 0 all well, 1 something failed, 2 wrong usage, 130 interrupted."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; what a user can put right is one line on stderr."""
    try:
        app(arguments)
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else 0
    except KeyboardInterrupt:
        return 130
    except SpeechRnnError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename or 'output'}: {error.strerror or error}")
    return 0


def _fail(message: str) -> int:
    typer.echo(f"speechrnn: {message}", err=True)
    return 1
