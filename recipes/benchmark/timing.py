"""Times of several functions in turn."""

import time
from collections.abc import Callable, Mapping

ROUNDS = 5


def take_turns(functions: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Returns the best time of each function, in seconds; each is called once before, and then in turn."""
    for function in functions.values():
        function()
    best = dict.fromkeys(functions, float("inf"))
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            best[name] = min(best[name], time.perf_counter() - start)
    return best
