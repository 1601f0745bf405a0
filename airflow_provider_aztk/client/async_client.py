"""The asynchronous client: what triggers need, with the models and the mapping of the synchronous one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_aztk.client import _batch_responses, _logs, _naming, _workers
from airflow_provider_aztk.client.errors import (
    ApplicationNotFoundError,
    AztkError,
    ClusterNotFoundError,
    JobNotFoundError,
    ServiceError,
)
from airflow_provider_aztk.client.models import (
    Application,
    ApplicationState,
    Cluster,
    Job,
    LogChunk,
    SecretsConfiguration,
)
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_aztk.client._azure.aio import AsyncAccount

__all__ = ["AsyncClient"]

log = logging.getLogger(__name__)

Json = dict[str, Any]
_GONE = ("JobNotFound", "JobBeingDeleted", "JobCompleted", "JobTerminating")


class AsyncClient:
    """Status of clusters, applications and jobs, their logs, and how to stop and delete them.

    Methods, arguments and errors are those of :class:`~airflow_provider_aztk.client.Client`.

    :param secrets: the credentials; no request is made before the first call.
    """

    def __init__(self, secrets: SecretsConfiguration) -> None:
        self.secrets = secrets
        self._opened: AsyncAccount | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            await opened.close()

    async def _account(self) -> AsyncAccount:
        async with self._opening:
            if self._opened is None:
                self._opened = await _connect(self.secrets)
            return self._opened

    async def _find_job(self, job_id: str) -> Json | None:
        try:
            job = await (await self._account()).batch.get_job(job_id)
        except ServiceError as error:
            if error.status == 404:
                return None
            raise
        return job if _naming.MODE in _naming.from_metadata(job.get("metadata")) else None

    async def _is_foreign(self, job_id: str) -> bool:
        """Tell whether there is a Batch job of this id that is somebody else's: it must be left alone."""
        try:
            job = await (await self._account()).batch.get_job(job_id)
        except ServiceError as error:
            if error.status == 404:
                return False
            raise
        return _naming.MODE not in _naming.from_metadata(job.get("metadata"))

    async def get_cluster(self, cluster_id: str) -> Cluster:
        """Get a cluster with its pool, nodes and state."""
        job = await self._find_job(cluster_id)
        if job is None:
            raise ClusterNotFoundError(f"there is no cluster {cluster_id!r}", id=cluster_id)
        return await self.view_cluster(job)

    async def view_cluster(self, job: Json, tasks: Sequence[Mapping[str, Any]] | None = None) -> Cluster:
        """Read a cluster from its Batch job: two requests for pool and nodes, one for the master's place.

        Where workers are missing, one more for their tasks.

        :param tasks: the cluster's tasks, where they are known already: they are not asked for then.
        """
        account = await self._account()
        pool_id = (job.get("executionInfo") or {}).get("poolId")
        pool: Json | None = None
        nodes: list[Json] = []
        if pool_id:
            try:
                pool = await account.batch.get_pool(pool_id)
                nodes = await account.batch.list_nodes(pool_id)
            except ServiceError as error:
                if error.status != 404:
                    raise
        container = _naming.container_name(job["id"])
        master = await account.storage.get_range(container, contract.MASTER_BLOB, 0, _logs.MAX_READ)
        where = master.data if master else None
        if tasks is None:
            tasks = await self._ended_workers(job, where)
        master_task, master_log = await self._master_task(job), await self.master_log(job)
        return _batch_responses.cluster(job, pool, nodes, where, master_task, master_log, tasks)

    async def _ended_workers(self, job: Json, master: bytes | None) -> Sequence[Json]:
        if not _workers.are_missing(master):
            return ()
        try:
            return await self.batch_tasks(job["id"], _workers.ENDED_WORKERS)
        except ServiceError as error:
            if error.status == 404:
                return ()
            raise

    async def _master_task(self, job: Json) -> Json | None:
        if not _batch_responses.may_be_ended_by_master(job):
            return None
        try:
            return await (await self._account()).batch.get_task(job["id"], contract.MASTER_TASK_ID)
        except ServiceError as error:
            if error.status == 404:
                return None
            raise

    async def master_log(self, job: Json) -> bytes | None:
        """Read what the master of a Batch job said last, where its end is why the job has ended: one request.

        None where there is nothing, or it cannot be read: an explanation must not get in the way of what it explains.
        """
        if not _batch_responses.may_be_ended_by_master(job):
            return None
        container = _naming.container_name(job["id"])
        try:
            storage = (await self._account()).storage
            found = await storage.get_range(container, contract.MASTER_LOG_BLOB, 0, _logs.MAX_READ)
        except AztkError as error:
            log.warning("What the master of %s said last cannot be read: %s", job["id"], error)
            return None
        return found.data if found else None

    async def get_application(self, job_id: str, application_name: str) -> Application:
        """Get an application of a cluster or a job: one request."""
        text = f"there is no application {application_name!r} on {job_id!r}"
        missing = ApplicationNotFoundError(text, id=application_name)
        if not _batch_responses.is_application(str(application_name)):
            raise missing
        try:
            return _batch_responses.application(await (await self._account()).batch.get_task(job_id, application_name))
        except ServiceError as error:
            if error.status != 404:
                raise
            raise missing from error

    async def list_cluster_applications(self, cluster_id: str) -> list[Application]:
        """List the applications of a cluster."""
        tasks = await (await self._account()).batch.list_tasks(cluster_id)
        return [_batch_responses.application(task) for task in tasks if _batch_responses.is_application(task["id"])]

    async def get_job(self, job_id: str) -> Job:
        """Get a job with its applications and its outcome."""
        job = await self._find_job(job_id)
        if job is None:
            raise JobNotFoundError(f"there is no job {job_id!r}", id=job_id)
        tasks = await (await self._account()).batch.list_tasks(job_id)
        return _batch_responses.aztk_job(job, tasks, await self.master_log(job))

    async def list_applications(self, job_id: str) -> dict[str, Application | None]:
        """List the applications of a job by name; None for one that has not been scheduled yet."""
        return dict((await self.get_job(job_id)).applications)

    async def read_log(
        self, cluster_id: str, application_name: str, offset: int = 0, max_bytes: int = _logs.MAX_READ
    ) -> LogChunk:
        """Read bytes of a driver's log: one request of at most 4 MiB; no bytes where there is nothing new."""
        where = _logs.place(application_name, offset, max_bytes)
        container = _naming.container_name(cluster_id)
        found = await (await self._account()).storage.get_range(container, where.blob, where.offset, where.length)
        return LogChunk(offset=offset, data=found.data if found else b"")

    async def stop_application(self, cluster_id: str, application_name: str) -> bool:
        """Stop an application; False where it had ended already."""
        application = await self.get_application(cluster_id, application_name)
        if application.state.is_terminal:
            return False
        account = await self._account()
        marker = contract.app_stop_blob(application.name)
        await account.storage.put(_naming.container_name(cluster_id), marker, b"stop")
        if application.state is not ApplicationState.RUNNING:
            try:
                await account.batch.terminate_task(cluster_id, application_name)
            except ServiceError as error:
                if error.code not in ("TaskCompleted", "TaskNotFound"):
                    raise
        return True

    async def stop_job(self, job_id: str) -> bool:
        """End a job with all its applications, and its cluster; False where it is gone or had ended already."""
        if await self._is_foreign(job_id):
            raise JobNotFoundError(f"{job_id!r} is an Azure Batch job that is not AZTK's", id=job_id)
        try:
            await (await self._account()).batch.terminate_job(job_id, "Stopped on request")
        except ServiceError as error:
            if error.code in _GONE:
                return False
            raise
        return True

    async def delete_cluster(self, cluster_id: str, *, keep_logs: bool = False) -> bool:
        """Delete a cluster or a job and all that it has; what is gone or going is fine."""
        if await self._is_foreign(cluster_id):
            raise ClusterNotFoundError(f"{cluster_id!r} is an Azure Batch job that is not AZTK's", id=cluster_id)
        account = await self._account()
        found = True
        try:
            await account.batch.delete_job(cluster_id)
        except ServiceError as error:
            if error.code not in _GONE:
                raise
            found = False
        container = _naming.container_name(cluster_id)
        if not keep_logs:
            return await account.storage.delete_container(container) or found
        try:
            names = await account.storage.names(container)
        except ServiceError as error:
            if error.status != 404 and error.code != "ContainerBeingDeleted":
                raise
            return found
        await account.storage.delete(container, [name for name in names if not _logs.is_log(name)])
        return True

    async def delete_job(self, job_id: str, *, keep_logs: bool = False) -> bool:
        """Delete a job and all that it has; what is gone or going is fine."""
        return await self.delete_cluster(job_id, keep_logs=keep_logs)

    # -- what the watcher asks for all waits of an account together

    async def batch_jobs(self) -> list[Json]:
        """List the Batch jobs of all clusters and jobs: one request."""
        jobs = await (await self._account()).batch.list_jobs()
        return [job for job in jobs if _naming.MODE in _naming.from_metadata(job.get("metadata"))]

    async def batch_tasks(self, job_id: str, filter: str | None = None) -> list[Json]:
        """List the tasks of a job, or those that a filter lets through: one request a page."""
        return await (await self._account()).batch.list_tasks(job_id, _batch_responses.TASK_FIELDS, filter)


async def _connect(secrets: SecretsConfiguration) -> AsyncAccount:
    """Connect; the imports run in a thread, so that the event loop goes on."""
    from airflow_provider_aztk.client._azure.loading import load_async_account

    return await (await asyncio.to_thread(load_async_account)).open(secrets)
