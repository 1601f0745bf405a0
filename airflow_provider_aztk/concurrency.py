"""Do the same for many things, a limited number at once: in threads, and on an event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

T = TypeVar("T")
R = TypeVar("R")

#: How many things are done at once: fewer than the 10 connections that the Azure SDKs keep by default.
SIDE_BY_SIDE = 8


def for_each(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do the same for each item, in threads.

    Where one fails, the others are done all the same. Then the first error is raised, with the others as notes.
    """
    items = list(items)
    if len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(SIDE_BY_SIDE, len(items))) as pool:
        futures = [pool.submit(work, item) for item in items]
    _raise_first([future.exception() for future in futures])
    return [future.result() for future in futures]


async def for_each_async(work: Callable[[T], Awaitable[R]], items: Iterable[T]) -> list[R]:
    """Do the same for each item, on the event loop; see :func:`for_each`."""
    limit = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(item: T) -> R:
        async with limit:
            return await work(item)

    tasks = [asyncio.create_task(one(item)) for item in items]
    await asyncio.gather(*tasks, return_exceptions=True)
    _raise_first([task.exception() for task in tasks])
    return [task.result() for task in tasks]


def _raise_first(outcomes: Sequence[BaseException | None]) -> None:
    failed = [error for error in outcomes if error is not None]
    if failed:
        for error in failed[1:]:
            failed[0].add_note(f"{len(failed)} of {len(outcomes)} failed; also: {error}")
        raise failed[0]
