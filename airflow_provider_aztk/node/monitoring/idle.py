"""Tell how long a cluster has had nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Optional

from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from airflow_provider_aztk.node.storage.blobs import BlobInfo, Blobs

__all__ = ["IdleClock", "is_complete", "live_leases", "newest_sign_of_life"]


class IdleClock:
    """Count the seconds without work, from readiness on.

    :param now: the moment of readiness, on the clock that all later times come from
    """

    def __init__(self, now: float) -> None:
        self._last_active = now

    def active(self, at: float) -> None:
        """Note that there was work at that moment; what is older than the last known work changes nothing."""
        self._last_active = max(self._last_active, at)

    def idle_seconds(self, now: float) -> float:
        """Give the seconds since the last work."""
        return max(now - self._last_active, 0.0)


def live_leases(leases: Iterable[BlobInfo]) -> int:
    """Count the leases that stand for a live driver."""
    return sum(1 for lease in leases if lease.size and lease.age < contract.LEASE_LIFETIME)


def is_complete(blobs: Blobs, mode: str) -> bool:
    """Return whether there is a sign that all tasks of a cluster or job were added, of which the gate is the last.

    The gate leaves a lease, as each driver does; the gate alone could fail before it runs. On a cluster, a submission
    is such a sign, too; that of a job is marked before its tasks are added.
    """
    if any(True for _ in blobs.list(contract.LEASES_PREFIX)):
        return True
    return mode == contract.MODE_CLUSTER and blobs.head(contract.ACTIVITY_BLOB) is not None


def newest_sign_of_life(blobs: Blobs) -> Optional[float]:
    """Give the age in seconds of the newest sign of work: 0 with a live driver, else that of the last submission."""
    if live_leases(blobs.list(contract.LEASES_PREFIX)):
        return 0.0
    activity = blobs.head(contract.ACTIVITY_BLOB)
    return activity.age if activity is not None else None
