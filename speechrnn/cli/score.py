"""speechrnn score."""

from pathlib import Path
from typing import Annotated

import typer


def score(
    reference: Annotated[Path, typer.Argument(help="References: manifest, Kaldi text or trn; or a prepared folder.")],
    hypothesis: Annotated[Path | None, typer.Argument(help="Hypotheses, in any of these.")] = None,
    model: Annotated[Path | None, typer.Option(help="Recognise the prepared folder with this model.")] = None,
    split: Annotated[str, typer.Option(help="The split of the prepared folder.")] = "test",
    beam: Annotated[int | None, typer.Option(min=1, help="With --model: beam search; 1 is greedy.")] = None,
    lm: Annotated[Path | None, typer.Option(help="With --model: a language model, ours or ARPA.")] = None,
    words: Annotated[Path | None, typer.Option(help="With --model: a file with the only words there are.")] = None,
    vs: Annotated[Path | None, typer.Option(help="Hypotheses of another recogniser: is it better?")] = None,
    worst: Annotated[int, typer.Option(min=0, help="Utterances to show, those with most errors first.")] = 10,
) -> None:
    """Print the word error rate, and the utterances with most errors."""
    from speechrnn.score.readers import read_transcripts
    from speechrnn.score.report import print_comparison, print_score
    from speechrnn.score.scoring import score_transcripts

    if (hypothesis is None) == (model is None):
        raise typer.BadParameter("give a file of hypotheses, or a prepared folder with --model")
    if hypothesis is not None and (beam or lm or words):
        raise typer.BadParameter("--beam, --lm and --words go with --model; these hypotheses are read already")
    if hypothesis is not None:
        references = read_transcripts(reference, "reference")
        hypotheses = read_transcripts(hypothesis, "hypothesis")
    elif model is not None:
        from speechrnn.transcribe.corpus import transcribe_split
        from speechrnn.transcribe.decoding import make_decoder
        from speechrnn.transcribe.listener import open_listener

        listener = open_listener(model)
        decoder = make_decoder(listener.info, beam=beam, lm=lm, words=words)
        references, hypotheses = transcribe_split(reference, split, listener, decoder)
    scored = score_transcripts(references, hypotheses)
    other = score_transcripts(references, read_transcripts(vs, "hypothesis")) if vs else None
    print_score(scored, worst)
    if other is not None:
        print_comparison(scored, other, str(vs))
