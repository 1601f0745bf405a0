"""Intervals and deadlines of waits."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

__all__ = ["checked_interval", "execution_deadline"]


def checked_interval(field: str, value: Any) -> float:
    """Return the seconds between two polls; zero is refused, because it would poll without a pause.

    :param field: the argument's name, for the error text.
    :param value: seconds or a timedelta.
    :raises ValueError: for any other value than a positive number or timedelta.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 < seconds < float("inf"):
        raise ValueError(f"{field}={value!r}: give a number of seconds or a timedelta, greater than 0")
    return float(seconds)


def execution_deadline(execution_timeout: timedelta | None, context: Context) -> float | None:
    """Return the Unix time at which a task's ``execution_timeout`` ends; Airflow does not check it in a deferral.

    :param execution_timeout: the task's limit, or None.
    :param context: the context of the running task.
    """
    if execution_timeout is None:
        return None
    started = context["ti"].start_date
    begin = started.timestamp() if started else time.time()
    return float(begin + execution_timeout.total_seconds())
