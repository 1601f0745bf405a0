"""When a request is tried again, in one place for both services and for sync and async code.

Tried again: no answer, a broken answer (see ``answers.py``), and 408, 429, 500, 502, 503, 504, for every method: each
request that changes something is safe to repeat, since ids are ours and "exists already" and "is gone already" are
understood by the callers. The pause doubles, or is the service's ``Retry-After``. No try begins when the patience is
over. The SDKs' own retries are switched off: Storage's know no ``Retry-After``, and neither's know a broken body.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aztk.client._azure.answers import NOT_NOW
from airflow_provider_aztk.client._azure.errors import azure_errors
from airflow_provider_aztk.client.errors import AztkError, ConnectionFailedError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

#: What switches the SDKs' own retries off.
NO_RETRIES = {"retry_total": 0}


@dataclass(frozen=True)
class Retries:
    """How often and how long a request is tried again.

    :param tries: how often a request is sent at most.
    :param patience: seconds after which no further try begins.
    :param first_pause: seconds before the second try; doubles from try to try, with some chance in it.
    :param longest_pause: seconds between two tries at most, where the service does not ask for more.
    """

    tries: int = 6
    patience: float = 120.0
    first_pause: float = 0.5
    longest_pause: float = 30.0


class _Tries:
    """One request and its tries."""

    def __init__(self, policy: Retries) -> None:
        self._policy = policy
        self._started = time.monotonic()
        self._failed = 0

    def pause_after(self, error: AztkError) -> float | None:
        """Return the seconds to wait before the next try; None to give up."""
        self._failed += 1
        if self._failed >= self._policy.tries or not is_passing(error):
            return None
        grown = min(self._policy.first_pause * 2.0 ** (self._failed - 1), self._policy.longest_pause)
        asked = getattr(error, "retry_after", None)
        pause = grown * random.uniform(0.75, 1.25) if asked is None else float(asked)
        return pause if time.monotonic() - self._started + pause < self._policy.patience else None


def is_passing(error: AztkError) -> bool:
    """Return whether an error may be gone at the next try."""
    return isinstance(error, ConnectionFailedError) or (isinstance(error, ServiceError) and error.status in NOT_NOW)


def retried(service: str, account: str, policy: Retries, request: Callable[[], T]) -> T:
    """Send a request until it is answered.

    :raises AztkError: as :func:`~airflow_provider_aztk.client._azure.errors.azure_errors` has it.
    """
    tries = _Tries(policy)
    while True:
        try:
            with azure_errors(service, account):
                return request()
        except AztkError as error:
            pause = tries.pause_after(error)
            if pause is None:
                raise
        time.sleep(pause)


async def retried_async(service: str, account: str, policy: Retries, request: Callable[[], Awaitable[T]]) -> T:
    """Send a request until it is answered; see :func:`retried`."""
    tries = _Tries(policy)
    while True:
        try:
            with azure_errors(service, account):
                return await request()
        except AztkError as error:
            pause = tries.pause_after(error)
            if pause is None:
                raise
        await asyncio.sleep(pause)
