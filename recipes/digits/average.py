"""Averages the weights of runs that began with the same model and differ in their seed.

    python recipes/digits/average.py RUN RUN... OUT

OUT becomes a folder with nothing but the model, on which nothing has been scored yet; what divides its confidences and
how probable its phones are on the average is the first run's. Wortsman et al., Model soups: averaging weights of
multiple fine-tuned models improves accuracy without increasing inference time, ICML 2022.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from speechrnn.modelfile import load_model, save_model
from speechrnn.modelinfo import MODEL_FILE, ModelInfo


def main(runs: list[Path], out: Path) -> None:
    """Writes the average model; one that is there is made again."""
    if out.exists() and any(path.name != MODEL_FILE for path in out.iterdir()):
        raise SystemExit(f"average.py: {out} holds other files; choose another OUT")
    models = [load_model(run) for run in runs]
    if len({_name_kind(model.info) for model in models}) != 1:
        raise SystemExit("average.py: name runs of one network on the same features, letters and phones")
    weights = [model.network.state_dict() for model in models]
    mean = {name: torch.stack([each[name] for each in weights]).mean(dim=0) for name in weights[0]}
    models[0].network.load_state_dict(mean)
    info = models[0].info
    corpus = f"{info.provenance.corpus}, the average of {len(runs)} runs"
    info = replace(info, provenance=replace(info.provenance, corpus=corpus, epoch=0, scores={}))
    out.mkdir(parents=True, exist_ok=True)
    save_model(replace(models[0], info=info), out / MODEL_FILE)


def _name_kind(info: ModelInfo) -> str:
    return repr((info.recipe.input, info.recipe.network, info.features, info.alphabet, info.phones))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit("average.py: expected two runs or more, and OUT")
    *averaged, target = map(Path, sys.argv[1:])
    main(averaged, target)
