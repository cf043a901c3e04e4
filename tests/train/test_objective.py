import pytest
import torch
from torch import Tensor

from speechrnn.batches import Batch, Example, collate
from speechrnn.config import NetworkConfig, Recipe, TrainingConfig
from speechrnn.loss import compute_ctc_loss
from speechrnn.network import AcousticNetwork
from speechrnn.train.objective import Objective


@pytest.fixture
def network() -> AcousticNetwork:
    torch.manual_seed(0)
    return AcousticNetwork(NetworkConfig(layers=3, units=8, dropout=0.0), 4, 5)


@pytest.fixture
def batch() -> Batch:
    return collate([Example(str(length), torch.randn(length, 4).numpy(), [1, 2, 2]) for length in (20, 30)])


def compute_loss(network: AcousticNetwork, batch: Batch) -> Tensor:
    log_probs, lengths = network(batch.features, batch.input_lengths)
    return compute_ctc_loss(log_probs, lengths, batch.targets, batch.target_lengths)


def test_without_a_share_for_the_middle_it_is_ctc_on_the_last_layer(network: AcousticNetwork, batch: Batch) -> None:
    assert torch.equal(Objective(network, 0.0)(batch), compute_loss(network, batch))


def test_the_middle_layer_is_read_as_a_network_that_ends_there_would_be(network: AcousticNetwork, batch: Batch) -> None:
    """Lee and Watanabe's equation: (1 - w) CTC of the last layer + w CTC of the middle one, by one output layer."""
    losses = Objective(network, 0.3)(batch)
    whole = compute_loss(network, batch)
    shorter = AcousticNetwork(NetworkConfig(layers=2, units=8, dropout=0.0), 4, 5)
    weights = {name: one for name, one in network.state_dict().items() if not name.startswith("layers.2")}
    shorter.load_state_dict(weights)
    torch.testing.assert_close(losses, 0.7 * whole + 0.3 * compute_loss(shorter, batch))


def test_what_lies_behind_the_middle_learns_only_from_the_last_layer(network: AcousticNetwork, batch: Batch) -> None:
    Objective(network, 0.0)(batch).sum().backward()
    alone = network.layers[2].norm.weight.grad.clone()  # type: ignore[union-attr, operator]
    network.zero_grad()
    Objective(network, 0.3)(batch).sum().backward()
    torch.testing.assert_close(network.layers[2].norm.weight.grad, 0.7 * alone)  # type: ignore[union-attr]


def test_phones_take_their_share_where_they_are_known() -> None:
    torch.manual_seed(0)
    network = AcousticNetwork(NetworkConfig(layers=3, units=8, dropout=0.0), 4, 5, phones=7)
    said: list[tuple[list[int], list[int]]]
    said = [([1, 2, 2], [6, 5]), ([1, 2, 2], []), ([], [])]  # a word of unknown sound in the second, none in the third
    batch = collate([Example("", torch.randn(20, 4).numpy(), *labels) for labels in said])
    log_probs, lengths = network.read_phones(batch.features, batch.input_lengths)
    letters, phones = (
        compute_loss(network, batch),
        compute_ctc_loss(log_probs, lengths, batch.phones, batch.phone_lengths),
    )
    expected = torch.stack([0.6 * letters[0] + 0.4 * phones[0], letters[1], 0.6 * letters[2] + 0.4 * phones[2]])
    torch.testing.assert_close(Objective(network, 0.0, 0.4)(batch), expected)
    assert torch.equal(Objective(network, 0.0, 0.0)(batch), letters)


def test_one_layer_has_no_middle() -> None:
    with pytest.raises(ValueError, match=r"training\.intermediate needs a layer before the last"):
        Recipe(network=NetworkConfig(layers=1), training=TrainingConfig(intermediate=0.3))
