"""The synchronous client, with the names of AZTK's methods."""

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
from airflow_provider_aztk.client._methods import method
from airflow_provider_aztk.client._runners import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_aztk.client.models import SecretsConfiguration


class Client:
    """Spark clusters, applications and jobs on Azure Batch.

    What a method does is the function of this name in ``_actions/``, which
    :class:`~airflow_provider_aztk.client.AsyncClient` shares.

    Safe to repeat: every method that changes something may be called again with the same arguments after a crash.
    Every method raises the errors of :mod:`airflow_provider_aztk.client.errors`:
    :class:`~airflow_provider_aztk.client.errors.AuthenticationError` where a credential is refused,
    :class:`~airflow_provider_aztk.client.errors.ServiceError` for what Azure answers otherwise. Waits take a
    ``timeout`` in seconds or as a timedelta (default: none), and raise
    :class:`~airflow_provider_aztk.client.errors.WaitTimeoutError`; ``poll_interval`` is the longest pause between
    two polls in seconds (default 10).

    :param secrets: the credentials; no request is made before the first call.
    """

    def __init__(self, secrets: SecretsConfiguration) -> None:
        self.secrets = secrets
        self._runner = Runner(secrets)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._runner.close()

    @property
    def service_time(self) -> datetime:
        """The time by the clock of Azure, as its last answer had it; this machine's, before the first."""
        return self._runner.clock.now()

    test_connection = method(account.test_connection)

    # -- clusters

    create_cluster = method(creation.create_cluster)
    create_clusters_in_parallel = method(creation.create_clusters_in_parallel)
    get_cluster = method(read_cluster.get_cluster)
    get_configuration = method(read_cluster.get_configuration)
    list_clusters = method(read_cluster.list_clusters)
    delete_cluster = method(deletion.delete_cluster)
    delete_ended_cluster = method(deletion.delete_ended_cluster)
    list_orphaned_pools = method(orphaned_pools.list_orphaned_pools)
    delete_orphaned_pools = method(orphaned_pools.delete_orphaned_pools)
    wait_until_cluster_is_ready = method(waits.wait_until_cluster_is_ready)
    wait_until_all_clusters_are_ready = method(waits.wait_until_all_clusters_are_ready)
    create_user = method(users.create_user)
    get_remote_login_settings = method(users.get_remote_login_settings)

    # -- applications on a cluster

    submit = method(submission.submit)
    submit_all_applications = method(submission.submit_all_applications)
    get_application_status = method(applications.get_application_status)
    list_cluster_applications = method(applications.list_cluster_applications)
    stop_application = method(applications.stop_application)
    is_application_stopping = method(applications.is_application_stopping)
    wait_until_application_done = method(waits.wait_until_application_done)
    wait_until_applications_done = method(waits.wait_until_applications_done)
    get_application_log = method(logs.get_application_log)
    read_log = method(logs.read_log)

    def stream_application_log(self, cluster_id: str, application_name: str, offset: int = 0) -> Iterator[bytes]:
        """Read a driver's log from an offset to its present end, in constant memory.

        :param offset: in bytes.
        """
        more = True
        while more:
            chunk, more = self._runner.run(logs.read_part(cluster_id, application_name, offset))
            if chunk.data:
                yield chunk.data
            offset = chunk.next_offset

    # -- jobs

    submit_job = method(jobs.submit_job)
    list_jobs = method(read_job.list_jobs)
    get_job = method(read_job.get_job)
    list_applications = method(read_job.list_applications)
    list_applicaitons = method(read_job.list_applicaitons)
    get_application = method(read_job.get_application)
    get_job_application_log = method(logs.get_job_application_log)
    stop_job = method(jobs.stop_job)
    stop_job_app = method(applications.stop_job_app)
    delete_job = method(deletion.delete_job)
    wait_until_job_finished = method(waits.wait_until_job_finished)
    wait_until_all_jobs_finished = method(waits.wait_until_all_jobs_finished)
