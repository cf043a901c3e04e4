"""What a training step lowers.

References:
    Toshniwal, Tang, Lu and Livescu, Multitask learning with low-level auxiliary tasks for encoder-decoder based speech
    recognition, Interspeech 2017.
    Lee and Watanabe, Intermediate loss regularization for CTC-based speech recognition, ICASSP 2021.
"""

import torch
from torch import Tensor, nn

from speechrnn.batches import Batch
from speechrnn.loss import compute_ctc_loss
from speechrnn.network import AcousticNetwork


class Objective(nn.Module):
    """CTC on the network's last layer and, for a share of it, on the middle one; of each, a share on phones.

    Attributes:
        network: What learns.
        intermediate: The middle layer's share of the loss; 0 for none. Of an even number of layers, the middle one is
            the last of the first half.
        phones: The share of the phones beside the letters; 0 for none.
    """

    def __init__(self, network: AcousticNetwork, intermediate: float, phones: float = 0.0) -> None:
        super().__init__()
        self.network = network
        self.intermediate = intermediate
        self.phones = phones

    def forward(self, batch: Batch) -> Tensor:
        """Returns the loss of each utterance, in nats, (batch,)."""
        outputs, lengths = self.network.run(batch.features, batch.input_lengths)
        losses = self._compute_losses(outputs[-1], lengths, batch)
        if not self.intermediate:
            return losses
        middle = self._compute_losses(outputs[(len(outputs) - 1) // 2], lengths, batch)
        return (1 - self.intermediate) * losses + self.intermediate * middle

    def _compute_losses(self, output: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
        letters = compute_ctc_loss(
            self.network.score(output).transpose(0, 1), lengths, batch.targets, batch.target_lengths
        )
        if not self.phones:
            return letters
        log_probs = self.network.score_phones(output).transpose(0, 1)
        phones = compute_ctc_loss(log_probs, lengths, batch.phones, batch.phone_lengths)
        unknown = (batch.phone_lengths == 0) & (batch.target_lengths > 0)  # some word of it
        return torch.where(unknown, letters, (1 - self.phones) * letters + self.phones * phones)
