from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from speechrnn.config import NetworkConfig
from speechrnn.network import (
    AcousticNetwork,
    RecurrentLayer,
    StridedConvolution,
    describe_network,
    drop_out,
    reverse_within,
    stack_frames,
)

CONFIG = NetworkConfig(layers=2, units=6, dropout=0.0)


def make_network(config: NetworkConfig = CONFIG, seed: int = 0) -> AcousticNetwork:
    torch.manual_seed(seed)
    return AcousticNetwork(config, coefficients=5, classes=4).eval()


def draw_batch(lengths: list[int], seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(lengths), max(lengths), 5, generator=generator), torch.tensor(lengths)


# six rectified units may be normalised by almost nothing: 45 of 2,500 batches differed by 1e-5, with 32 none by 2e-6
KINDS = [
    replace(CONFIG, units=32, kind=kind, bidirectional=bidirectional, front=front, kernel=5, context=2)  # type: ignore[arg-type]
    for kind, bidirectional, front in product(("mlp", "rnn", "gru", "lstm"), (True, False), ("stack", "convolution"))
]


@pytest.mark.parametrize("config", KINDS, ids=describe_network)
@given(lengths=st.lists(st.integers(1, 23), min_size=1, max_size=5), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=10)
def test_padding_does_not_change_log_probs(config: NetworkConfig, lengths: list[int], seed: int) -> None:
    network = make_network(config)
    features, input_lengths = draw_batch(lengths, seed)
    together, output_lengths = network(features, input_lengths)
    for row, length in enumerate(lengths):
        alone, _ = network(features[row : row + 1, :length], input_lengths[row : row + 1])
        torch.testing.assert_close(together[row, : output_lengths[row]], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("config", KINDS, ids=describe_network)
def test_what_the_padding_holds_changes_no_bit(config: NetworkConfig) -> None:
    network = make_network(config)
    features, lengths = draw_batch([20, 7])
    filled = features.clone()
    filled[1, 7:] = float("nan")
    clean, output_lengths = network(features, lengths)
    dirty, _ = network(filled, lengths)
    assert torch.equal(clean[0], dirty[0])
    assert torch.equal(clean[1, : output_lengths[1]], dirty[1, : output_lengths[1]])


def test_what_the_neighbours_say_changes_no_bit() -> None:
    network = make_network()
    features, lengths = draw_batch([20, 7, 13])
    other = features.clone()
    other[[0, 2]] = other[[2, 0]]
    mine, output_lengths = network(features, lengths)
    theirs, _ = network(other, lengths)
    assert torch.equal(mine[1, : output_lengths[1]], theirs[1, : output_lengths[1]])


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_layer_equals_torchs_packed_bidirectional_layer(kind: type[nn.LSTM]) -> None:
    torch.manual_seed(0)
    layer = RecurrentLayer(kind, 5, 6, bidirectional=True)
    layer.norm = nn.Identity()  # type: ignore[assignment]
    packed = kind(5, 6, bidirectional=True)
    for name, parameter in layer.forward_cell.named_parameters():
        getattr(packed, name).data.copy_(parameter.data)
    assert layer.backward_cell is not None
    for name, parameter in layer.backward_cell.named_parameters():
        getattr(packed, f"{name}_reverse").data.copy_(parameter.data)
    features, lengths = draw_batch([11, 4, 8])
    sequence = features.transpose(0, 1).contiguous().requires_grad_()
    ours = layer(sequence, lengths)
    expected, _ = nn.utils.rnn.pad_packed_sequence(
        packed(nn.utils.rnn.pack_padded_sequence(sequence, lengths, enforce_sorted=False))[0]
    )
    weights = torch.zeros(11, 3, 12)
    for row, length in enumerate(lengths.tolist()):
        weights[:length, row] = torch.randn(length, 12)
    torch.testing.assert_close(ours * (weights != 0), expected, atol=1e-6, rtol=0)
    ours_gradient = torch.autograd.grad((ours * weights).sum(), sequence)[0]
    expected_gradient = torch.autograd.grad((expected * weights).sum(), sequence)[0]
    torch.testing.assert_close(ours_gradient, expected_gradient, atol=1e-5, rtol=0)


def test_a_perceptron_sees_its_context_and_no_further() -> None:
    for bidirectional, seen in ((True, range(3, 8)), (False, range(3, 6))):
        config = NetworkConfig("mlp", bidirectional, stack=1, context=2, layers=3, units=64, dropout=0.0)
        network = make_network(config)
        features, lengths = draw_batch([12])
        before = network(features, lengths)[0][0, 5]
        for frame in range(12):
            changed = features.clone()
            changed[0, frame] += 1
            same = torch.equal(network(changed, lengths)[0][0, 5], before)
            assert same == (frame not in seen), frame


def test_a_convolution_equals_the_sum_over_its_kernel() -> None:
    torch.manual_seed(0)
    front = StridedConvolution(5, 6, kernel=5, stride=3)
    front.norm = nn.Identity()  # type: ignore[assignment]
    features, lengths = draw_batch([10, 7])
    result, fewer = front(features, lengths)
    assert fewer.tolist() == [4, 3]
    weight, bias = front.convolution.weight, front.convolution.bias
    assert bias is not None
    for row, length in enumerate(lengths.tolist()):
        for place in range(fewer[row]):
            expected = bias.clone()
            for tap in range(5):
                frame = 3 * place + tap - 2
                if 0 <= frame < length:
                    expected = expected + weight[:, :, tap] @ features[row, frame]
            torch.testing.assert_close(result[row, place], expected.relu(), atol=1e-6, rtol=1e-5)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_turning_twice_gives_the_sequence_back(lengths: list[int]) -> None:
    features, input_lengths = draw_batch(lengths)
    sequence = features.transpose(0, 1)
    turned = reverse_within(sequence, input_lengths)
    assert torch.equal(reverse_within(turned, input_lengths), sequence)
    for row, length in enumerate(lengths):
        assert torch.equal(turned[:length, row], sequence[:length, row].flip(0))


@pytest.mark.parametrize(("frames", "count", "stacked"), [(6, 3, 2), (7, 3, 3), (1, 3, 1), (5, 1, 5)])
def test_stacking_lays_neighbours_side_by_side(frames: int, count: int, stacked: int) -> None:
    features = torch.arange(1.0, frames + 1)[None, :, None]
    result, lengths = stack_frames(features, torch.tensor([frames]), count)
    assert lengths.tolist() == [stacked]
    expected = [*range(1, frames + 1)] + [0] * (stacked * count - frames)
    assert result.flatten().tolist() == expected


def test_the_output_is_a_distribution_at_every_frame() -> None:
    log_probs, lengths = make_network()(*draw_batch([9, 4]))
    assert lengths.tolist() == [3, 2]
    assert log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(dim=-1), torch.ones(2, 3))


def test_dropout_acts_in_training_alone() -> None:
    network = make_network(replace(CONFIG, dropout=0.5))
    batch = draw_batch([9])
    assert torch.equal(network(*batch)[0], network(*batch)[0])
    network.train()
    assert not torch.equal(network(*batch)[0], network(*batch)[0])


@pytest.mark.parametrize("share", [0.0, 0.2, 0.75])
def test_dropout_takes_its_share_by_chance_and_leaves_the_mean(share: float) -> None:
    dropped = drop_out(torch.ones(1000, 101), share)
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.04)
    beside = (dropped[:, :-1] == 0) & (dropped[:, 1:] == 0)
    assert beside.float().mean().item() == pytest.approx(share**2, abs=0.01)


def test_dropout_of_nearly_all_is_no_overflow() -> None:
    assert (drop_out(torch.ones(1000), 1 - 1e-9) == 0).float().mean() > 0.98
