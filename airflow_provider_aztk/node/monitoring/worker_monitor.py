"""Count a cluster's workers, say so in ``cluster/master.json``, and end the cluster when too few can come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from airflow_provider_aztk.node import contract
from airflow_provider_aztk.node.contract import documents
from airflow_provider_aztk.node.errors import TooFewWorkersError
from airflow_provider_aztk.node.log.messages import say
from airflow_provider_aztk.node.monitoring.worker_status import FAILED, WorkerNote, WorkerNotes
from airflow_provider_aztk.node.timings import hasty

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract.documents import Cluster, Master
    from airflow_provider_aztk.node.storage.blobs import Blobs

__all__ = ["WorkerWatch"]

LOOK_INTERVAL = 5.0
QUIET_INTERVAL = 30.0  # once all workers are there
MOST_TOLD = 20  # failed workers in master.json, which many read


class WorkerWatch:
    """The workers of a cluster whose master is ready.

    :param where: the master
    :raises TooFewWorkersError: from :meth:`step`, where the cluster cannot have the workers that it needs
    """

    def __init__(
        self, blobs: Blobs, cluster: Cluster, where: Master, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._blobs = blobs
        self._cluster = cluster
        self._where = where
        self._clock = clock
        self._notes = WorkerNotes(blobs)
        self._began = clock()
        self._looked = -QUIET_INTERVAL
        self._failed: List[WorkerNote] = []
        self._own: Optional[WorkerNote] = None
        self._written: Optional[Dict[str, Any]] = None
        self._live = 0
        self._waits = cluster.min_workers is not None and blobs.get(contract.ENOUGH_WORKERS_BLOB) is None

    def own_failed(self, note: WorkerNote) -> None:
        """Take in that the worker beside the master is not started any more."""
        self._own = note
        self._looked = -QUIET_INTERVAL

    def step(self, live: int) -> None:
        """Look at what workers say, write what changed, and raise where too few can come.

        :param live: workers that the master can use
        """
        now = self._clock()
        self._live = live
        everyone = live + len(self._failed) >= self._cluster.target_workers
        if now - self._looked >= hasty(QUIET_INTERVAL if everyone else LOOK_INTERVAL):
            self._looked = now
            own = [self._own] if self._own else []
            self._failed = own + [note for note in self._notes.look() if note.state == FAILED]
        self._decide(now)
        self._write()

    def _decide(self, now: float) -> None:
        wanted = self._cluster.target_workers
        can_come = wanted - len(self._failed)
        if self._waits and self._live >= (self._cluster.min_workers or 0):
            self._blobs.put(contract.ENOUGH_WORKERS_BLOB, b"yes")
            self._waits = False
        if wanted and can_come < (self._cluster.min_workers or 1 if self._waits else 1):
            self._end(f"only {can_come} of {wanted} workers can come")
        patience = self._cluster.gate_timeout_seconds
        if self._waits and now - self._began >= patience:
            self._end(f"{self._live} of {wanted} workers came within {patience:.0f} s")

    def _end(self, text: str) -> None:
        self._write()
        if self._cluster.min_workers is not None:
            text += f", min_workers is {self._cluster.min_workers}"
        for note in self._failed[:3]:
            said = "".join(f"\n    {line}" for line in note.last_lines[-8:])
            text += f"\n{note.task_id} on node {note.node_id}: {note.message}{said}"
        raise TooFewWorkersError(text)

    def _write(self) -> None:
        document = {
            **self._where.to_json(),
            "workers": self._live,
            "target_workers": self._cluster.target_workers,
            "waiting_for_workers": self._waits,
            "failed_workers": [note.public for note in self._failed[:MOST_TOLD]],
        }
        if document == self._written:
            return
        self._blobs.put(contract.MASTER_BLOB, documents.encode(document))
        if self._written is None or self._written["workers"] != self._live:
            say(f"{self._live} of {self._cluster.target_workers} workers are there")
        self._written = document
