"""AZTK jobs: applications with a cluster of their own, which is deleted when they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_requests, _batch_responses, _naming
from airflow_provider_aztk.client._actions.arguments import check_kind
from airflow_provider_aztk.client._actions.create_cluster import create_batch_job
from airflow_provider_aztk.client._actions.read_job import batch_job_of
from airflow_provider_aztk.client._actions.submit_applications import upload_applications
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client.errors import ServiceError
from airflow_provider_aztk.client.models import JobConfiguration, JobState

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Action
    from airflow_provider_aztk.client.models import Job

Json = dict[str, Any]


def submit_job(job_configuration: JobConfiguration) -> Action[Job]:
    """Submit a job, which brings its own cluster, or finish a half-submitted one of the same definition.

    When this returns, Azure Batch has all it needs to run the job to its end and to delete its cluster.

    :raises JobExistsError: when the id is taken by a job of another definition, by one that has ended or by a cluster.
    """
    conf = job_configuration
    check_kind(conf, JobConfiguration, "job_configuration")
    cluster = conf.cluster()
    container = _batch_requests.container_settings(cluster)

    def application_tasks(url: str) -> Action[list[Json]]:
        yield from upload_applications(conf.id, conf.applications, url)
        tasks = [_batch_requests.application_task(app, container, url) for app in conf.applications]
        return tasks + _batch_requests.finish_tasks([app.name for app in conf.applications], container, url)

    job, _ = yield from create_batch_job(cluster, _naming.MODE_JOB, application_tasks, len(conf.applications))
    return _batch_responses.aztk_job(job, None)


def stop_job(job_id: str) -> Action[bool]:
    """End a job with all its applications, and its cluster; return False where it had ended already.

    :raises JobNotFoundError: when there is none of this id.
    """
    job = yield from batch_job_of(job_id)
    if job["state"] in (JobState.COMPLETED, JobState.TERMINATING, JobState.DELETING):
        return False
    try:
        yield from batch.terminate_job(job_id, "Stopped on request")
    except ServiceError as error:
        if error.code not in codes.JOB_HAS_ENDED:
            raise
        return False
    return True
