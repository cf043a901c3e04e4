"""speechrnn explain: the course, made visible."""

from pathlib import Path
from typing import Annotated

import typer

FORMS = (".png", ".svg", ".pdf")

explain = typer.Typer(no_args_is_help=True, help="The course, made visible: networks, gates, gradients, memory.")


@explain.command()
def ladder(
    data: Annotated[Path | None, typer.Option(help="A prepared folder; the embedded voices if left out.")] = None,
    recipe: Annotated[str, typer.Option(help="A TOML file, or the name of a shipped recipe.")] = "hello",
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: training.epochs=10.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Networks that are trained of each kind.")] = 3,
    utterance: Annotated[str, typer.Option(help="The test utterance, by its id, that each network decodes.")] = "",
    out: Annotated[Path, typer.Option(help="The folder of the runs and of the picture.")] = Path("runs/ladder"),
    force: Annotated[bool, typer.Option("--force", help="Train again what is there.")] = False,
) -> None:
    """Train a perceptron, an RNN, an LSTM and a bidirectional LSTM by one recipe, and compare them."""
    from speechrnn.console import note, print_table
    from speechrnn.explain.hello import prepare_hello
    from speechrnn.explain.ladder import COLUMNS, PICTURE, climb, draw_ladder, list_rows
    from speechrnn.explain.picture import save_picture
    from speechrnn.settings import load_recipe

    chosen = load_recipe(recipe, settings or ())
    climbed = climb(data or prepare_hello(out), chosen, out, seeds, utterance, force)
    print_table(COLUMNS, list(list_rows(climbed)))
    save_picture(draw_ladder(climbed, "The same data and recipe, one step more each time"), out / PICTURE)
    note(f"{climbed.id} was said: {climbed.said}\n{out / PICTURE}")


@explain.command()
def gates(
    model: Annotated[Path, typer.Argument(help="A model file, or a run's folder: an LSTM.")],
    recording: Annotated[Path, typer.Argument(help="A recording, of a minute at most.")],
    layer: Annotated[int, typer.Option(min=1, help="The layer whose gates are shown.")] = 1,
    backward: Annotated[bool, typer.Option("--backward", help="Of the cell that reads from the end.")] = False,
    start: Annotated[float, typer.Option(min=0, help="Where the picture begins, in seconds.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="How much it shows; the table is about all.")] = 4.0,
    out: Annotated[Path, typer.Option(help="The picture.")] = Path("gates.png"),
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Draw an LSTM's gates and memory over a recording, and find the units that follow pauses or vowels."""
    from speechrnn.console import note, print_table
    from speechrnn.explain.gates import COLUMNS, draw_gates, find_sounds, follow_sounds, hear_gates, list_rows
    from speechrnn.explain.listening import name_culprit, open_network, read_short
    from speechrnn.explain.picture import save_picture, show_part
    from speechrnn.transcribe.recognizer import Recognizer

    _check_picture(out, force)
    signal, listener = read_short(recording), open_network(model)
    with name_culprit(model, recording):
        heard = hear_gates(listener, signal, layer, backward)
    followings = follow_sounds(heard, find_sounds(listener, signal))
    title = f"{recording.name}: layer {layer}, reading {'backward' if backward else 'forward'}"
    figure = draw_gates(Recognizer(listener, str(model)), signal, heard, followings, title)
    show_part(figure, signal, start, seconds)
    save_picture(figure, out)
    if followings:
        print_table(COLUMNS, list(list_rows(followings)))
    else:
        note("there are no pauses and no vowels to follow")
    note(str(out))


@explain.command()
def gradients(
    models: Annotated[list[Path], typer.Argument(help="Model files, or runs' folders: an RNN's and an LSTM's.")],
    recording: Annotated[Path, typer.Argument(help="A recording, of a minute at most.")],
    layer: Annotated[int, typer.Option(min=1, help="The layer whose forward cell looks back.")] = 1,
    start: Annotated[float, typer.Option(min=0, help="Where to begin, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="How much is read; all if left out.")] = None,
    out: Annotated[Path, typer.Option(help="The picture.")] = Path("gradients.png"),
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Measure how far back cells feel: the norm of ∂(output at T)/∂(input at t) against T - t, and its decay a step."""
    from speechrnn.console import note, print_table
    from speechrnn.explain.gradients import COLUMNS, compare_decays, draw_decays, list_rows
    from speechrnn.explain.listening import open_network, read_short
    from speechrnn.explain.picture import save_picture

    _check_picture(out, force)
    signal = read_short(recording, start, seconds)
    decays = compare_decays({str(model): open_network(model) for model in models}, signal, layer)
    print_table(COLUMNS, list(list_rows(decays)))
    save_picture(draw_decays(decays, "How far back a cell feels"), out)
    note(str(out))


@explain.command()
def memory(
    lags: Annotated[str, typer.Option(help="Steps over which a word is to be remembered.")] = "2,4,8,16,32,64",
    seeds: Annotated[int, typer.Option(min=1, help="Networks that are trained of each cell and lag.")] = 3,
    short_first: Annotated[
        bool, typer.Option("--short-first", help="Lessons with many short lags; else all lags are as frequent.")
    ] = False,
    out: Annotated[Path, typer.Option(help="The picture.")] = Path("memory.png"),
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Find the lag at which an RNN and an LSTM stop remembering what was said first."""
    from speechrnn.console import note, print_table, show_progress
    from speechrnn.explain.listening import KINDS
    from speechrnn.explain.memory import COLUMNS, compare_recall, draw_recall, find_limit, list_rows
    from speechrnn.explain.picture import save_picture

    steps = _parse_lags(lags)
    _check_picture(out, force)
    with show_progress("Remembering", len(steps) * len(KINDS) * seeds, "networks") as advance:
        recalls = compare_recall(steps, seeds, short_first, advance)
    print_table(COLUMNS, list(list_rows(recalls)))
    found = {kind: find_limit(recalls, kind) for kind in KINDS}
    limits = [f"the {kind.upper()} over {lag}{' or more' if lag == steps[-1] else ''}" for kind, lag in found.items()]
    save_picture(draw_recall(recalls, f"How many steps a cell remembers: {', '.join(limits)}"), out)
    note(str(out))


@explain.command()
def audio(
    recording: Annotated[Path, typer.Argument(help="A recording, of a minute at most.")],
    model: Annotated[
        Path | None, typer.Option(help="A model file, or a run's folder: what it says of each frame.")
    ] = None,
    start: Annotated[float, typer.Option(min=0, help="Where to begin, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="How much is shown; all if left out.")] = None,
    layer: Annotated[
        int | None, typer.Option(min=1, help="In a page: the layer whose equations are filled in; the first.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a picture, or a page (.html), instead.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Show a recording: its spectrogram, and what a network says of each frame; in the terminal, or with --out."""
    from speechrnn.console import note
    from speechrnn.explain.listening import name_culprit, open_network, read_short
    from speechrnn.explain.page import write_page
    from speechrnn.explain.picture import draw_audio, save_picture
    from speechrnn.explain.terminal import print_view
    from speechrnn.explain.view import look_at
    from speechrnn.transcribe.recognizer import Recognizer

    if out is not None:
        _check_picture(out, force, (*FORMS, ".html"))
    is_page = out is not None and out.suffix == ".html"
    if layer is not None and not (is_page and model):
        raise typer.BadParameter("--layer is about the equations in a page: add --model and --out NAME.html")
    signal = read_short(recording, start, seconds)
    listener = open_network(model) if model and is_page else None
    recognizer = Recognizer(listener, str(model)) if listener else Recognizer.load(model) if model else None
    with name_culprit(model or Path(), recording):
        view = look_at(signal, recognizer)
    title = f"{recording.name}, from {start:g} s on" if start else recording.name
    if out is None:
        print_view(view)
        if start:
            note(f"seconds are counted from {start:g} s on")
    elif is_page:
        with name_culprit(model or Path(), recording):
            write_page(view, listener, title, layer or 1, out)
        note(str(out))
    else:
        save_picture(draw_audio(view, recognizer, title), out)
        note(str(out))


def _parse_lags(listed: str) -> list[int]:
    try:
        lags = sorted({int(lag) for lag in listed.split(",")})
    except ValueError as error:
        raise typer.BadParameter("expected numbers with commas between, like 2,4,8", param_hint="--lags") from error
    if not 1 <= lags[0] <= lags[-1] <= 1000:
        raise typer.BadParameter("must lie between 1 and 1000", param_hint="--lags")
    return lags


def _check_picture(out: Path, force: bool, forms: tuple[str, ...] = FORMS) -> None:
    from speechrnn.outputs import refuse_existing

    if out.suffix not in forms:
        raise typer.BadParameter(f"{out} must end in {', '.join(forms)}", param_hint="--out")
    refuse_existing(out, force)
