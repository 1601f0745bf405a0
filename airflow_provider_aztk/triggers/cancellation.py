"""Cancel several clusters, applications or jobs when a user ends a deferred task."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["cancel_each"]

_MAX_CONCURRENT = 8


async def cancel_each(cancel: Callable[[str], Awaitable[object]], names: Iterable[str]) -> None:
    """Cancel each of some names, several at a time; one that does not exist counts as cancelled.

    :param cancel: called for every name, whatever happened to the others.
    :raises Exception: the first of the errors, when all have been tried, with the others as notes.
    """
    from airflow_provider_aztk.client import errors

    slots = asyncio.Semaphore(_MAX_CONCURRENT)

    async def cancel_one(name: str) -> None:
        async with slots:
            with contextlib.suppress(errors.NotFoundError):
                await cancel(name)

    results = await asyncio.gather(*(cancel_one(name) for name in names), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    if failed:
        for other in failed[1:]:
            failed[0].add_note(f"and: {other!r}")
        raise failed[0]
