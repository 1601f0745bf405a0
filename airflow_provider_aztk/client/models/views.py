"""What exists: clusters, jobs and applications as they are on Azure Batch, read only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_provider_aztk.client.models.states import ApplicationState, ClusterState, JobState, Outcome

__all__ = [
    "Application",
    "ApplicationLog",
    "Cluster",
    "FailedWorker",
    "Failure",
    "Job",
    "LogChunk",
    "Node",
    "Record",
    "RemoteLogin",
]


class Record(Mapping[str, Any]):
    """What Azure Batch answered, read only: a mapping of the service's names, which are attributes, too.

    ``node["ipAddress"]``, ``node.ip_address`` and ``node.ipAddress`` are the same; what the service left out is None as
    an attribute where :attr:`_known` names it. Mappings inside are records as well.
    """

    __slots__ = ("_data",)
    _known: frozenset[str] = frozenset()

    def __init__(self, data: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_data", dict(data))

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._data:
            return _record(self._data[name])
        plain = name.replace("_", "").lower()  # the service's own has public_ip_address as publicIPAddress
        for found, value in self._data.items():
            if found.lower() == plain:
                return _record(value)
        if name in self._known:
            return None
        raise AttributeError(f"{type(self).__name__} has no {name!r}; it has " + ", ".join(self._data))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is read only")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._data!r})"

    def __hash__(self) -> int:
        return hash((type(self), self._data.get("id")))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data,)


def _record(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Record(value)
    return [_record(item) for item in value] if isinstance(value, list) else value


class Node(Record):
    """A node of a cluster, e.g. ``node.id`` (learn.microsoft.com/rest/api/batchservice/nodes/get-node)."""

    __slots__ = ()
    _known = frozenset({"id", "state", "ip_address", "vm_size", "url", "is_dedicated", "total_tasks_run",
                        "running_tasks_count", "endpoint_configuration", "errors", "recent_tasks",
                        "state_transition_time", "last_boot_time", "allocation_time", "scheduling_state"})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why something failed, in Azure Batch's words.

    :param code: Batch's code, e.g. ``AccountCoreQuotaReached``; our own are ``JobEnded``, ``MasterFailed`` and
        ``TooFewWorkers``.
    :param message: what happened.
    :param values: Batch's further details.
    """

    code: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        details = "".join(f"; {name}: {value}" for name, value in self.values.items())
        return f"{self.code}: {self.message}{details}"


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application as it exists on a cluster or in a job.

    :param name: its name, the id of its Batch task.
    :param state: ``active``, ``preparing``, ``running`` or ``completed``.
    :param outcome: how it ended; None while it has not.
    :param exit_code: the driver's exit code; None where it has not ended or never ran.
    :param failure: why it failed, where it did.
    :param retry_count: how often Batch has run it again.
    :param node_id: the node its driver is or was on.
    """

    name: str
    state: ApplicationState
    last_modified: datetime | None = None
    creation_time: datetime | None = None
    state_transition_time: datetime | None = None
    previous_state: ApplicationState | None = None
    previous_state_transition_time: datetime | None = None
    exit_code: int | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    retry_count: int = 0
    node_id: str | None = None


@dataclass(frozen=True)
class ApplicationLog:
    """A driver's log, or what was added to it.

    :param log: the text; bytes that are not UTF-8 are replaced.
    :param total_bytes: size of the whole log so far, to be given as ``current_bytes`` of the next call.
    """

    name: str
    cluster_id: str
    log: str
    total_bytes: int
    application_state: ApplicationState
    exit_code: int | None


@dataclass(frozen=True, kw_only=True)
class LogChunk:
    """Some bytes of a driver's log.

    :param offset: where they begin.
    :param data: the bytes as the driver wrote them; empty where there is nothing new.
    """

    offset: int
    data: bytes

    @property
    def next_offset(self) -> int:
        """Where the next chunk begins."""
        return self.offset + len(self.data)


@dataclass(frozen=True)
class RemoteLogin:
    """Where to reach a node with SSH."""

    ip_address: str
    port: int


@dataclass(frozen=True, kw_only=True)
class FailedWorker:
    """A worker that will not come.

    :param task_id: the Batch task that was to be the worker; None where only its node is known.
    :param node_id: the node it was on, or the node that cannot be used.
    :param message: why it failed.
    :param last_lines: what it said last, without stack frames.
    """

    task_id: str | None
    node_id: str | None
    message: str
    last_lines: Sequence[str] = ()

    def __str__(self) -> str:
        said = "".join(f"\n    {line}" for line in self.last_lines)
        return f"{self.task_id or 'a worker'} on node {self.node_id or 'unknown'}: {self.message}{said}"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster as it exists.

    :param id: its id.
    :param state: whether it can be used; the seed's :attr:`visible_state` says what its pool does.
    :param failure: why it failed or ended, where it did.
    :param pool: the Batch pool as the service gave it, or None where there is none (yet, or any more).
    :param workers: how many Spark workers its master can use, as the master told last.
    :param target_workers: how many there shall be.
    :param failed_workers: those that failed for good, with their last words.
    :param nodes: the pool's nodes, each a :class:`Node`.
    :param spark_master_url: ``spark://...`` once the master is up.
    :param spark_ui_url: address of the master's page, reachable from the cluster's network.
    :param metadata: what the owner wrote on it.
    """

    id: str
    state: ClusterState
    visible_state: str | None = None
    failure: Failure | None = None
    pool: Record | None = None
    nodes: Sequence[Node] = ()
    vm_size: str | None = None
    target_dedicated_nodes: int = 0
    target_low_pri_nodes: int = 0
    current_dedicated_nodes: int = 0
    current_low_pri_nodes: int = 0
    workers: int = 0
    target_workers: int = 0
    failed_workers: Sequence[FailedWorker] = ()
    spark_master_url: str | None = None
    spark_ui_url: str | None = None
    master_node_id: str | None = None
    pool_id: str | None = None
    container: str | None = None
    creation_time: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(Node(node) for node in self.nodes))

    @property
    def is_ready(self) -> bool:
        """Whether it can take applications."""
        return self.state.is_successful

    @property
    def total_target_nodes(self) -> int:
        """How many nodes it shall have."""
        return self.target_dedicated_nodes + self.target_low_pri_nodes

    @property
    def total_current_nodes(self) -> int:
        """How many nodes it has."""
        return self.current_dedicated_nodes + self.current_low_pri_nodes


@dataclass(frozen=True, kw_only=True)
class Job:
    """An AZTK job as it exists.

    :param applications: by name; None for an application that has not been scheduled yet.
    :param outcome: how it ended, told from its applications; None while it has not.
    :param failure: why it failed as a whole (no pool, time limit), where it did.
    :param container: the storage container with its files and logs.
    :param is_submitted: whether all of its tasks were added; False where its submission was interrupted: ``submit_job``
        with the same configuration finishes it. True, too, where the tasks were not asked for (``list_jobs``).
    """

    id: str
    state: JobState
    last_modified: datetime | None = None
    creation_time: datetime | None = None
    state_transition_time: datetime | None = None
    applications: Mapping[str, Application | None] = field(default_factory=dict)
    outcome: Outcome | None = None
    failure: Failure | None = None
    pool_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    container: str | None = None
    is_submitted: bool = True
