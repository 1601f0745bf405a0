"""How long things may live at most: defaults that end what is forgotten and nothing else."""

from __future__ import annotations

from datetime import timedelta

__all__ = [
    "DEFAULT_IDLE_TIMEOUT",
    "DEFAULT_MAX_LIFETIME",
    "MIN_AGE",
    "Duration",
    "as_timedelta",
    "cluster_limits",
    "job_lifetime",
]

Duration = timedelta | float | int

#: Longer than any run of a DAG that somebody would wait for; shorter than the 7 days of a user-delegation SAS.
DEFAULT_MAX_LIFETIME = timedelta(days=3)
#: Longer than a pause between two tasks of a run; a cluster that nobody used for this long has been forgotten.
DEFAULT_IDLE_TIMEOUT = timedelta(hours=1)
#: A run is over as soon as its last task is; Azure may still be working on that task's request.
MIN_AGE = timedelta(minutes=5)
_AFTER_RUN = timedelta(minutes=30)


def as_timedelta(value: Duration | None) -> timedelta | None:
    """Read a duration that is given in seconds or as it is."""
    return timedelta(seconds=value) if isinstance(value, int | float) else value


def cluster_limits(
    own_lifetime: timedelta | None,
    own_idle: timedelta | None,
    default_lifetime: Duration | None,
    default_idle: Duration | None,
    dagrun_timeout: timedelta | None,
) -> tuple[timedelta | None, timedelta | None]:
    """Decide a cluster's limits.

    :param own_lifetime: what its definition says.
    :param own_idle: what its definition says.
    :param default_lifetime: the operator's default.
    :param default_idle: the operator's default.
    :param dagrun_timeout: the DAG's own limit; the default lifetime is never shorter.
    :return: lifetime and idle timeout.
    :raises ValueError: where one makes the other pointless.
    """
    lifetime = own_lifetime or job_lifetime(None, default_lifetime, dagrun_timeout)
    idle = own_idle or as_timedelta(default_idle)
    if lifetime and idle and idle >= lifetime:
        if own_idle:
            raise ValueError(
                f"idle_timeout={idle} is not shorter than max_lifetime={lifetime}, so it would never count: "
                "make it shorter, or max_lifetime longer"
            )
        idle = None  # only a default: the lifetime is short enough
    return lifetime, idle


def job_lifetime(own: timedelta | None, default: Duration | None, dagrun_timeout: timedelta | None) -> timedelta | None:
    """Decide a lifetime: a job's, or a cluster's own part."""
    if own:
        return own
    chosen = as_timedelta(default)
    if chosen and dagrun_timeout:
        return max(chosen, dagrun_timeout + _AFTER_RUN)
    return chosen
