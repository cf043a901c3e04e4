"""speechrnn doctor."""

from pathlib import Path
from typing import Annotated

import typer

from speechrnn.cli.arguments import check_corpus, split_names


def doctor(
    corpus: Annotated[Path, typer.Argument(metavar="DIR|SOURCE", help="A prepared folder, or a corpus as it is.")],
    layout: Annotated[
        str, typer.Option("--corpus", help="The corpus's layout, as `prepare --list` has it.", callback=check_corpus)
    ] = "",
    lang: Annotated[str, typer.Option(help="Language of the transcripts, if the corpus does not say it.")] = "",
    recipe: Annotated[str, typer.Option(help="The training that is planned: its stacking, its batches.")] = "",
    model: Annotated[Path | None, typer.Option(help="A model that looks for wrong transcripts.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    write_clean: Annotated[Path | None, typer.Option(help="A folder for manifests without the bad ones.")] = None,
    subsets: Annotated[str, typer.Option(help="Parts to take, as prepare would.")] = "",
    spell_numbers: Annotated[bool, typer.Option("--spell-numbers", help="As prepare would, with this option.")] = False,
    segments: Annotated[Path | None, typer.Option(help="A table that cuts recordings, as prepare takes it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over manifests that are there.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0 for one a core.")] = 0,
) -> None:
    """Read a corpus and say what would hurt training; exit 1 when something must be mended."""
    from speechrnn.config import PrepareConfig, Recipe
    from speechrnn.console import note, print_line
    from speechrnn.prepare.doctor.doctor import diagnose, read_patient
    from speechrnn.prepare.doctor.doctor import write_clean as write
    from speechrnn.prepare.doctor.report import format_json, print_diagnosis
    from speechrnn.settings import build_settings, load_recipe

    chosen = load_recipe(recipe) if recipe else Recipe()
    options = {"lang": lang, "subsets": split_names(subsets), "numbers": "spell" if spell_numbers else "refuse"}
    patient = read_patient(corpus, layout, build_settings(PrepareConfig, options, (), "prepare"), segments)
    suspicions = None
    if model is not None:
        from speechrnn.transcribe.labels import suspect_labels
        from speechrnn.transcribe.recognizer import Recognizer

        utterances = [one for split in patient.splits.values() for one in split]
        suspicions = suspect_labels(Recognizer.load(model), utterances)
    diagnosis = diagnose(patient, chosen, suspicions, workers)
    if as_json:
        print_line(format_json(diagnosis))
    else:
        print_diagnosis(diagnosis)
    if write_clean is not None:
        note(f"{write(diagnosis, write_clean, force)} utterances left out of the manifests in {write_clean}")
    if diagnosis.must_be_mended:
        raise typer.Exit(1)
