"""A cluster as it exists, with its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_aztk.client.models._record import Failure, Record
from airflow_provider_aztk.client.models.states import ClusterState

__all__ = ["Cluster", "FailedWorker", "Node", "OrphanedPool", "RemoteLogin"]


class Node(Record):
    """A node of a cluster, e.g. ``node.id`` (learn.microsoft.com/rest/api/batchservice/nodes/get-node)."""

    __slots__ = ()
    _known = frozenset(
        {
            *("id", "state", "ip_address", "vm_size", "url", "is_dedicated", "total_tasks_run", "running_tasks_count"),
            *("endpoint_configuration", "errors", "recent_tasks", "state_transition_time", "last_boot_time"),
            *("allocation_time", "scheduling_state"),
        }
    )


@dataclass(frozen=True)
class RemoteLogin:
    """Where to reach a node with SSH."""

    ip_address: str
    port: int


@dataclass(frozen=True, kw_only=True)
class FailedWorker:
    """A worker that will not become available.

    :param task_id: the Batch task that was to be the worker; None where only its node is known.
    :param node_id: the node it was on, or the node that cannot be used.
    :param message: why it failed.
    :param last_lines: the last lines of its log, without stack frames.
    """

    task_id: str | None
    node_id: str | None
    message: str
    last_lines: Sequence[str] = ()

    def __str__(self) -> str:
        lines = "".join(f"\n    {line}" for line in self.last_lines)
        return f"{self.task_id or 'a worker'} on node {self.node_id or 'unknown'}: {self.message}{lines}"


@dataclass(frozen=True, kw_only=True)
class OrphanedPool:
    """A pool that outlived its cluster or job.

    :param id: the pool's id.
    :param cluster_id: the cluster or job.
    :param since: when that ended, where it is known; else when the pool was created.
    :param metadata: names and values that the cluster or job had, e.g. the owner.
    """

    id: str
    cluster_id: str
    since: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster as it exists.

    :param id: its id.
    :param state: whether it can be used; AZTK's :attr:`visible_state` says what its pool does.
    :param failure: why it failed or ended, where it did.
    :param pool: the Batch pool as the service gave it, or None where there is none (yet, or any more).
    :param workers: how many Spark workers its master can use, as the master reported last.
    :param target_workers: how many are wanted.
    :param failed_workers: those that failed for good, with the last lines of their logs.
    :param nodes: the pool's nodes, each a :class:`Node`.
    :param spark_master_url: ``spark://...`` once the master is up.
    :param spark_ui_url: address of the master's page, reachable from the cluster's network.
    :param metadata: the names and values that it was created with.
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
        """How many nodes are wanted."""
        return self.target_dedicated_nodes + self.target_low_pri_nodes

    @property
    def total_current_nodes(self) -> int:
        """How many nodes it has."""
        return self.current_dedicated_nodes + self.current_low_pri_nodes
