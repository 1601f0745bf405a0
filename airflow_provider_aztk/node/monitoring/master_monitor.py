"""Watch a running master: write its status when that changes, and decide when the cluster ends.

A cluster ends itself when it was idle for too long, and when its creator never added its tasks. A job also ends when
all its applications have ended, should Azure Batch not have ended it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Optional, Tuple

from airflow_provider_aztk.node.contract import MODE_JOB, ClusterBlobs, ClusterState, ClusterStatus
from airflow_provider_aztk.node.errors import BlobError
from airflow_provider_aztk.node.monitoring.idle import IdleClock, is_complete, seconds_since_activity
from airflow_provider_aztk.node.monitoring.results import JobResults
from airflow_provider_aztk.node.spark.web import MasterView, read_master

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract import Cluster, Master
    from airflow_provider_aztk.node.storage.blobs import Blobs
    from airflow_provider_aztk.node.timings import Timings

__all__ = ["MasterMonitor"]

STORAGE_INTERVAL = 20.0
STATUS_INTERVAL = 30.0
# Seconds between two steps that show that a call to storage was tried for long.
HELD_UP = 30.0


class MasterMonitor:
    """The state of a master that is ready, seen from its wrapper.

    :param cluster: its definition, with the seconds without work, and without tasks, after which it is to end
    :param attempt: counts the masters of this cluster
    """

    def __init__(
        self,
        blobs: Blobs,
        cluster: Cluster,
        attempt: int,
        timings: Timings,
        read: Callable[[str, int], Optional[MasterView]] = read_master,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._cluster = cluster
        self._idle_timeout = idle_timeout = cluster.idle_timeout_seconds
        self._complete = cluster.incomplete_timeout_seconds is None
        self._attempt = attempt
        self._timings = timings
        self._read = read
        self._clock = clock
        now = clock()
        self._began = now
        self._results = JobResults(blobs) if cluster.mode == MODE_JOB else None
        self._asked_results = now
        self._idle = IdleClock(now)
        self._view = MasterView("", (), frozenset())
        self._stepped = now
        self._asked_storage = now
        self._written: Optional[Tuple[int, ...]] = None
        self._written_at = 0.0
        # A short timeout must not wait for a long interval.
        self._storage_interval = min(STORAGE_INTERVAL, max((idle_timeout or STORAGE_INTERVAL * 4) / 4, 1.0))

    @property
    def live_workers(self) -> int:
        """Return how many workers the master could use at the last step."""
        return self._view.live_workers

    def observe(self, view: MasterView) -> None:
        """Note what the master reports."""
        self._view = view
        if view.applications:
            self._complete = True
            self._idle.active(self._clock())

    def step(self, where: Master) -> str:
        """Read the master's state, write what changed, and return why the cluster is to end; empty while it is not."""
        now = self._clock()
        passed = now - self._stepped
        if passed < self._timings.status_check:
            return ""
        self._stepped = now
        if passed > HELD_UP:
            self._restart_clocks(now)
        view = self._read(where.host, where.web_port)
        if view is None:
            self._idle.active(now)  # never end a cluster out of ignorance
            return ""
        self.observe(view)
        try:
            if not view.applications and now - self._asked_storage >= self._storage_interval:
                self._ask_storage(now)
            if self._is_done(now):
                return self._end(ClusterState.DONE, "all its applications have ended")
            if self._is_abandoned(now):
                return self._end(ClusterState.INCOMPLETE, "its creation was never finished: its tasks are missing")
            if self._idle_timeout is not None and self._is_over(now):
                reason = f"it had nothing to do for {self._idle_timeout:.0f} s (idle_timeout)"
                return self._end(ClusterState.IDLE_TIMEOUT, reason)
        except BlobError:
            self._restart_clocks(self._clock())
            raise
        self._write_if_changed(now)
        return ""

    def _restart_clocks(self, now: float) -> None:
        """Count from now on: while storage did not answer, no driver could renew its lease."""
        self._idle.active(now)
        self._began = now

    def _was_held_up(self, since: float) -> bool:
        return self._clock() - since > HELD_UP

    def _end(self, state: str, reason: str) -> str:
        self.write_status(state, reason)
        self._blobs.put(ClusterBlobs.MASTER_LOG, f"{reason}\n".encode())
        return reason

    def write_status(self, state: str, reason: str = "", blobs: Optional[Blobs] = None) -> None:
        """Write status.json."""
        status = ClusterStatus(
            self._attempt,
            state,
            reason,
            workers=self._view.live_workers,
            cores=self._view.cores,
            active_applications=len(self._view.applications),
            idle_seconds=int(self._idle.idle_seconds(self._clock())),
        )
        (blobs or self._blobs).put(ClusterBlobs.STATUS, status.to_bytes())

    def _is_done(self, now: float) -> bool:
        """Return whether all applications of a job have ended, so long ago that nothing else will end the job."""
        every = min(STORAGE_INTERVAL, self._timings.done)
        if self._results is None or self._view.applications or now - self._asked_results < every:
            return False
        self._asked_results = now
        age = self._results.seconds_since_end()
        return age is not None and age >= self._timings.done

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
        self._ask_storage(now)  # once more: a driver may have started since
        return self._idle.idle_seconds(now) >= self._idle_timeout and not self._was_held_up(now)

    def _ask_storage(self, now: float) -> None:
        self._asked_storage = now
        age = seconds_since_activity(self._blobs)
        if age is not None:
            self._idle.active(now - age)

    def _write_if_changed(self, now: float) -> None:
        seen = (self._view.live_workers, self._view.cores, len(self._view.applications))
        grows = self._idle.idle_seconds(now) > 0 and now - self._written_at >= STATUS_INTERVAL
        if seen != self._written or grows:
            self.write_status(ClusterState.ALIVE)
            self._written, self._written_at = seen, now
