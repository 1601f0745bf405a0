"""The state of a cluster or job at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from airflow_provider_aztk.client import _batch_responses
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._failures import is_of_master, job_failure
from airflow_provider_aztk.client._naming import checked_id
from airflow_provider_aztk.client.models import ApplicationState, Cluster, JobState
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models import Application, Failure, Job, LogChunk

Json = dict[str, Any]
Answer = TypeVar("Answer")


class _Once(Generic[Answer]):
    """One question that any number of callers share, with its answer or its error."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._answers: list[Answer] = []
        self._error: Exception | None = None

    async def ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask at the first call; one that is cancelled leaves it to the next."""
        async with self._lock:
            if not self._answers and self._error is None:
                try:
                    self._answers.append(await question())
                except Exception as error:
                    self._error = error
        if self._error is not None:
            raise self._error
        return self._answers[0]


class SnapshotClient(Protocol):
    """What snapshots ask Azure through: an :class:`~airflow_provider_aztk.client.AsyncClient`."""

    async def batch_jobs(self, ids: Iterable[str]) -> list[Json]: ...
    async def batch_tasks(self, job_id: str, filter: str | None = None) -> list[Json]: ...
    async def view_cluster(self, job: Json, tasks: Sequence[Mapping[str, Any]] | None = None) -> Cluster: ...
    async def master_log(self, job: Json) -> bytes | None: ...
    async def read_log(
        self, cluster_id: str, application_name: str, offset: int = 0, max_bytes: int = ...
    ) -> LogChunk: ...


@dataclass(frozen=True)
class JobSnapshot:
    """A cluster or job and its applications, as of one poll.

    :param batch_job: the Batch job; None when there is none of this id (any more).
    :param tasks: its tasks by id.
    """

    id: str
    batch_job: Mapping[str, Any] | None
    tasks: Mapping[str, Mapping[str, Any]]
    client: SnapshotClient = field(repr=False, compare=False)
    _cluster: _Once[Cluster] = field(default_factory=_Once, init=False, repr=False, compare=False)
    _master_log: _Once[bytes | None] = field(default_factory=_Once, init=False, repr=False, compare=False)

    @property
    def exists(self) -> bool:
        """Whether there is such a cluster or job."""
        return self.batch_job is not None

    @property
    def job(self) -> Job | None:
        """The AZTK job, with its applications."""
        return _batch_responses.aztk_job(self.batch_job, self.tasks.values()) if self.batch_job else None

    def application(self, name: str) -> Application | None:
        """Return one application, whose name may differ in case, as in Batch; None where there is none of this name."""
        task = self._tasks_by_name.get(name.lower())
        return _batch_responses.application(task) if task else None

    @cached_property
    def _tasks_by_name(self) -> dict[str, Mapping[str, Any]]:
        return {id.lower(): task for id, task in self.tasks.items()}

    @property
    def applications(self) -> list[Application]:
        """All applications."""
        return [
            _batch_responses.application(task) for id, task in self.tasks.items() if _batch_responses.is_application(id)
        ]

    @property
    def awaits_nodes(self) -> bool:
        """Whether nothing runs: the gate, before which no application runs, or the master waits for a node.

        The master waits again where its node was lost, or cannot be used any more, as with a full disk.
        """
        master = self.tasks.get(contract.MASTER_TASK_ID)
        if master is not None and master["state"] == ApplicationState.ACTIVE:
            return True
        gate = self.tasks.get(contract.GATE_TASK_ID)
        if gate is None or gate["state"] != ApplicationState.ACTIVE:
            return False
        return all(
            task["state"] == ApplicationState.ACTIVE
            for id, task in self.tasks.items()
            if _batch_responses.is_application(id)
        )

    @property
    def is_open(self) -> bool:
        """Whether the gate has let applications through: Spark's master is up, or was, or is not waited for."""
        gate = self.tasks.get(contract.GATE_TASK_ID)
        return gate is not None and gate["state"] == ApplicationState.COMPLETED

    async def cluster(self) -> Cluster | None:
        """Get the cluster with pool, nodes and master: three requests, once for this snapshot."""
        if self.batch_job is None:
            return None
        job = dict(self.batch_job)
        return await self._cluster.ask(lambda: self.client.view_cluster(job, list(self.tasks.values())))

    @property
    def is_ending(self) -> bool:
        """Whether Batch is about to end it; :attr:`end` says why when it has ended."""
        return self.batch_job is not None and self.batch_job["state"] == JobState.TERMINATING

    @property
    def end(self) -> Failure | None:
        """Why its Batch job has ended, in Batch's words; None while it goes on."""
        return job_failure(self.batch_job) if self.batch_job else None

    async def failure(self) -> Failure | None:
        """Return what ended it before its applications did, with the last lines of a master that failed, or None.

        One request where its master has failed, once for all callers that share this snapshot; else none.
        """
        failure = self.job.failure if self.job else None
        if failure is None or not is_of_master(failure) or self.batch_job is None:
            return failure
        job = dict(self.batch_job)
        log = await self._master_log.ask(lambda: self.client.master_log(job))
        return _batch_responses.aztk_job(job, self.tasks.values(), log).failure

    async def start_failure(self) -> Failure | None:
        """Return why nothing of it will ever run (quota, no capacity, a pool that is gone), or None as long as it may.

        No request while the master runs; before, and where it waits for another node, those of :meth:`cluster`.
        """
        cluster = await self.cluster() if self.awaits_nodes else None
        failure = cluster.failure if cluster else None
        return failure if failure and failure.code != codes.JOB_ENDED else None


async def take_snapshots(client: SnapshotClient, ids: Iterable[str]) -> dict[str, JobSnapshot]:
    """Get the state of clusters and jobs once: one request for about ten of them, and one for each.

    :raises InvalidConfigurationError: for an id that nothing can have, before any request.
    :raises AztkError: where the service cannot be asked.
    """
    wanted = [checked_id(id) for id in ids]
    jobs = {job["id"].lower(): job for job in await client.batch_jobs(wanted)}
    snapshots: dict[str, JobSnapshot] = {}
    for id in wanted:
        job = jobs.get(id.lower())
        tasks = await client.batch_tasks(id) if job else []
        snapshots[id] = JobSnapshot(id, job, {task["id"]: task for task in tasks}, client)
    return snapshots
