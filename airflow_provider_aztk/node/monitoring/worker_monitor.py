"""Count a cluster's workers, publish them in ``cluster/master.json``, and end the cluster where too few can be had."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, List, Optional

from airflow_provider_aztk.node.contract import ClusterBlobs, Master, WorkerState, WorkerStatus
from airflow_provider_aztk.node.errors import TooFewWorkersError
from airflow_provider_aztk.node.log.messages import log
from airflow_provider_aztk.node.monitoring.worker_status import WorkerStatuses

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract import Cluster
    from airflow_provider_aztk.node.storage.blobs import Blobs
    from airflow_provider_aztk.node.timings import Timings

__all__ = ["WorkerMonitor"]

MOST_FAILED = 20  # failed workers in master.json, which many read
MOST_IN_ERROR = 3


class WorkerMonitor:
    """The workers of a cluster whose master is ready.

    :param where: the master
    """

    def __init__(
        self,
        blobs: Blobs,
        cluster: Cluster,
        where: Master,
        timings: Timings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._cluster = cluster
        self._where = replace(where, target_workers=cluster.target_workers)
        self._timings = timings
        self._clock = clock
        self._statuses = WorkerStatuses(blobs)
        self._began = clock()
        self._checked = -math.inf
        self._failed: List[WorkerStatus] = []
        self._own: Optional[WorkerStatus] = None
        self._written: Optional[Master] = None
        self._live = 0
        self._waits = cluster.min_workers is not None and blobs.get(ClusterBlobs.ENOUGH_WORKERS) is None

    def own_failed(self, status: WorkerStatus) -> None:
        """Note that the worker beside the master is not started any more."""
        self._own = status
        self._checked = -math.inf

    def step(self, live: int) -> None:
        """Read the states of workers if that is due, and write what changed.

        :param live: workers that the master can use
        :raises TooFewWorkersError: the cluster cannot have the workers that it needs
        """
        now = self._clock()
        if live != self._live:  # a worker that failed may run now, and must not be published as both
            self._checked = -math.inf
        self._live = live
        complete = live + len(self._failed) >= self._cluster.target_workers
        interval = self._timings.complete_workers_check if complete else self._timings.workers_check
        if now - self._checked >= interval:
            self._checked = now
            own = [self._own] if self._own else []
            self._failed = own + [each for each in self._statuses.read() if each.state == WorkerState.FAILED]
        self._decide(now)
        self._write()

    def _decide(self, now: float) -> None:
        wanted = self._cluster.target_workers
        available = wanted - len(self._failed)
        if self._waits and self._live >= (self._cluster.min_workers or 0):
            self._blobs.put(ClusterBlobs.ENOUGH_WORKERS, b"yes")
            self._waits = False
        if wanted and available < (self._cluster.min_workers or 1 if self._waits else 1):
            self._end(f"only {available} of {wanted} workers can become available")
        patience = self._cluster.gate_timeout_seconds
        if self._waits and now - self._began >= patience:
            self._end(f"{self._live} of {wanted} workers became available within {patience:.0f} s")

    def _end(self, text: str) -> None:
        self._write()
        if self._cluster.min_workers is not None:
            text += f", min_workers is {self._cluster.min_workers}"
        for each in self._failed[:MOST_IN_ERROR]:
            lines = "".join(f"\n    {line}" for line in each.last_lines[-8:])
            text += f"\n{each.task_id} on node {each.node_id}: {each.message}{lines}"
        raise TooFewWorkersError(text)

    def _write(self) -> None:
        published = replace(
            self._where,
            workers=self._live,
            waiting_for_workers=self._waits,
            failed_workers=[each.as_failed() for each in self._failed[:MOST_FAILED]],
        )
        if self._written is not None and published.to_json() == self._written.to_json():
            return
        self._blobs.put(ClusterBlobs.MASTER, published.to_bytes())
        if self._written is None or self._written.workers != self._live:
            log(f"{self._live} of {self._cluster.target_workers} workers are there")
        self._written = published
