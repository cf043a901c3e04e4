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
        targets = batch.targets, batch.target_lengths
        if not self.intermediate:
            return compute_ctc_loss(*self.network(batch.features, batch.input_lengths), *targets)
        last, middle, lengths = self.network.read_twice(batch.features, batch.input_lengths)
        losses, middle_losses = (compute_ctc_loss(one, lengths, *targets) for one in (last, middle))
        return losses.lerp(middle_losses, self.intermediate)
