"""The synchronous client, under the seed's names."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_aztk.client import _batch_responses, _logs
from airflow_provider_aztk.client._account import Account, parallel
from airflow_provider_aztk.client.applications import Applications
from airflow_provider_aztk.client.clusters import Clusters
from airflow_provider_aztk.client.jobs import Jobs
from airflow_provider_aztk.client.users import Users

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from airflow_provider_aztk.client.models import (
        Application,
        ApplicationConfiguration,
        ApplicationLog,
        Cluster,
        ClusterConfiguration,
        Job,
        JobConfiguration,
        LogChunk,
        RemoteLogin,
        SecretsConfiguration,
    )

__all__ = ["Client"]


class Client:
    """Spark clusters, applications and jobs on Azure Batch.

    Safe to repeat: every method that changes something may be called again with the same arguments after a crash.
    Every method raises the errors of :mod:`airflow_provider_aztk.client.errors`:
    :class:`~airflow_provider_aztk.client.errors.AuthenticationError` where a credential is refused,
    :class:`~airflow_provider_aztk.client.errors.ServiceError` for what Azure answers otherwise. Waits take a
    ``timeout`` in seconds or as a timedelta (default: none), and raise
    :class:`~airflow_provider_aztk.client.errors.WaitTimeoutError`; ``poll_interval`` is the longest pause between
    two looks in seconds (default 10).

    :param secrets: the credentials; no request is made before the first call.
    """

    def __init__(self, secrets: SecretsConfiguration) -> None:
        self.secrets = secrets
        self._account = Account(secrets)
        self._clusters = Clusters(self._account)
        self._applications = Applications(self._account, self._clusters)
        self._jobs = Jobs(self._account, self._clusters, self._applications)
        self._users = Users(self._account, self._clusters)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._account.close()

    def test_connection(self) -> None:
        """Ask Batch and then Storage for one thing each.

        :raises AuthenticationError: names the service that refused the credential.
        :raises ConnectionFailedError: names the service that did not answer.
        """
        self._account.batch.first_job()
        self._account.storage.first_container()

    # -- clusters

    def create_cluster(
        self,
        cluster_conf: ClusterConfiguration,
        wait: bool = False,
        *,
        timeout: float | timedelta | None = None,
        poll_interval: float | None = None,
    ) -> Cluster:
        """Create a cluster; one of the same definition that was half made is finished.

        :param cluster_conf: what to create.
        :param wait: wait until it is ready; default return at once.
        :raises ClusterExistsError: when the id is taken by a cluster of another definition, or by one that has ended.
        :raises InvalidConfigurationError: when it contradicts the way of signing in; nothing was created.
        :raises ClusterFailedError: with ``wait``, as soon as it cannot become ready.
        """
        job, existed = self._clusters.create(cluster_conf)
        if wait:
            return self.wait_until_cluster_is_ready(
                cluster_conf.cluster_id, timeout=timeout, poll_interval=poll_interval
            )
        return self._clusters.view(job) if existed else _batch_responses.cluster(job, None, (), None)

    @property
    def service_time(self) -> datetime:
        """The time by the clock of Azure, as its last answer told it; this machine's, before the first."""
        return self._account.clock.now()

    def create_clusters_in_parallel(self, cluster_confs: Sequence[ClusterConfiguration]) -> list[Cluster]:
        """Create several clusters side by side.

        :param cluster_confs: what to create; their ids must differ by more than their case.
        """
        return parallel(self.create_cluster, cluster_confs)

    def get_cluster(self, cluster_id: str) -> Cluster:
        """Get a cluster with its pool, nodes and state.

        :raises ClusterNotFoundError: when there is none of this id.
        """
        return self._clusters.get(cluster_id)

    def get_configuration(self, cluster_id: str) -> dict[str, Any]:
        """Give the configuration that a cluster (or the cluster of a job) was created with.

        It is a plain dict, as of :meth:`ClusterConfiguration.to_dict`: its files are paths on the machine of whoever
        created it, and need not exist here.
        """
        return self._clusters.configuration(cluster_id)

    def list_clusters(self) -> list[Cluster]:
        """List all clusters of the account, without their nodes."""
        return self._clusters.list_all()

    def delete_cluster(self, cluster_id: str, *, keep_logs: bool = False, wait: bool = False) -> bool:
        """Delete a cluster: its Batch job, its pool and its container; what is gone or going is fine.

        :param keep_logs: keep the drivers' logs, which :meth:`get_application_log` still reads; default false.
        :param wait: wait until Azure Batch has removed the job; default return at once.
        :returns: whether there was anything to delete.
        """
        return self._clusters.delete(cluster_id, keep_logs=keep_logs, wait=wait)

    def delete_ended_cluster(self, cluster_id: str) -> bool:
        """Make way for a new cluster of the same id: delete a cluster that has ended, and nothing else.

        A cluster that is alive, an AZTK job, a Batch job that is not AZTK's, and a new cluster that somebody else has
        made meanwhile are left alone.

        :returns: whether there was one.
        """
        return self._clusters.delete_ended(cluster_id)

    def wait_until_cluster_is_ready(
        self, cluster_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
    ) -> Cluster:
        """Wait until a cluster's Spark master takes applications.

        :raises ClusterFailedError: at once when it cannot come: quota, allocation, image, an ended job.
        """
        return self._clusters.wait_ready(cluster_id, timeout=timeout, poll_interval=poll_interval)

    def wait_until_all_clusters_are_ready(
        self, clusters: Sequence[str], *, timeout: float | timedelta | None = None, poll_interval: float | None = None
    ) -> None:
        """Wait until all of these clusters are ready.

        :param clusters: their ids.
        :raises ClusterFailedError: for one that cannot become ready, when the others have been waited for.
        """
        parallel(lambda id: self._clusters.wait_ready(id, timeout=timeout, poll_interval=poll_interval), clusters)

    def create_user(
        self,
        cluster_id: str,
        username: str,
        password: str | None = None,
        ssh_key: str | None = None,
        *,
        expiry: timedelta | None = None,
    ) -> None:
        """Create an administrator on every node of a cluster.

        :param username: at most 20 letters, digits, ``-`` and ``_``.
        :param password: the password, or
        :param ssh_key: the public key; exactly one of the two, default the secrets' ``ssh_pub_key``.
        :param expiry: how long the user exists; default one day, Azure Batch's own.
        """
        self._users.create(cluster_id, username, password, ssh_key, expiry)

    def get_remote_login_settings(self, cluster_id: str, node_id: str) -> RemoteLogin:
        """Say where to reach a node with SSH; the cluster must have been created with ``ssh_allowed_sources``."""
        return self._users.remote_login(cluster_id, node_id)

    # -- applications on a cluster

    def submit(
        self,
        cluster_id: str,
        application: ApplicationConfiguration,
        *,
        wait: bool = False,
        timeout: float | timedelta | None = None,
        poll_interval: float | None = None,
    ) -> None:
        """Submit an application to a cluster; it starts when the cluster is ready.

        :param wait: wait until it has ended, well or not; default return at once.
        :raises ClusterNotFoundError: when there is no such cluster.
        :raises ClusterFailedError: when the cluster has failed or ended.
        :raises ApplicationExistsError: when the name is taken by an application of another definition.
        """
        self._applications.submit(cluster_id, [application])
        if wait:
            self.wait_until_application_done(cluster_id, application.name, timeout=timeout, poll_interval=poll_interval)

    def submit_all_applications(self, cluster_id: str, applications: Sequence[ApplicationConfiguration]) -> None:
        """Submit several applications, a hundred in a request; errors as :meth:`submit`."""
        self._applications.submit(cluster_id, applications)

    def get_application_status(self, cluster_id: str, app_name: str) -> str:
        """Give the state of an application: ``active``, ``preparing``, ``running`` or ``completed``."""
        return self._applications.get(cluster_id, app_name).state.value

    def list_cluster_applications(self, cluster_id: str) -> list[Application]:
        """List the applications of a cluster."""
        return self._applications.list_all(cluster_id)

    def stop_application(self, cluster_id: str, application_name: str) -> bool:
        """Stop an application; False where it had ended already."""
        return self._applications.stop(cluster_id, application_name)

    def is_application_stopping(self, cluster_id: str, application_name: str) -> bool:
        """Tell whether an application was asked to stop, done or not."""
        return self._applications.is_stopping(cluster_id, application_name)

    def wait_until_application_done(
        self,
        cluster_id: str,
        task_id: str,
        *,
        timeout: float | timedelta | None = None,
        poll_interval: float | None = None,
    ) -> Application:
        """Wait until an application has ended, well or not: see its ``outcome``.

        :param task_id: the application's name.
        :raises ClusterFailedError: at once when the cluster cannot run it any more.
        """
        return self._applications.wait_done(cluster_id, task_id, timeout=timeout, poll_interval=poll_interval)

    def wait_until_applications_done(
        self, cluster_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
    ) -> list[Application]:
        """Wait until all applications of a cluster have ended, well or not."""
        return self._applications.wait_all_done(cluster_id, timeout=timeout, poll_interval=poll_interval)

    def get_application_log(
        self, cluster_id: str, application_name: str, tail: bool = False, current_bytes: int = 0
    ) -> ApplicationLog:
        """Get a driver's log: while it runs, afterwards, and after ``delete_cluster(keep_logs=True)``.

        :param tail: only what is new behind ``current_bytes``, at most 4 MiB: one request.
        :param current_bytes: how many bytes are known already, ``total_bytes`` of the last call.
        """
        return self._applications.log(cluster_id, application_name, tail=tail, current_bytes=current_bytes)

    def read_log(
        self, cluster_id: str, application_name: str, offset: int = 0, max_bytes: int = _logs.MAX_READ
    ) -> LogChunk:
        """Read bytes of a driver's log as they were written: one request of at most 4 MiB."""
        return self._applications.read_log(cluster_id, application_name, offset, max_bytes)

    def stream_application_log(self, cluster_id: str, application_name: str, offset: int = 0) -> Iterator[bytes]:
        """Read a driver's log from an offset to its present end, in constant memory."""
        return self._applications.stream_log(cluster_id, application_name, offset)

    # -- jobs

    def submit_job(self, job_configuration: JobConfiguration) -> Job:
        """Submit a job, which brings its own cluster and takes it away when its applications have ended.

        :raises JobExistsError: when the id is taken by a job of another definition, by one that has ended or by a
            cluster.
        """
        return self._jobs.submit(job_configuration)

    def list_jobs(self) -> list[Job]:
        """List all jobs of the account, without their applications."""
        return self._jobs.list_all()

    def get_job(self, job_id: str) -> Job:
        """Get a job with its applications and its outcome.

        :raises JobNotFoundError: when there is none of this id.
        """
        return self._jobs.get(job_id)

    def list_applications(self, job_id: str) -> dict[str, Application | None]:
        """List the applications of a job by name; None for one that has not been scheduled yet."""
        return dict(self._jobs.get(job_id).applications)

    def list_applicaitons(self, job_id: str) -> dict[str, Application | None]:
        """Do as :meth:`list_applications`, under the seed's misspelt name."""
        warnings.warn("list_applicaitons is deprecated: use list_applications", DeprecationWarning, stacklevel=2)
        return self.list_applications(job_id)

    def get_application(self, job_id: str, application_name: str) -> Application:
        """Get an application of a job, or of a cluster.

        :raises ApplicationNotFoundError: when it has none of this name.
        """
        return self._jobs.application(job_id, application_name)

    def get_job_application_log(self, job_id: str, application_name: str) -> ApplicationLog:
        """Get the log of a job's application."""
        return self._applications.log(job_id, application_name)

    def stop_job(self, job_id: str) -> bool:
        """End a job with all its applications, and its cluster; False where it had ended already."""
        return self._jobs.stop(job_id)

    def stop_job_app(self, job_id: str, application_name: str) -> bool:
        """Stop one application of a job; False where it had ended already."""
        return self._applications.stop(job_id, application_name)

    def delete_job(self, job_id: str, *, keep_logs: bool = False, wait: bool = False) -> bool:
        """Delete a job and all that it has; what is gone or going is fine.

        :returns: whether there was anything to delete.
        """
        return self._clusters.delete(job_id, keep_logs=keep_logs, wait=wait)

    def wait_until_job_finished(
        self, job_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
    ) -> Job:
        """Wait until a job has ended, well or not: see its ``outcome``.

        :raises ClusterFailedError: at once when its cluster cannot come.
        """
        return self._jobs.wait_finished(job_id, timeout=timeout, poll_interval=poll_interval)

    def wait_until_all_jobs_finished(
        self, jobs: Sequence[str], *, timeout: float | timedelta | None = None, poll_interval: float | None = None
    ) -> list[Job]:
        """Wait until all of these jobs have ended, well or not."""
        return parallel(lambda id: self._jobs.wait_finished(id, timeout=timeout, poll_interval=poll_interval), jobs)
