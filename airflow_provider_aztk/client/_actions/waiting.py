"""Waiting: quick at first, then slower, and never past the caller's limit."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_aztk.client._requests import Action, Pause, Request
from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

FIRST_PAUSE = 0.25  # seconds
GROWTH = 1.5
DEFAULT_POLL_INTERVAL = 10.0  # seconds between two polls, once a wait has gone on for a while


def pauses(poll_interval: float | None) -> Iterator[float]:
    """Return the pauses of a wait: a quarter of a second first, growing to the interval."""
    limit = DEFAULT_POLL_INTERVAL if poll_interval is None else poll_interval
    pause = min(FIRST_PAUSE, limit)
    while True:
        yield pause
        pause = min(pause * GROWTH, limit)


def seconds(timeout: float | timedelta | None) -> float | None:
    """Read a limit given in seconds or as a timedelta; None is no limit."""
    if isinstance(timeout, timedelta):
        return timeout.total_seconds()
    if timeout is None or (isinstance(timeout, int | float) and not isinstance(timeout, bool)):
        return timeout
    raise InvalidConfigurationError("wait", [FieldError("timeout", repr(timeout), "give seconds, a timedelta or None")])


def wait_for(
    poll: Callable[[], Action[T | None] | Request[T | None]],
    what: str,
    *,
    timeout: float | timedelta | None = None,
    poll_interval: float | None = None,
) -> Action[T]:
    """Poll again and again until there is a result.

    :param poll: an action that returns the result, or None as long as there is none.
    :param what: what is waited for, for the error.
    :param timeout: seconds (or a timedelta) after which to give up; default never.
    :param poll_interval: the longest pause between two polls in seconds; default 10.
    :raises WaitTimeoutError: when the limit is reached.
    """
    limit = seconds(timeout)
    end = None if limit is None else time.monotonic() + limit
    for pause in pauses(poll_interval):
        if (result := (yield from poll())) is not None:
            return result
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise WaitTimeoutError(f"{what}: not within {limit:g} seconds; nothing was cancelled")
        yield from Pause(pause if left is None else min(pause, left))
    raise AssertionError("pauses never end")
