"""Time limits of clusters and jobs: defaults, and errors for limits that contradict each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

__all__ = [
    "AUTO",
    "DEFAULT_IDLE_TIMEOUT",
    "DEFAULT_MAX_LIFETIME",
    "MIN_AGE",
    "Duration",
    "Limit",
    "as_timedelta",
    "checked_limit",
    "cluster_limits",
    "job_lifetime",
]

Duration = timedelta | float | int
Limit = Duration | Literal["auto"] | None

#: The operator computes the limit.
AUTO: Final = "auto"
#: Longer than most DAG runs; shorter than the 7 days of a user-delegation SAS.
DEFAULT_MAX_LIFETIME = timedelta(days=3)
#: Longer than the usual pause between two tasks of a run.
DEFAULT_IDLE_TIMEOUT = timedelta(hours=1)
#: Age below which the reaper removes nothing: Azure may still process a request of the run's last task.
MIN_AGE = timedelta(minutes=5)
_AFTER_RUN = timedelta(minutes=30)


def as_timedelta(value: Duration | None) -> timedelta | None:
    """Return a duration in seconds as a timedelta, and any other value unchanged."""
    return timedelta(seconds=value) if isinstance(value, int | float) else value


def checked_limit(field: str, value: Limit) -> timedelta | Literal["auto"] | None:
    """Return a limit that was given to an operator as a timedelta, ``"auto"`` or None.

    :param field: the argument's name, for the error text.
    :param value: a timedelta, seconds, ``"auto"``, or None for no limit.
    :raises ValueError: for any other value, and for a duration that is not above zero.
    """
    if value is None or value == AUTO:
        return None if value is None else "auto"
    taken = None if isinstance(value, bool | str) else as_timedelta(value)
    if not isinstance(taken, timedelta) or taken <= timedelta(0):
        fix = "give a timedelta or seconds above 0, 'auto', or None for no limit"
        raise ValueError(f"{field}={value!r}: {fix}")
    return taken


def cluster_limits(
    own_lifetime: timedelta | None,
    own_idle: timedelta | None,
    lifetime: timedelta | Literal["auto"] | None,
    idle: timedelta | Literal["auto"] | None,
    dagrun_timeout: timedelta | None,
) -> tuple[timedelta | None, timedelta | None]:
    """Return the lifetime and the idle timeout of a cluster.

    :param own_lifetime: from the cluster's definition; has precedence over ``lifetime``.
    :param own_idle: from the cluster's definition; has precedence over ``idle``.
    :param lifetime: from the operator; ``"auto"``: 3 days, or ``dagrun_timeout`` and 30 minutes if that is longer.
    :param idle: from the operator; ``"auto"``: 1 hour, or None where the lifetime is not longer.
    :param dagrun_timeout: the DAG's ``dagrun_timeout``.
    :raises ValueError: for an idle timeout that is not shorter than the lifetime.
    """
    chosen = own_lifetime or (_automatic(dagrun_timeout) if lifetime == AUTO else lifetime)
    asked = own_idle or idle
    if asked == AUTO:
        fits = chosen is None or chosen > DEFAULT_IDLE_TIMEOUT
        return chosen, DEFAULT_IDLE_TIMEOUT if fits else None
    if chosen and asked and asked >= chosen:
        raise ValueError(
            f"idle_timeout={asked} is not shorter than max_lifetime={chosen}, so it would never count: "
            "make it shorter, or max_lifetime longer"
        )
    return chosen, asked


def job_lifetime(
    own: timedelta | None,
    lifetime: timedelta | Literal["auto"] | None,
    dagrun_timeout: timedelta | None,
    execution_timeout: timedelta | None = None,
) -> timedelta | None:
    """Return the lifetime of a job, which is never longer than ``execution_timeout``.

    :param own: from the job's definition; has precedence over ``lifetime``.
    :param lifetime: from the operator; ``"auto"``: ``execution_timeout``, or else as for a cluster.
    :param dagrun_timeout: the DAG's ``dagrun_timeout``.
    :param execution_timeout: the task's ``execution_timeout``, where the job must end with it; else None.
    """
    chosen = own or (None if lifetime == AUTO else lifetime)
    if chosen is None and lifetime == AUTO:
        return execution_timeout or _automatic(dagrun_timeout)
    limits = [limit for limit in (chosen, execution_timeout) if limit is not None]
    return min(limits, default=None)


def _automatic(dagrun_timeout: timedelta | None) -> timedelta:
    return max(DEFAULT_MAX_LIFETIME, dagrun_timeout + _AFTER_RUN) if dagrun_timeout else DEFAULT_MAX_LIFETIME
