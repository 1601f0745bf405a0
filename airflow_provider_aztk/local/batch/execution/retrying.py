"""Trying transfers of files again, as the agent on the real service's nodes does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aztk.local.batch.execution.base import Failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["MAY_HEAL", "TransferError", "tried_again"]

T = TypeVar("T")

#: Statuses after which another try may succeed.
MAY_HEAL = frozenset({408, 429, 500, 502, 503, 504})
#: Seconds before the second and the third try.
_PAUSES = (0.5, 1.0)


class TransferError(Exception):
    """A file could not be brought or taken away.

    :param may_heal: whether another try may succeed.
    """

    def __init__(self, code: str, message: str, *details: tuple[str, str], may_heal: bool = False) -> None:
        super().__init__(code)
        self.failure = Failure(code=code, message=message, details=details)
        self.may_heal = may_heal


async def tried_again(work: Callable[[], Awaitable[T]]) -> T:
    """Do something, and again up to three times in all where another try may succeed.

    :raises TransferError: of the last try.
    """
    for pause in _PAUSES:
        try:
            return await work()
        except TransferError as error:
            if not error.may_heal:
                raise
        await asyncio.sleep(pause)
    return await work()
