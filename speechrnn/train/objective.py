"""What a training step lowers.

References:
    Toshniwal, Tang, Lu and Livescu, Multitask learning with low-level auxiliary tasks for encoder-decoder based speech
    recognition, Interspeech 2017.
    Lee and Watanabe, Intermediate loss regularization for CTC-based speech recognition, ICASSP 2021.
    Yao et al., CR-CTC: consistency regularization on CTC for improved speech recognition, ICLR 2025.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speechrnn.batches import Batch
from speechrnn.config import TrainingConfig
from speechrnn.loss import compute_ctc_loss
from speechrnn.network import AcousticNetwork, clear_beyond


class Objective(nn.Module):
    """CTC on the network's last layer and, for a share of it, on the middle one; of each, a share on phones.

    Where two views of an utterance are to agree, a batch holds all first ones and then all second ones, and how far
    apart the last layer's outputs are is added to the mean of what both lose.

    Attributes:
        network: What learns.
        settings: The shares. Of an even number of layers, the middle one is the last of the first half.
    """

    def __init__(self, network: AcousticNetwork, settings: TrainingConfig) -> None:
        super().__init__()
        self.network = network
        self.settings = settings

    def forward(self, batch: Batch) -> Tensor:
        """Returns the loss of each utterance, in nats, (batch,), or (batch / 2,) of two views."""
        outputs, lengths = self.network.run(batch.features, batch.input_lengths)
        intermediate, last = self.settings.intermediate, self._compute_log_probs(outputs[-1])
        losses = self._compute_losses(last, lengths, batch)
        if intermediate:
            middle = self._compute_log_probs(outputs[(len(outputs) - 1) // 2])
            losses = (1 - intermediate) * losses + intermediate * self._compute_losses(middle, lengths, batch)
        if not self.settings.consistency:
            return losses
        disagreement = self._mix_shares([measure_disagreement(one, lengths) for one in last], batch)
        return losses.reshape(2, -1).mean(dim=0) + self.settings.consistency * disagreement

    def _compute_log_probs(self, output: Tensor) -> Sequence[Tensor]:
        """Returns log_probs, (batch, frames, classes), of letters, and of phones where these are learned."""
        log_probs = [self.network.score(output).transpose(0, 1)]
        if self.settings.phones:
            log_probs.append(self.network.score_phones(output).transpose(0, 1))
        return log_probs

    def _compute_losses(self, log_probs: Sequence[Tensor], lengths: Tensor, batch: Batch) -> Tensor:
        losses = [compute_ctc_loss(log_probs[0], lengths, batch.targets, batch.target_lengths)]
        if not self.settings.phones:
            return losses[0]
        losses.append(compute_ctc_loss(log_probs[1], lengths, batch.phones, batch.phone_lengths))
        return self._mix_shares(losses, batch)

    def _mix_shares(self, values: Sequence[Tensor], batch: Batch) -> Tensor:
        """Returns what was found for letters and for phones, by their shares; for letters where phones are unknown."""
        share, letters = self.settings.phones, values[0]
        if not share:
            return letters
        unknown = (batch.phone_lengths == 0) & (batch.target_lengths > 0)  # some word of it
        return torch.where(unknown[: len(letters)], letters, (1 - share) * letters + share * values[1])


def measure_disagreement(log_probs: Tensor, lengths: Tensor) -> Tensor:
    """Returns how far apart two views of each utterance are, in nats, (batch / 2,): equation 4 of Yao et al.

    It is the Kullback-Leibler divergence from either to the other, summed over frames, halved; no gradient flows
    through the one that is learned from.

    Args:
        log_probs: (batch, frames, classes), natural log, all first views and then all second ones.
        lengths: (batch,), frames of each; those of two views are the same.
    """
    first, second = log_probs.chunk(2)
    assert torch.equal(*lengths.chunk(2)), "two views of an utterance have the same frames"
    apart = torch.zeros(first.shape[:2], device=log_probs.device)
    for learner, teacher in ((first, second.detach()), (second, first.detach())):
        apart = apart + (teacher.exp() * (teacher - learner)).sum(dim=-1) / 2
    return clear_beyond(apart[..., None], lengths[: len(first)]).sum(dim=(1, 2))
