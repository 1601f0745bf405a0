"""The task that applications wait for: the workers had their chance to be placed.

It holds a lease while it waits, as a driver does: a cluster whose applications wait is not idle. The lease also says
that whoever made the cluster came to add its tasks, of which the gate is the last.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Tuple

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.errors import BlobError
from airflow_provider_aztk.node.log.messages import say
from airflow_provider_aztk.node.monitoring.worker_status import FAILED, RUNNING, WorkerNotes

if TYPE_CHECKING:
    from airflow_provider_aztk.node.context import Context

__all__ = ["run"]

TICK = 1.0


def run(context: Context) -> int:
    """Wait until the master and all workers that can come are there, or the time is up; return 0 as the exit code.

    With ``min_workers`` the time does not count: the master ends the cluster if too few come.
    """
    lease = _Lease(context)
    try:
        return _wait(context, lease)
    finally:
        lease.give_up()


def _wait(context: Context, lease: _Lease) -> int:
    notes = WorkerNotes(context.blobs)
    wanted = context.cluster.nodes - 1
    deadline = time.monotonic() + context.cluster.gate_timeout_seconds
    seen = (-1, -1, False)
    while True:
        try:
            lease.renew()
            found = workers, failed, ready = _look(context, notes)
        except BlobError as error:
            say(f"storage is in trouble: {error}")
        else:
            if found != seen:
                lost = f", {failed} will not come" if failed else ""
                say(f"{workers} of {wanted} workers are there{lost}; the master is {'' if ready else 'not '}ready")
                seen = found
            if ready and workers + failed >= wanted:
                return 0
        if time.monotonic() >= deadline and (context.cluster.min_workers is None or seen[2]):
            say(f"opening after {context.cluster.gate_timeout_seconds:.0f} s, though not all are there")
            return 0
        context.signals.pause(TICK)


def _look(context: Context, notes: WorkerNotes) -> Tuple[int, int, bool]:
    states = [note.state for note in notes.look()]
    data = context.blobs.get(contract.MASTER_BLOB)
    ready = bool(data) and not documents.parse(data or b"", contract.MASTER_BLOB).get("waiting_for_workers")
    return states.count(RUNNING), states.count(FAILED), ready


class _Lease:
    """The gate's lease, renewed at most every :data:`contract.LEASE_INTERVAL` seconds."""

    def __init__(self, context: Context) -> None:
        self._blobs = context.blobs
        self._name = contract.lease_blob(contract.GATE_TASK_ID)
        self._document = documents.encode({"node_id": context.node_id})
        self._due = 0.0

    def renew(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._blobs.put(self._name, self._document)
            self._due = now + contract.LEASE_INTERVAL

    def give_up(self) -> None:
        try:
            self._blobs.put(self._name, b"")
        except BlobError as error:
            say(f"the lease could not be given up, it will run out: {error}")
