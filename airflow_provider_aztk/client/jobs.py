"""AZTK jobs: applications with a cluster of their own, which goes when they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_requests, _batch_responses, _naming
from airflow_provider_aztk.client._account import check_kind
from airflow_provider_aztk.client._waiting import wait_for
from airflow_provider_aztk.client.errors import (
    ApplicationNotFoundError,
    ClusterFailedError,
    ClusterNotFoundError,
    JobNotFoundError,
    ServiceError,
)
from airflow_provider_aztk.client.models import JobConfiguration

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow_provider_aztk.client._account import Account
    from airflow_provider_aztk.client.applications import Applications
    from airflow_provider_aztk.client.clusters import Clusters
    from airflow_provider_aztk.client.models import Application, Job

Json = dict[str, Any]


class Jobs:
    """What can be done with jobs; :class:`~airflow_provider_aztk.client.Client` is its public face."""

    def __init__(self, account: Account, clusters: Clusters, applications: Applications) -> None:
        self._account = account
        self._clusters = clusters
        self._applications = applications

    def submit(self, conf: JobConfiguration) -> Job:
        """Submit a job, or finish a half-submitted one of the same definition.

        When this returns, Azure Batch has all it needs to run the job to its end and to drop its cluster.
        """
        check_kind(conf, JobConfiguration, "job_configuration")
        cluster = conf.cluster()
        container = _batch_requests.container_settings(cluster)

        def application_tasks(url: str) -> list[Json]:
            self._applications.upload(conf.id, conf.applications, url)
            tasks = [_batch_requests.application_task(app, container, url) for app in conf.applications]
            return tasks + _batch_requests.finish_tasks([app.name for app in conf.applications], container, url)

        job, _ = self._clusters.create(cluster, _naming.MODE_JOB, application_tasks, len(conf.applications))
        return _batch_responses.aztk_job(job, None)

    def _job(self, job_id: str) -> Json:
        try:
            return self._clusters.job(job_id)
        except ClusterNotFoundError as error:
            raise JobNotFoundError(f"there is no job {job_id!r}", id=job_id) from error

    def get(self, job_id: str) -> Job:
        """Get a job with its applications: two requests, and one more where its master has failed."""
        return self._view(self._job(job_id))

    def _view(self, job: Json) -> Job:
        return _batch_responses.aztk_job(job, self._account.batch.list_tasks(job["id"]), self._clusters.master_log(job))

    def list_all(self) -> list[Job]:
        """List all jobs, without their applications: one request."""
        jobs = self._account.batch.list_jobs()
        return [_batch_responses.aztk_job(job, None) for job in jobs if _batch_responses.is_mode(job, _naming.MODE_JOB)]

    def application(self, job_id: str, name: str) -> Application:
        """Get one application of a job."""
        try:
            return self._applications.get(job_id, name)
        except ApplicationNotFoundError:
            self._job(job_id)
            raise

    def stop(self, job_id: str) -> bool:
        """End a job, its applications and its cluster; False where it has ended already."""
        job = self._job(job_id)
        if job["state"] in ("completed", "terminating", "deleting"):
            return False
        try:
            self._account.batch.terminate_job(job_id, "Stopped on request")
        except ServiceError as error:
            if error.code not in ("JobTerminating", "JobCompleted", "JobNotFound", "JobBeingDeleted"):
                raise
            return False
        return True

    def wait_finished(
        self, job_id: str, *, timeout: float | timedelta | None = None, poll_interval: float | None = None
    ) -> Job:
        """Wait until a job has ended; raise at once when it can never start."""

        def look() -> Job | None:
            job = self._job(job_id)
            if job["state"] in ("completed", "deleting"):
                return self._view(job)
            if job["state"] == "terminating":
                return None
            cluster = self._clusters.view(job)
            if cluster.failure and cluster.failure.code != "JobEnded":
                text = f"job {job_id!r} cannot run: {cluster.failure}"
                raise ClusterFailedError(text, id=job_id, code=cluster.failure.code, values=cluster.failure.values)
            return None

        return wait_for(look, f"job {job_id!r} finished", timeout=timeout, poll_interval=poll_interval)
