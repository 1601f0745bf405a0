"""The task that applications depend on: it ends once the workers had their chance to be placed.

It holds a lease while it waits, as a driver does: a cluster whose applications wait is not idle. The lease also shows
that the creation of the cluster went on to its last task, which is the gate.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Tuple

from airflow_provider_aztk.node.context import read_master_blob
from airflow_provider_aztk.node.contract import GATE_TASK_ID, LEASE_INTERVAL, ClusterBlobs, Lease, WorkerState
from airflow_provider_aztk.node.errors import BlobError
from airflow_provider_aztk.node.log.messages import log
from airflow_provider_aztk.node.monitoring.worker_status import WorkerStatuses

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context

__all__ = ["run"]

TICK = 1.0


def run(context: Context) -> int:
    """Wait until the master and all workers that can become available are there, or the time is up; return 0.

    With ``min_workers`` the time does not count: the master ends the cluster if too few come.
    """
    lease = _Lease(context)
    try:
        return _wait(context, lease)
    finally:
        lease.give_up()


def _wait(context: Context, lease: _Lease) -> int:
    statuses = WorkerStatuses(context.blobs)
    wanted = context.cluster.nodes - 1
    deadline = time.monotonic() + context.cluster.gate_timeout_seconds
    seen = (-1, -1, False)
    while True:
        try:
            lease.renew()
            found = workers, failed, ready = _count(context, statuses)
        except BlobError as error:
            log(f"storage fails: {error}")
        else:
            if found != seen:
                lost = f", {failed} will not become available" if failed else ""
                log(f"{workers} of {wanted} workers are there{lost}; the master is {'' if ready else 'not '}ready")
                seen = found
            if ready and workers + failed >= wanted:
                return 0
        if time.monotonic() >= deadline and (context.cluster.min_workers is None or seen[2]):
            log(f"opening after {context.cluster.gate_timeout_seconds:.0f} s, though not all are there")
            return 0
        context.signals.pause(TICK)


def _count(context: Context, statuses: WorkerStatuses) -> Tuple[int, int, bool]:
    """Return how many workers run, how many failed for good, and whether the cluster is ready."""
    states = [status.state for status in statuses.read()]
    master = read_master_blob(context.blobs)
    ready = master is not None and not master.waiting_for_workers
    return states.count(WorkerState.RUNNING), states.count(WorkerState.FAILED), ready


class _Lease:
    """The gate's lease, renewed at most every :data:`LEASE_INTERVAL` seconds."""

    def __init__(self, context: Context) -> None:
        self._blobs = context.blobs
        self._name = ClusterBlobs.lease(GATE_TASK_ID)
        self._document = Lease(context.node_id).to_bytes()
        self._due = 0.0

    def renew(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._blobs.put(self._name, self._document)
            self._due = now + LEASE_INTERVAL

    def give_up(self) -> None:
        try:
            self._blobs.put(self._name, b"")
        except BlobError as error:
            log(f"the lease could not be given up, it will run out: {error}")
