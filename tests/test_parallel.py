import threading
import time

import pytest
import torch

from speechrnn.parallel import map_in_order


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.01 if item == 0 else 0.0)
        return item * item

    assert list(map_in_order(slow_first, range(50), workers)) == [item * item for item in range(50)]


def test_no_more_than_a_few_items_a_worker_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> object:
        for item in range(1000):
            taken.append(item)
            yield item

    results = map_in_order(lambda item: item, items(), 2)  # type: ignore[arg-type, var-annotated]
    next(results)
    assert len(taken) <= 12
    results.close()  # type: ignore[attr-defined]


def test_an_error_comes_out_in_its_turn() -> None:
    results = map_in_order(lambda item: 1 // item, [1, 1, 0, 1], 2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_work_is_spread_over_threads_of_one_torch_thread_each() -> None:
    before = torch.get_num_threads()
    barrier = threading.Barrier(2, timeout=10)

    def meet(_: int) -> int:
        barrier.wait()
        return torch.get_num_threads()

    assert list(map_in_order(meet, range(4), 2)) == [1] * 4
    assert torch.get_num_threads() == before
