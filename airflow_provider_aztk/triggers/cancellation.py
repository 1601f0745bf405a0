"""Cancel several clusters, applications or jobs when a user ends a deferred task."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.concurrency import for_each_async

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["cancel_each"]


async def cancel_each(cancel: Callable[[str], Awaitable[object]], names: Iterable[str]) -> None:
    """Cancel each of some names, several at a time; one that does not exist counts as cancelled.

    :param cancel: called for every name, whatever happened to the others.
    :raises Exception: the first of the errors, when all have been tried, with the others as notes.
    """

    async def cancel_one(name: str) -> None:
        with contextlib.suppress(errors.NotFoundError):
            await cancel(name)

    await for_each_async(cancel_one, names)
