"""The processes that train one network together, as torchrun starts them; one that is alone is a team of one."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from speechrnn.console import stderr
from speechrnn.errors import SpeechRnnError, TrainingError

T = TypeVar("T")

_TRANSPORT = ("gloo", "NCCL", "Connection", "Broken pipe", "Socket", "TCPStore")
"""What torch's own messages name where a process cannot be reached; any other error is this process's own."""

_LONGEST_WAIT = timedelta(hours=2)
"""For the first process, which alone judges an epoch on dev."""


@dataclass(frozen=True, slots=True)
class Team:
    """Where this process stands among those of the run.

    What every process calls, it calls in the same order.

    Attributes:
        rank: From 0.
        size: How many there are.
        local_rank: From 0, among those on this machine.
        local_size: How many are on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process judges, says and writes what there is to it."""
        return self.rank == 0

    def share(self, batch: Sequence[int]) -> Sequence[int]:
        """Returns what this process takes of a batch; together the processes take each utterance once."""
        return batch[self.rank :: self.size]

    def replicate(self, module: nn.Module) -> nn.Module:
        """Returns the module, its gradients the mean over all processes."""
        if self.size == 1:
            return module
        with self.watch():
            return DistributedDataParallel(module, gradient_as_bucket_view=True)

    def sum(self, value: float) -> float:
        """Returns the sum over all processes."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        with self.watch():
            distributed.all_reduce(total)
        return total.item()

    def agree(self, value: T) -> T:
        """Returns what the first process gives."""
        if self.size == 1:
            return value
        values = [value]
        with self.watch():
            distributed.broadcast_object_list(values)
        return values[0]

    def gather(self, values: Sequence[T]) -> Sequence[T]:
        """Returns what all processes give, one after the other."""
        if self.size == 1:
            return values
        gathered: list[Sequence[T]] = [[] for _ in range(self.size)]
        with self.watch():
            distributed.all_gather_object(gathered, values)
        return [value for part in gathered for value in part]

    def lead(self, act: Callable[[], T]) -> T:
        """Returns to all processes what the first one's call gives; where it raises an error, all end, and it says why.

        Raises:
            SpeechRnnError: What the call raised, in the first process.
            SystemExit: In the others.
        """
        if self.size == 1:
            return act()
        result: T | SpeechRnnError | None = None
        if self.leads:
            try:
                result = act()
            except SpeechRnnError as error:
                result = error
        agreed = self.agree(result)
        if isinstance(agreed, SpeechRnnError):
            raise agreed if self.leads else SystemExit(1)
        return cast(T, agreed)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Turns what gloo and NCCL say within the block when another process is gone into a TrainingError."""
        try:
            yield
        except RuntimeError as error:
            if self.size == 1 or not any(sign in str(error) for sign in _TRANSPORT):
                raise
            reason = str(error).splitlines()[0]
            raise TrainingError(f"another process of this run has ended or cannot be reached ({reason})") from error


@contextmanager
def join_team() -> Iterator[Team]:
    """Yields this process's place in the team that torchrun started; all but the first are silent meanwhile.

    Raises:
        TrainingError: The others cannot be reached.
    """
    if not distributed.is_torchelastic_launched():
        yield Team()
        return
    team = Team(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
    with team.watch():
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=_LONGEST_WAIT
        )
    quiet, stderr.quiet = stderr.quiet, not team.leads
    try:
        yield team
    except SpeechRnnError as error:
        raise type(error)(f"process {team.rank} of {team.size}: {error}") from error
    else:
        gc.collect()  # a replica that outlives the group makes gloo abort the process at its end, now and then
    finally:
        stderr.quiet = quiet
        distributed.destroy_process_group()
