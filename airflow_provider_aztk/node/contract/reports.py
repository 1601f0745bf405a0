"""The documents that nodes write: what master, workers and drivers report; nodes and the client read them.

:mod:`.blobs` has their names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from airflow_provider_aztk.node.contract.json_object import Document, JsonObject

__all__ = [
    "LEASE_INTERVAL",
    "LEASE_LIFETIME",
    "Attempt",
    "ClusterState",
    "ClusterStatus",
    "FailedWorker",
    "Lease",
    "Master",
    "Outcome",
    "Result",
    "WorkerState",
    "WorkerStatus",
]

LEASE_INTERVAL = 20.0  # seconds between two renewals
LEASE_LIFETIME = 90.0  # seconds after which a lease that was not renewed is void


@dataclass(frozen=True)
class FailedWorker(JsonObject):
    """A worker that will not become available, and why.

    :param last_lines: the end of its output, without the cluster's secret
    """

    task_id: str
    node_id: str
    message: str = ""
    last_lines: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Master(Document):
    """``master.json``: where the master is, and its workers. The cluster is ready if it is there and does not wait.

    Two of them are the same master if they are equal, whatever their workers are.

    :param started: time in UTC, ISO 8601
    :param attempt: counts the masters of the cluster from 1
    :param workers: workers that the master can use
    :param waiting_for_workers: fewer than ``min_workers`` were there so far
    """

    started: str
    attempt: int
    node_id: str
    host: str
    port: int
    web_port: int
    workers: int = field(default=0, compare=False)
    target_workers: int = field(default=0, compare=False)
    waiting_for_workers: bool = field(default=False, compare=False)
    failed_workers: List[FailedWorker] = field(default_factory=list, compare=False)

    @property
    def url(self) -> str:
        """Return the URL by which Spark knows the master."""
        return f"spark://{self.host}:{self.port}"

    def to_json(self) -> Dict[str, Any]:
        """Return the JSON object, with the URL."""
        return {**super().to_json(), "url": self.url}


class ClusterState:
    """The states in ``status.json``."""

    ALIVE = "alive"
    DONE = "done"
    IDLE_TIMEOUT = "idle-timeout"
    INCOMPLETE = "incomplete"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True)
class ClusterStatus(Document):
    """``status.json``: the state of the cluster, written by the master when it changes.

    :param attempt: counts the masters of the cluster from 1
    :param state: one of :class:`ClusterState`
    :param reason: why the cluster ended or failed
    :param idle_seconds: seconds without work
    :param exit_code: of a master that failed
    :param final: another try cannot help: the further tries of Batch end at once
    """

    attempt: int = 0
    state: str = ""
    reason: str = ""
    workers: Optional[int] = None
    cores: Optional[int] = None
    active_applications: Optional[int] = None
    idle_seconds: Optional[int] = None
    exit_code: Optional[int] = None
    final: Optional[bool] = None

    def to_json(self) -> Dict[str, Any]:
        """Return the fields that are set: a failed master does not count workers, a living one has no exit code."""
        return {name: value for name, value in super().to_json().items() if value is not None}


class WorkerState:
    """The states of a worker in ``cluster/workers/``."""

    RUNNING = "running"
    FAILING = "failing"
    FAILED = "failed"  # for good: further tries on the same node end at once


@dataclass(frozen=True)
class WorkerStatus(Document):
    """``cluster/workers/TASK.json``: the state of a worker, written by its task.

    :param state: one of :class:`WorkerState`
    :param attempt: counts the tries on this node from 1
    :param last_lines: of a failing worker: the end of its output, without the cluster's secret
    """

    task_id: str
    node_id: str
    host: str
    state: str = WorkerState.RUNNING
    attempt: int = 1
    message: str = ""
    exit_code: int = 0
    last_lines: List[str] = field(default_factory=list)

    def as_failed(self) -> FailedWorker:
        """Return the worker's entry in ``master.json``."""
        return FailedWorker(self.task_id, self.node_id, self.message, self.last_lines)


@dataclass(frozen=True)
class Lease(Document):
    """``cluster/leases/NAME``: somebody works. Renewed every :data:`LEASE_INTERVAL` seconds; empty when given up."""

    node_id: str


@dataclass(frozen=True)
class Attempt(Document):
    """``apps/NAME/attempt``: written when an attempt starts, so that it counts even if its node is lost.

    :param failures: earlier attempts that ended by themselves, which Batch counts as tries of the task
    """

    attempt: int
    node_id: str
    failures: int = 0


class Outcome:
    """The outcomes in ``result.json``."""

    SUCCESS = "success"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


@dataclass(frozen=True)
class Result(Document):
    """``apps/NAME/result.json``: how an attempt ended.

    :param outcome: one of :class:`Outcome`
    :param final: Batch does not run the application again
    """

    outcome: str
    exit_code: int
    attempt: int
    message: str = ""
    final: bool = False
