"""The command line: one thin module a command; what is heavy is imported when a command runs."""

import io
import os
import sys
from typing import Annotated

import typer

from speechrnn import __version__
from speechrnn.cli.adapt import adapt, record
from speechrnn.cli.doctor import doctor
from speechrnn.cli.explain import explain
from speechrnn.cli.export import export
from speechrnn.cli.hello import hello
from speechrnn.cli.info import info
from speechrnn.cli.lm import lm
from speechrnn.cli.prepare import prepare
from speechrnn.cli.score import score
from speechrnn.cli.train import train
from speechrnn.cli.transcribe import transcribe
from speechrnn.errors import SpeechRnnError

app = typer.Typer(
    name="speechrnn",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show(wanted: bool) -> None:
    if wanted:
        typer.echo(f"speechrnn {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_show)
    ] = False,
) -> None:
    """Speech recognition with recurrent networks: MFCC, a bidirectional LSTM, CTC, and an honest word error rate."""


for command in (hello, prepare, doctor, train, transcribe, score, adapt, record, export, info):
    app.command()(command)
app.add_typer(lm, name="lm")
app.add_typer(explain, name="explain")


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; what a user can put right is one line on stderr.

    0 all well, 1 something failed, 2 wrong usage, 130 interrupted.
    """
    _open_streams()
    if "" in arguments:  # which would be the folder that one is in
        return _fail("an argument is empty; has a variable no value?", 2)
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


def _open_streams() -> None:
    """Lets anything be printed: a name that is no text, a letter that the terminal lacks, and where nobody listens.

    A closed stdin is an empty one, and what is typed need not be text.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(message: str, code: int = 1) -> int:
    typer.echo("speechrnn: " + " ".join(message.splitlines()), err=True)
    return code
