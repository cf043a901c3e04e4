"""speechrnn hello."""

from pathlib import Path
from typing import Annotated

import typer


def hello(
    recording: Annotated[Path | None, typer.Argument(help="Your own recording, to be transcribed.")] = None,
    out: Annotated[Path, typer.Option(help="Where corpus, model and picture are kept.")] = Path("runs/hello"),
    force: Annotated[bool, typer.Option("--force", help="Train again although a model is there.")] = False,
) -> None:
    """Train a recogniser from nothing, offline, and let it hear "hello world" in voices it never heard."""
    from speechrnn.audio import measure_duration
    from speechrnn.explain.hello import listen_to_strangers, train_hello, transcribe_own

    if recording is not None:
        measure_duration(recording)
    recognizer = train_hello(out, force)
    if recording is None:
        listen_to_strangers(recognizer, out)
    else:
        transcribe_own(recognizer, recording)
