"""Time limits of clusters and jobs: their defaults, and errors where one contradicts another."""

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

#: The operator chooses a limit that fits.
AUTO: Final = "auto"
#: Longer than any run of a DAG that somebody would wait for; shorter than the 7 days of a user-delegation SAS.
DEFAULT_MAX_LIFETIME = timedelta(days=3)
#: Longer than a pause between two tasks of a run.
DEFAULT_IDLE_TIMEOUT = timedelta(hours=1)
#: A run is over as soon as its last task is; Azure may still be working on that task's request.
MIN_AGE = timedelta(minutes=5)
_AFTER_RUN = timedelta(minutes=30)


def as_timedelta(value: Duration | None) -> timedelta | None:
    """Read a duration that is given in seconds or as it is."""
    return timedelta(seconds=value) if isinstance(value, int | float) else value


def checked_limit(field: str, value: Limit) -> timedelta | Literal["auto"] | None:
    """Check a limit as an operator takes it.

    :param field: its name, for the error.
    :param value: a timedelta, seconds, ``"auto"``, or None for no limit.
    :raises ValueError: for anything else, and for what is not above zero.
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
    """Decide a cluster's limits.

    :param own_lifetime: what its definition says; it goes before the operator's.
    :param own_idle: what its definition says; so too.
    :param lifetime: what the operator says; automatic: 3 days, or longer where the DAG's runs may be.
    :param idle: what the operator says; automatic: 1 hour, where that is shorter than the lifetime.
    :param dagrun_timeout: the DAG's own limit.
    :return: lifetime and idle timeout.
    :raises ValueError: where the idle timeout would never count.
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
    """Decide a job's lifetime: never longer than the task may take.

    :param own: what its definition says; it goes before the operator's.
    :param lifetime: what the operator says; automatic: ``execution_timeout``, or else as a cluster's.
    :param dagrun_timeout: the DAG's own limit.
    :param execution_timeout: the task's own limit, where the job is to end with it.
    """
    chosen = own or (None if lifetime == AUTO else lifetime)
    if chosen is None and lifetime == AUTO:
        return execution_timeout or _automatic(dagrun_timeout)
    limits = [limit for limit in (chosen, execution_timeout) if limit is not None]
    return min(limits, default=None)


def _automatic(dagrun_timeout: timedelta | None) -> timedelta:
    return max(DEFAULT_MAX_LIFETIME, dagrun_timeout + _AFTER_RUN) if dagrun_timeout else DEFAULT_MAX_LIFETIME
