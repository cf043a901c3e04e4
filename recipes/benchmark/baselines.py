"""What others do, with the weights and settings of ours, so that results can be compared and not only times."""

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from speechrnn.audio import SAMPLE_RATE, Signal
from speechrnn.config import FeatureConfig
from speechrnn.network import AcousticNetwork, RecurrentLayer, stack_frames
from speechrnn.torchaudio_python import transforms


class LibraryNetwork(nn.Module):
    """A network of ours with `nn.LSTM(bidirectional=True)` in each layer, packed as it should be, or padded."""

    def __init__(self, ours: AcousticNetwork, packed: bool) -> None:
        super().__init__()
        self.config, self.packed, self.output = ours.config, packed, ours.output
        self.norms = nn.ModuleList(layer.norm for layer in ours.layers)
        self.layers = nn.ModuleList(join_directions(layer) for layer in ours.layers)

    def forward(self, features: Tensor, input_lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log_probs and their lengths, as `AcousticNetwork` does."""
        fewer, lengths = stack_frames(features, input_lengths, self.config.stack)
        sequence, total = fewer.transpose(0, 1), fewer.shape[1]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            if self.packed:
                heard = layer(pack_padded_sequence(sequence, lengths.cpu(), enforce_sorted=False))[0]
                heard = pad_packed_sequence(heard, total_length=total)[0]
            else:
                heard = layer(sequence)[0]
            sequence = F.dropout(norm(heard), self.config.dropout, self.training)
        return self.output(sequence).transpose(0, 1).float().log_softmax(dim=-1), lengths

    def gradients(self) -> list[Tensor]:
        """Returns the gradients of the recurrent weights, forward before backward, as `list_gradients` does."""
        found = []
        for layer in self.layers:
            for ending in ("", "_reverse"):
                for kind in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
                    found.append(getattr(layer, kind + ending).grad)
        return found


def join_directions(layer: RecurrentLayer) -> nn.LSTM:
    """Returns both directions of a layer of ours as one bidirectional `nn.LSTM`."""
    forward, backward = layer.forward_cell, layer.backward_cell
    joined = nn.LSTM(forward.input_size, forward.hidden_size, bidirectional=True)
    with torch.no_grad():
        for name, value in forward.named_parameters():
            getattr(joined, name).copy_(value)
        for name, value in backward.named_parameters():
            getattr(joined, f"{name}_reverse").copy_(value)
    return joined


def list_gradients(network: AcousticNetwork) -> list[Tensor]:
    """Returns the gradients of the recurrent weights of a network of ours."""
    return [
        parameter.grad
        for layer in network.layers
        for cell in (layer.forward_cell, layer.backward_cell)
        for parameter in cell.parameters()
    ]


def compute_torchaudio_mfcc(signal: Signal, config: FeatureConfig) -> NDArray[np.float32]:
    """Returns MFCC as torchaudio's transform gives them, made anew, as in most training scripts."""
    mfcc = transforms.MFCC(SAMPLE_RATE, config.coefficients, log_mels=True, melkwargs=_mel_settings(config))
    return mfcc(torch.from_numpy(signal)).T.numpy()


def compute_librosa_mfcc(signal: Signal, config: FeatureConfig) -> NDArray[np.float32]:
    """Returns MFCC as librosa gives them."""
    return librosa.feature.mfcc(
        y=signal,
        sr=SAMPLE_RATE,
        n_mfcc=config.coefficients,
        n_fft=config.window_samples,
        hop_length=config.hop_samples,
        n_mels=config.mels,
        fmin=config.low_hz,
        fmax=config.high_hz,
        htk=True,
    ).T


def _mel_settings(config: FeatureConfig) -> dict[str, object]:
    return {
        "n_fft": config.window_samples,
        "hop_length": config.hop_samples,
        "n_mels": config.mels,
        "f_min": config.low_hz,
        "f_max": config.high_hz,
    }
