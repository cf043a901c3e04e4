"""A training step against the packed and the padded one, and an epoch against its steps."""

import resource
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from baselines import LibraryNetwork, list_gradients
from timing import take_turns
from torch import nn
from torch.nn import functional as F

from speechrnn.batches import Batch, collate, plan_batches
from speechrnn.config import NetworkConfig, Recipe
from speechrnn.loss import compute_ctc_loss
from speechrnn.modelfile import build_network
from speechrnn.network import describe_network
from speechrnn.prepare.prepared import list_parts, read_prepared
from speechrnn.prepare.store import FeatureStore
from speechrnn.settings import load_recipe
from speechrnn.text import Alphabet
from speechrnn.train.examples import ExampleSource
from speechrnn.train.loop import make_batches
from speechrnn.train.optimizer import make_optimizer
from speechrnn.train.probe import Precision, autocast

BATCHES = 24


def open_source(data: Path, recipe: Recipe) -> ExampleSource:
    """Returns the training split of a prepared corpus."""
    prepared = read_prepared(data)
    alphabet = Alphabet((" ", *prepared.letters))
    return ExampleSource(FeatureStore(list_parts(data), "train"), recipe, prepared.config.features, None, alphabet)


def choose_recipe(layers: int, units: int) -> Recipe:
    """Returns mini_librispeech's recipe for one process, with another network and no dropout, as gradients compare."""
    recipe = load_recipe("mini_librispeech")
    network = NetworkConfig(layers=layers, units=units, stack=3, dropout=0.0)
    return replace(recipe, network=network, training=replace(recipe.training, batch_seconds=60.0))


def compare_steps(data: Path, layers: int, units: int, peak: float, device: torch.device) -> None:
    """Prints a step's speed: ours, `nn.LSTM` over packed sequences, and over padded ones, which is wrong."""
    recipe = choose_recipe(layers, units)
    source = open_source(data, recipe)
    torch.manual_seed(0)
    ours = build_network(recipe, source.features, source.alphabet)
    packed, padded = (LibraryNetwork(ours, packed).to(device) for packed in (True, False))
    ours.to(device)
    plan = plan_epoch(source, np.random.default_rng(0))
    places = np.linspace(0, len(plan) - 1, 3).astype(int)
    batches = [make_batch(source, plan[place]).to(device) for place in places]
    networks = {"ours": ours, "packed": packed, "padded": padded}
    functions = {name: partial(take_steps, network, batches) for name, network in networks.items()}
    functions["bfloat16"] = partial(take_steps, ours, batches, "bfloat16")
    seconds = take_turns(functions)
    speech = sum(int(batch.input_lengths.sum()) for batch in batches) * source.features.hop_ms / 1000
    frames = sum(batch.features.shape[0] * batch.features.shape[1] for batch in batches) / recipe.network.stack
    rate = 6 * ours.count_parameters() * frames / seconds["ours"] / 1e9
    print(f"{describe_network(ours.config)}: a training step of {speech / len(batches):.0f} s of speech")
    for name, taken in seconds.items():
        print(f"  {name:9}{speech / taken:6.0f} × real time, ours is {taken / seconds['ours']:.2f} times as fast")
    print(f"  {rate:.0f} GFLOP/s in matrix products, {100 * rate / peak:.0f} % of what this machine reaches")
    for name, network in (("packed", packed), ("padded", padded)):
        print(f"  greatest difference of a gradient from {name}: {compare_gradients(ours, network, batches[1]):.1e}")
    if device.type == "cpu":
        compare_losses(ours, batches[1])


def compare_losses(network: nn.Module, batch: Batch) -> None:
    """Prints how long CTC and its gradient take by themselves: ours, and torch's."""
    with torch.no_grad():
        log_probs, lengths = network(batch.features, batch.input_lengths)

    def take_ours() -> None:
        leaf = log_probs.clone().requires_grad_()
        compute_ctc_loss(leaf, lengths, batch.targets, batch.target_lengths).sum().backward()

    def take_torchs() -> None:
        leaf = log_probs.clone().requires_grad_()
        F.ctc_loss(leaf.transpose(0, 1), batch.targets, lengths, batch.target_lengths, reduction="sum").backward()

    seconds = take_turns({"ours": take_ours, "torch": take_torchs})
    for name, taken in seconds.items():
        print(f"  CTC, {name:6}{1000 * taken:6.1f} ms, ours is {taken / seconds['ours']:.2f} times as fast")


def take_steps(network: nn.Module, batches: list[Batch], precision: Precision = "float32") -> None:
    """Computes several batches' losses and gradients, one after the other, and waits for them."""
    for batch in batches:
        take_step(network, batch, precision)
    if batches[0].features.is_cuda:
        torch.cuda.synchronize()


def compare_gradients(ours: nn.Module, other: LibraryNetwork, batch: Batch) -> float:
    """Returns the greatest difference between the recurrent weights' gradients, of the mean loss of a character."""
    for network in (ours, other):
        network.zero_grad()
        take_step(network, batch)
    pairs = zip(list_gradients(ours), other.gradients(), strict=True)
    characters = int(batch.target_lengths.sum())
    return max(float((mine - theirs).abs().max()) for mine, theirs in pairs) / characters


def take_step(network: nn.Module, batch: Batch, precision: Precision = "float32") -> None:
    """Computes a batch's loss and gradients."""
    network.zero_grad(set_to_none=True)
    with autocast(batch.features.device, precision):
        log_probs, lengths = network(batch.features, batch.input_lengths)
    compute_ctc_loss(log_probs, lengths, batch.targets, batch.target_lengths).sum().backward()


def measure_epoch(data: Path, layers: int, units: int, device: torch.device) -> None:
    """Prints how much of an epoch is not the step itself, how much of a batch is padding, and what memory does."""
    recipe = choose_recipe(layers, units)
    source = open_source(data, recipe)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    network = build_network(recipe, source.features, source.alphabet).to(device)
    optimizer = make_optimizer(network, recipe.optimizer)
    plan = plan_epoch(source, np.random.default_rng(0))
    frames = source.store.frames
    padded = sum(len(batch) * int(frames[batch].max()) for batch in plan)
    steps, peaks, began = 0.0, [], time.perf_counter()
    for _ in range(3):
        some = [plan[place] for place in np.linspace(0, len(plan) - 1, BATCHES).astype(int)]
        for batch in make_batches(partial(make_batch, source), some, device):
            start = time.perf_counter()
            take_step(network, batch.to(device))
            nn.utils.clip_grad_norm_(network.parameters(), 1.0).item()
            optimizer.step()
            steps += time.perf_counter() - start
        peaks.append(measure_memory(device))
    total = time.perf_counter() - began
    print(f"  an epoch runs at {100 * steps / total:.1f} % of the rate of its steps alone")
    print(f"  {100 * (1 - frames.sum() / padded):.1f} % of a batch is padding")
    print(
        f"  peak memory after {BATCHES}, {2 * BATCHES}, {3 * BATCHES} steps: {', '.join(f'{p:.0f}' for p in peaks)} MB"
    )


def measure_memory(device: torch.device) -> float:
    """Returns the most memory that this process ever took, or of a GPU since its peak was forgotten, in MB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plan_epoch(source: ExampleSource, rng: np.random.Generator) -> list[list[int]]:
    """Returns the batches of an epoch, shuffled."""
    frames = round(source.recipe.training.batch_seconds * 1000 / source.features.hop_ms)
    return plan_batches(source.store.frames.tolist(), frames, rng)


def make_batch(source: ExampleSource, indices: list[int]) -> Batch:
    """Returns a batch, varied as in training."""
    return collate([source.vary(index, 1) for index in indices])
