"""Several things side by side: one that fails neither hides nor stops the others."""

from __future__ import annotations

import asyncio
import threading

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.concurrency import SIDE_BY_SIDE, for_each, for_each_async

ITEMS = list(range(3 * SIDE_BY_SIDE))


class Work:
    """Notes what was done, and how much of it at once; two items fail."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.running = self.most = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)

    def end(self, item: int) -> None:
        with self._lock:
            self.running -= 1
        if item in (0, 20):
            raise errors.AztkError(f"item {item}")
        self.done.append(item)

    def in_a_thread(self, item: int) -> None:
        self.begin()
        self.end(item)

    def do_all(self, kind: str) -> None:
        if kind == "sync":
            for_each(self.in_a_thread, ITEMS)
        else:
            asyncio.run(for_each_async(self.on_the_loop, ITEMS))

    async def on_the_loop(self, item: int) -> None:
        self.begin()
        await asyncio.sleep(0)
        self.end(item)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_all_are_done_and_every_failure_is_reported(kind: str) -> None:
    work = Work()
    with pytest.raises(errors.AztkError, match="item 0") as error:
        work.do_all(kind)
    assert sorted(work.done) == [item for item in ITEMS if item not in (0, 20)]
    assert error.value.__notes__ == [f"2 of {len(ITEMS)} failed; also: item 20"]
    assert 1 <= work.most <= SIDE_BY_SIDE


def test_results_have_the_order_of_the_items() -> None:
    async def double(item: int) -> int:
        await asyncio.sleep(0.001 * (item % 3))
        return 2 * item

    assert for_each(lambda item: 2 * item, ITEMS) == [2 * item for item in ITEMS]
    assert asyncio.run(for_each_async(double, ITEMS)) == [2 * item for item in ITEMS]


async def test_what_runs_is_cancelled_with_its_caller() -> None:
    ended: list[int] = []

    async def sleep(item: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(item)

    task = asyncio.create_task(for_each_async(sleep, range(3)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended) == [0, 1, 2]
