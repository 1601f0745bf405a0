"""What the master publishes of its workers."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aztk.node.contract import Cluster, ClusterBlobs, Master, WorkerState, WorkerStatus
from airflow_provider_aztk.node.errors import TooFewWorkersError
from airflow_provider_aztk.node.monitoring.worker_monitor import WorkerMonitor
from airflow_provider_aztk.node.storage.wire import BlobInfo
from airflow_provider_aztk.node.timings import Timings

WHERE = Master("t", 1, "n", "10.0.0.4", 7077, 8080)
CLUSTER = Cluster("cluster", 2, 60.0)


class MemoryBlobs:
    """Blobs in memory, each write with a new etag."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.writes = 0

    def put(self, name: str, data: bytes) -> None:
        self.writes += 1
        self.blobs[name] = data

    def get(self, name: str) -> bytes | None:
        return self.blobs.get(name)

    def list(self, prefix: str) -> list[BlobInfo]:
        found = sorted(item for item in self.blobs.items() if item[0].startswith(prefix))
        return [BlobInfo(name, len(data), 0.0, etag=str(hash(data))) for name, data in found]


class Monitored:
    """A monitor with its storage and its clock."""

    def __init__(self, cluster: Cluster = CLUSTER) -> None:
        self.blobs = MemoryBlobs()
        self.now = 100.0
        storage: Any = self.blobs
        self.monitor = WorkerMonitor(storage, cluster, WHERE, Timings(), lambda: self.now)

    def report(self, state: str, message: str = "") -> None:
        """Write the state of the worker on the other node."""
        status = WorkerStatus("aztk-worker-001", "n1", "10.0.0.5", state, message=message)
        self.blobs.put(ClusterBlobs.worker(status.task_id), status.to_bytes())

    def step(self, live: int, seconds: float = 1.0) -> Master:
        """Let time pass, and return what is published then."""
        self.now += seconds
        self.monitor.step(live)
        return Master.from_bytes(self.blobs.blobs[ClusterBlobs.MASTER], "it")


def test_a_worker_that_failed_is_published_until_it_runs() -> None:
    cluster = Monitored()
    cluster.report(WorkerState.FAILED, "why")
    published = cluster.step(live=1)
    assert (published.workers, published.target_workers) == (1, 2)
    assert [failed.message for failed in published.failed_workers] == ["why"]
    cluster.report(WorkerState.RUNNING)
    published = cluster.step(live=2)
    assert (published.workers, published.failed_workers) == (2, []), "no worker is both there and failed"


def test_the_master_blob_is_written_only_when_something_changed() -> None:
    cluster = Monitored()
    cluster.step(live=1)
    writes = cluster.blobs.writes
    for _ in range(10):
        cluster.step(live=1)
    assert cluster.blobs.writes == writes


def test_a_cluster_that_cannot_have_its_workers_ends_with_their_reasons() -> None:
    cluster = Monitored(Cluster("cluster", 2, 60.0, min_workers=2))
    cluster.report(WorkerState.FAILED, "why")
    with pytest.raises(TooFewWorkersError, match=r"(?s)only 1 of 2 workers .* min_workers is 2.*aztk-worker-001.*why"):
        cluster.step(live=1)
