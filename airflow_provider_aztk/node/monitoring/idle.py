"""Find out how long a cluster has had nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Optional

from airflow_provider_aztk.node.contract import LEASE_LIFETIME, MODE_CLUSTER, ClusterBlobs

if TYPE_CHECKING:
    from airflow_provider_aztk.node.storage.blobs import Blobs
    from airflow_provider_aztk.node.storage.wire import BlobInfo

__all__ = ["IdleClock", "is_complete", "live_leases", "seconds_since_activity"]


class IdleClock:
    """Count the seconds without work, from readiness on.

    :param now: the moment of readiness, on the clock of all later times
    """

    def __init__(self, now: float) -> None:
        self._last_active = now

    def active(self, at: float) -> None:
        """Note that there was work at that moment; a moment before the last known work changes nothing."""
        self._last_active = max(self._last_active, at)

    def idle_seconds(self, now: float) -> float:
        """Return the seconds since the last work."""
        return max(now - self._last_active, 0.0)


def live_leases(leases: Iterable[BlobInfo]) -> int:
    """Count the leases of live drivers."""
    return sum(1 for lease in leases if lease.size and lease.age < LEASE_LIFETIME)


def is_complete(blobs: Blobs, mode: str) -> bool:
    """Return whether there is a sign that all tasks of a cluster or job were added, of which the gate is the last.

    The gate leaves a lease, as each driver does; the gate alone could fail before it runs. On a cluster, a submission
    is such a sign, too; a job's submission is marked before its tasks are added.
    """
    if any(True for _ in blobs.list(ClusterBlobs.LEASES_PREFIX)):
        return True
    return mode == MODE_CLUSTER and blobs.head(ClusterBlobs.ACTIVITY) is not None


def seconds_since_activity(blobs: Blobs) -> Optional[float]:
    """Return the age of the newest sign of work: 0 with a live driver, else the last submission's; None without any."""
    if live_leases(blobs.list(ClusterBlobs.LEASES_PREFIX)):
        return 0.0
    activity = blobs.head(ClusterBlobs.ACTIVITY)
    return activity.age if activity is not None else None
