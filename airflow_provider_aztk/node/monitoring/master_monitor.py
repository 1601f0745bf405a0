"""Watch a running master: write its status when it changes, and tell when the cluster is to end.

A cluster ends itself when it was idle for too long, and when whoever made it never came to add its tasks.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Optional

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.errors import BlobError
from airflow_provider_aztk.node.monitoring.idle import IdleClock, is_complete, newest_sign_of_life
from airflow_provider_aztk.node.spark import web
from airflow_provider_aztk.node.spark.web import MasterView
from airflow_provider_aztk.node.timings import hasty

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract.documents import Cluster, Master
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["MasterWatch"]

LOOK_INTERVAL = 2.0
STORAGE_INTERVAL = 20.0
STATUS_INTERVAL = 30.0
# Seconds between two looks that say that a call to storage was tried for long.
HELD_UP = 30.0


class MasterWatch:
    """The state of a master that is ready, seen from its wrapper.

    :param cluster: its definition, with the seconds without work, and without tasks, after which it is to end
    :param attempt: counts the masters of this cluster
    """

    def __init__(
        self,
        blobs: Blobs,
        cluster: Cluster,
        attempt: int,
        read: Callable[[str, int], Optional[MasterView]] = web.read_master,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._cluster = cluster
        self._idle_timeout = idle_timeout = cluster.idle_timeout_seconds
        self._complete = cluster.incomplete_timeout_seconds is None
        self._attempt = attempt
        self._read = read
        self._clock = clock
        now = clock()
        self._began = now
        self._idle = IdleClock(now)
        self._view = MasterView("", (), frozenset())
        self._looked = now
        self._asked_storage = now
        self._written: Optional[tuple[object, ...]] = None
        self._written_at = 0.0
        # A short timeout must not wait for a long interval.
        self._storage_interval = min(STORAGE_INTERVAL, max((idle_timeout or STORAGE_INTERVAL * 4) / 4, 1.0))

    @property
    def live_workers(self) -> int:
        """Give how many workers the master could use at the last look."""
        return self._view.live_workers

    def observe(self, view: MasterView) -> None:
        """Take in what the master says."""
        self._view = view
        if view.applications:
            self._complete = True
            self._idle.active(self._clock())

    def step(self, where: Master) -> str:
        """Look, write what changed, and return why the cluster is to end, or nothing as long as it is not."""
        now = self._clock()
        passed = now - self._looked
        if passed < hasty(LOOK_INTERVAL):
            return ""
        self._looked = now
        if passed > HELD_UP:
            self._start_anew(now)
        view = self._read(where.host, where.web_port)
        if view is None:
            self._idle.active(now)  # never end a cluster out of ignorance
            return ""
        self.observe(view)
        try:
            if not view.applications and now - self._asked_storage >= self._storage_interval:
                self._ask_storage(now)
            if self._is_abandoned(now):
                return self._end("incomplete", "its creation was never finished: its tasks are missing")
            if self._idle_timeout is not None and self._is_over(now):
                return self._end("idle-timeout", f"it had nothing to do for {self._idle_timeout:.0f} s (idle_timeout)")
        except BlobError:
            self._start_anew(self._clock())
            raise
        self._write_if_changed(now)
        return ""

    def _start_anew(self, now: float) -> None:
        """Count from now on: while storage was away nobody could leave a sign of life there."""
        self._idle.active(now)
        self._began = now

    def _was_held_up(self, since: float) -> bool:
        return self._clock() - since > HELD_UP

    def _end(self, state: str, reason: str) -> str:
        self.write_status(state, reason)
        self._blobs.put(contract.MASTER_LOG_BLOB, f"{reason}\n".encode())
        return reason

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

    def _is_abandoned(self, now: float) -> bool:
        """Return whether the tasks of this cluster should be there by now, and are not."""
        limit = self._cluster.incomplete_timeout_seconds
        if self._complete or limit is None or now - self._began < limit:
            return False
        self._complete = is_complete(self._blobs, self._cluster.mode)
        return not self._complete and not self._was_held_up(now)

    def _is_over(self, now: float) -> bool:
        assert self._idle_timeout is not None
        if self._idle.idle_seconds(now) < self._idle_timeout:
            return False
        self._ask_storage(now)  # a last look: a driver may have started since the one before
        return self._idle.idle_seconds(now) >= self._idle_timeout and not self._was_held_up(now)

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
