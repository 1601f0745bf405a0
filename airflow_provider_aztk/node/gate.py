"""The task that applications of a job wait for: the workers had their chance to be placed."""

from __future__ import annotations

import time

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.context import Context, read_master_blob
from airflow_provider_aztk.node.errors import BlobError
from airflow_provider_aztk.node.say import say

__all__ = ["run"]

TICK = 1.0


def run(context: Context) -> int:
    """End with 0 once the master and all workers are there, or when the time is up."""
    wanted = context.cluster.nodes - 1
    deadline = time.monotonic() + context.cluster.gate_timeout_seconds
    seen = -1
    while True:
        try:
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
