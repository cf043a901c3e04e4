"""Weights of another model as the beginning of a run, also where its alphabet or its size is another."""

import torch
from torch import Tensor

from speechrnn.modelfile import Model
from speechrnn.network import AcousticNetwork
from speechrnn.text import BLANK, Alphabet


def carry_over(model: Model, network: AcousticNetwork, alphabet: Alphabet, phones: Alphabet | None = None) -> str:
    """Copies into a network what fits it of a model's weights, and returns what that is.

    A tensor is copied where name and shape are the same. The output layer is copied symbol by symbol: what the model
    can already write, and the blank; other symbols keep their fresh weights. Phones are carried over all or none.

    Args:
        model: Where the weights come from.
        network: Fresh; on any device.
        alphabet: The network's.
        phones: The network's, if it has any.
    """
    theirs, ours = model.network.state_dict(), network.state_dict()
    inner = [name for name in ours if not name.startswith("output.")]
    fitting = [name for name in inner if name in theirs and theirs[name].shape == ours[name].shape]
    if model.info.phones != phones:
        fitting = [name for name in fitting if not name.startswith("phone_output.")]
    letters = 0
    with torch.no_grad():
        for name in fitting:
            ours[name].copy_(theirs[name])
        if theirs["output.weight"].shape[1] == ours["output.weight"].shape[1]:
            letters = _carry_symbols(theirs, ours, model.info.alphabet, alphabet)
    return f"{len(fitting)} of {len(inner)} tensors of the layers, {letters} of {len(alphabet.symbols)} letters"


def _carry_symbols(theirs: dict[str, Tensor], ours: dict[str, Tensor], known: Alphabet, wanted: Alphabet) -> int:
    shared = [symbol for symbol in wanted.symbols if symbol in known.symbols]
    sources = [BLANK, *known.encode("".join(shared))] if shared else [BLANK]
    places = [BLANK, *wanted.encode("".join(shared))] if shared else [BLANK]
    for name in ("output.weight", "output.bias"):
        ours[name][places] = theirs[name][sources].to(ours[name].device)
    return len(shared)
