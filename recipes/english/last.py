"""Takes a run's last averaged weights instead of the best by greedy word errors: python last.py RUN DATA OUT

Where epochs hardly differ by these, the last one reads best by phones.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from speechrnn.modelfile import load_model, save_model
from speechrnn.modelinfo import SplitScore
from speechrnn.prepare.prepared import read_prepared
from speechrnn.train.evaluate import evaluate, measure_phones
from speechrnn.train.sources import open_sources
from speechrnn.train.state import STATE_FILE

BATCH_FRAMES = 6000
CPU = torch.device("cpu")


def main() -> None:
    """Writes the model, judged on dev like any other."""
    run, data, out = map(Path, sys.argv[1:])
    model = load_model(run)
    state = torch.load(run / STATE_FILE, weights_only=True)
    average = {name.removeprefix("module."): value for name, value in state["average"].items()}
    model.network.load_state_dict({name: average[name] for name in model.network.state_dict()})
    silent = replace(model.info.recipe, augment=replace(model.info.recipe.augment, noise=""))
    train, dev = open_sources(data, read_prepared(data), silent)
    judged = evaluate(model.network, dev, BATCH_FRAMES, CPU)
    scores = {dev.store.split: SplitScore(judged.words, judged.characters)}
    provenance = replace(model.info.provenance, epoch=model.info.recipe.training.epochs, scores=scores)
    priors = measure_phones(model.network, train, BATCH_FRAMES, CPU)
    info = replace(model.info, provenance=provenance, temperature=judged.temperature, phone_priors=priors)
    save_model(replace(model, info=info), out)


if __name__ == "__main__":
    main()
