"""Work spread over the processor's cores in threads: what takes long here releases Python's lock."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from speechrnn.hardware import count_cores

In = TypeVar("In")
Out = TypeVar("Out")


def map_in_order(function: Callable[[In], Out], items: Iterable[In], workers: int = 0) -> Iterator[Out]:
    """Yields the results in the order of the items; only a few items a worker are under way, so memory stays flat.

    Within a worker torch computes in one thread: many small matrices gain nothing from sharing each.

    Args:
        function: Applied to each item; what it raises is raised here.
        items: Taken as results are asked for.
        workers: Threads; 0 for one a core.
    """
    count = workers or count_cores()
    torch = sys.modules.get("torch")  # where it was never imported, nothing computes with it
    threads = torch.get_num_threads() if torch else 1
    waiting: deque[Future[Out]] = deque()
    pool = ThreadPoolExecutor(count, initializer=_compute_alone)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 4 * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        if torch:
            torch.set_num_threads(threads)


def _compute_alone() -> None:
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
