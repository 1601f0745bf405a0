"""The asynchronous client: all that the synchronous one has, from the same actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from airflow_provider_aztk.client._actions import (
    account,
    applications,
    jobs,
    logs,
    orphaned_pools,
    read_cluster,
    read_job,
    users,
    waits,
)
from airflow_provider_aztk.client._actions import create_cluster as creation
from airflow_provider_aztk.client._actions import delete_cluster as deletion
from airflow_provider_aztk.client._actions import submit_applications as submission
from airflow_provider_aztk.client._job_snapshot import take_snapshots
from airflow_provider_aztk.client._methods import async_method
from airflow_provider_aztk.client._runners import AsyncRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from datetime import datetime

    from airflow_provider_aztk.client._job_snapshot import JobSnapshot
    from airflow_provider_aztk.client.models import SecretsConfiguration


class AsyncClient:
    """Spark clusters, applications and jobs on Azure Batch, for an event loop.

    Methods, arguments and errors are those of :class:`~airflow_provider_aztk.client.Client`.

    :param secrets: the credentials; no request is made before the first call.
    """

    def __init__(self, secrets: SecretsConfiguration) -> None:
        self.secrets = secrets
        self._runner = AsyncRunner(secrets)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._runner.close()

    @property
    def service_time(self) -> datetime:
        """The time by the clock of Azure, as its last answer had it; this machine's, before the first."""
        return self._runner.clock.now()

    test_connection = async_method(account.test_connection)

    # -- clusters

    create_cluster = async_method(creation.create_cluster)
    create_clusters_in_parallel = async_method(creation.create_clusters_in_parallel)
    get_cluster = async_method(read_cluster.get_cluster)
    get_configuration = async_method(read_cluster.get_configuration)
    list_clusters = async_method(read_cluster.list_clusters)
    delete_cluster = async_method(deletion.delete_cluster)
    delete_ended_cluster = async_method(deletion.delete_ended_cluster)
    list_orphaned_pools = async_method(orphaned_pools.list_orphaned_pools)
    delete_orphaned_pools = async_method(orphaned_pools.delete_orphaned_pools)
    wait_until_cluster_is_ready = async_method(waits.wait_until_cluster_is_ready)
    wait_until_all_clusters_are_ready = async_method(waits.wait_until_all_clusters_are_ready)
    create_user = async_method(users.create_user)
    get_remote_login_settings = async_method(users.get_remote_login_settings)

    # -- applications on a cluster

    submit = async_method(submission.submit)
    submit_all_applications = async_method(submission.submit_all_applications)
    get_application_status = async_method(applications.get_application_status)
    list_cluster_applications = async_method(applications.list_cluster_applications)
    stop_application = async_method(applications.stop_application)
    is_application_stopping = async_method(applications.is_application_stopping)
    wait_until_application_done = async_method(waits.wait_until_application_done)
    wait_until_applications_done = async_method(waits.wait_until_applications_done)
    get_application_log = async_method(logs.get_application_log)
    read_log = async_method(logs.read_log)

    async def stream_application_log(
        self, cluster_id: str, application_name: str, offset: int = 0
    ) -> AsyncIterator[bytes]:
        """Read a driver's log from an offset to its present end, in constant memory.

        :param offset: in bytes.
        """
        more = True
        while more:
            chunk, more = await self._runner.run(logs.read_part(cluster_id, application_name, offset))
            if chunk.data:
                yield chunk.data
            offset = chunk.next_offset

    # -- jobs

    submit_job = async_method(jobs.submit_job)
    list_jobs = async_method(read_job.list_jobs)
    get_job = async_method(read_job.get_job)
    list_applications = async_method(read_job.list_applications)
    list_applicaitons = async_method(read_job.list_applicaitons)
    get_application = async_method(read_job.get_application)
    get_job_application_log = async_method(logs.get_job_application_log)
    stop_job = async_method(jobs.stop_job)
    stop_job_app = async_method(applications.stop_job_app)
    delete_job = async_method(deletion.delete_job)
    wait_until_job_finished = async_method(waits.wait_until_job_finished)
    wait_until_all_jobs_finished = async_method(waits.wait_until_all_jobs_finished)

    # -- many at once, for waits

    async def get_snapshots(self, ids: Iterable[str]) -> dict[str, JobSnapshot]:
        """Get the state of clusters and jobs: one request for about ten of them, and one for each.

        :raises InvalidConfigurationError: for an id that nothing can have, before any request.
        """
        return await take_snapshots(self, ids)

    batch_jobs = async_method(read_cluster.batch_jobs)
    batch_tasks = async_method(read_cluster.batch_tasks)
    view_cluster = async_method(read_cluster.view_cluster)
    master_log = async_method(read_cluster.master_log)
