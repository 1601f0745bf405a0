"""Watch a running master: write its status when it changes, and tell when the cluster has been idle for too long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Optional

from airflow_provider_aztk.node import contract, documents, sparkweb
from airflow_provider_aztk.node.idle import IdleClock, newest_sign_of_life
from airflow_provider_aztk.node.sparkweb import MasterView
from airflow_provider_aztk.node.timing import hasty

if TYPE_CHECKING:
    from airflow_provider_aztk.node.blobs import Blobs
    from airflow_provider_aztk.node.documents import Master

__all__ = ["MasterWatch"]

LOOK_INTERVAL = 2.0
STORAGE_INTERVAL = 20.0
STATUS_INTERVAL = 30.0


class MasterWatch:
    """The state of a master that is ready, seen from its wrapper.

    :param idle_timeout: seconds without work after which the cluster is to end; None for never
    :param attempt: counts the masters of this cluster
    """

    def __init__(
        self,
        blobs: Blobs,
        idle_timeout: Optional[float],
        attempt: int,
        read: Callable[[str, int], Optional[MasterView]] = sparkweb.read_master,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._idle_timeout = idle_timeout
        self._attempt = attempt
        self._read = read
        self._clock = clock
        now = clock()
        self._idle = IdleClock(now)
        self._view = MasterView("", (), frozenset())
        self._looked = now
        self._asked_storage = now
        self._written: Optional[tuple[object, ...]] = None
        self._written_at = 0.0
        # A short timeout must not wait for a long interval.
        self._storage_interval = min(STORAGE_INTERVAL, max((idle_timeout or STORAGE_INTERVAL * 4) / 4, 1.0))

    def observe(self, view: MasterView) -> None:
        """Take in what the master says."""
        self._view = view
        if view.applications:
            self._idle.active(self._clock())

    def step(self, where: Master) -> bool:
        """Look, write what changed, and tell whether the cluster is to end for being idle."""
        now = self._clock()
        if now - self._looked < hasty(LOOK_INTERVAL):
            return False
        self._looked = now
        view = self._read(where.host, where.web_port)
        if view is None:
            self._idle.active(now)  # never end a cluster out of ignorance
            return False
        self.observe(view)
        if not view.applications and now - self._asked_storage >= self._storage_interval:
            self._ask_storage(now)
        if self._idle_timeout is not None and self._is_over(now):
            self.write_status("idle-timeout", f"nothing to do for {self._idle_timeout:.0f} s")
            return True
        self._write_if_changed(now)
        return False

    def write_status(self, state: str, reason: str = "", blobs: Optional[Blobs] = None) -> None:
        """Write status.json."""
        status = {
            "attempt": self._attempt,
            "state": state,
            "workers": self._view.live_workers,
            "cores": self._view.cores,
            "active_applications": len(self._view.applications),
            "idle_seconds": int(self._idle.idle_seconds(self._clock())),
            "reason": reason,
        }
        (blobs or self._blobs).put(contract.STATUS_BLOB, documents.encode(status))

    def _is_over(self, now: float) -> bool:
        assert self._idle_timeout is not None
        if self._idle.idle_seconds(now) < self._idle_timeout:
            return False
        self._ask_storage(now)  # a last look: a driver may have started since the one before
        return self._idle.idle_seconds(now) >= self._idle_timeout

    def _ask_storage(self, now: float) -> None:
        self._asked_storage = now
        age = newest_sign_of_life(self._blobs)
        if age is not None:
            self._idle.active(now - age)

    def _write_if_changed(self, now: float) -> None:
        seen = (self._view.live_workers, self._view.cores, len(self._view.applications))
        grows = self._idle.idle_seconds(now) > 0 and now - self._written_at >= STATUS_INTERVAL
        if seen != self._written or grows:
            self.write_status("alive")
            self._written, self._written_at = seen, now
