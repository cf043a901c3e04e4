"""AdamW with a warm-up and a decay, both functions of how much of the run is done.

References:
    Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
"""

import math

from torch import nn
from torch.optim import AdamW

from speechrnn.config import OptimizerConfig


def make_optimizer(network: nn.Module, config: OptimizerConfig) -> AdamW:
    """Returns AdamW over all parameters; biases and other vectors do not decay."""
    parameters = list(network.parameters())
    matrices = [parameter for parameter in parameters if parameter.dim() > 1]
    vectors = [parameter for parameter in parameters if parameter.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))


def compute_learning_rate(config: OptimizerConfig, done: float) -> float:
    """Returns the learning rate when the share `done`, in [0, 1], of all steps has been taken."""
    if done < config.warmup:
        return config.learning_rate * done / config.warmup
    left = (1 - done) / (1 - config.warmup)
    factor = {"cosine": (1 - math.cos(math.pi * left)) / 2, "linear": left, "none": 1.0}[config.decay]
    return config.learning_rate * factor
