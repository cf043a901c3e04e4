"""What a training step lowers.

References:
    Lee and Watanabe, Intermediate loss regularization for CTC-based speech recognition, ICASSP 2021.
"""

from torch import Tensor, nn

from speechrnn.batches import Batch
from speechrnn.loss import compute_ctc_loss
from speechrnn.network import AcousticNetwork


class Objective(nn.Module):
    """CTC on the network's last layer and, for a share of it, on the middle one.

    Attributes:
        network: What learns.
        intermediate: The middle layer's share of the loss; 0 for none.
    """

    def __init__(self, network: AcousticNetwork, intermediate: float) -> None:
        super().__init__()
        self.network = network
        self.intermediate = intermediate

    def forward(self, batch: Batch) -> Tensor:
        """Returns the loss of each utterance, in nats, (batch,)."""
        if self.intermediate:
            last, middle, lengths = self.network.read_twice(batch.features, batch.input_lengths)
            losses = (1 - self.intermediate) * _compute_loss(last, lengths, batch)
            return losses + self.intermediate * _compute_loss(middle, lengths, batch)
        last, lengths = self.network(batch.features, batch.input_lengths)
        return _compute_loss(last, lengths, batch)


def _compute_loss(log_probs: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
    return compute_ctc_loss(log_probs, lengths, batch.targets, batch.target_lengths)
