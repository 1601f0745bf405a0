"""The task that applications wait for: the workers had their chance to be placed.

It holds a lease while it waits, as a driver does: a cluster whose applications wait is not idle. The lease also says
that whoever made the cluster came to add its tasks, of which the gate is the last.
"""

from __future__ import annotations

import time

from airflow_provider_aztk.node import contract, documents
from airflow_provider_aztk.node.context import Context, read_master_blob
from airflow_provider_aztk.node.errors import BlobError
from airflow_provider_aztk.node.say import say

__all__ = ["run"]

TICK = 1.0


def run(context: Context) -> int:
    """Wait until the master and all workers are there, or the time is up; return 0 as the exit code."""
    lease = _Lease(context)
    try:
        return _wait(context, lease)
    finally:
        lease.give_up()


def _wait(context: Context, lease: _Lease) -> int:
    wanted = context.cluster.nodes - 1
    deadline = time.monotonic() + context.cluster.gate_timeout_seconds
    seen = -1
    while True:
        try:
            lease.renew()
            workers, ready = _look(context)
        except BlobError as error:
            say(f"storage is in trouble: {error}")
        else:
            if workers != seen:
                say(f"{workers} of {wanted} workers are there; the master is {'' if ready else 'not '}ready")
                seen = workers
            if ready and workers >= wanted:
                return 0
        if time.monotonic() >= deadline:
            say(f"opening after {context.cluster.gate_timeout_seconds:.0f} s, though not all are there")
            return 0
        context.signals.pause(TICK)


def _look(context: Context) -> tuple[int, bool]:
    workers = sum(1 for blob in context.blobs.list(contract.WORKERS_PREFIX) if blob.size)
    return workers, read_master_blob(context.blobs) is not None


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
