"""Read AZTK jobs and their applications."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_responses, _naming
from airflow_provider_aztk.client._actions.applications import get_task
from airflow_provider_aztk.client._actions.read_cluster import batch_job, master_log
from airflow_provider_aztk.client._azure import batch
from airflow_provider_aztk.client.errors import ApplicationNotFoundError, ClusterNotFoundError, JobNotFoundError

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Action
    from airflow_provider_aztk.client.models import Application, Job

Json = dict[str, Any]


def list_jobs() -> Action[list[Job]]:
    """List all jobs of the account, without their applications."""
    jobs = yield from batch.list_jobs(select=_batch_responses.JOB_FIELDS)
    return [_batch_responses.aztk_job(job, None) for job in jobs if _batch_responses.is_mode(job, _naming.MODE_JOB)]


def get_job(job_id: str) -> Action[Job]:
    """Get a job with its applications and its outcome.

    :raises JobNotFoundError: when there is none of this id.
    """
    return (yield from view_job((yield from batch_job_of(job_id))))


def batch_job_of(job_id: str) -> Action[Json]:
    """Get the Batch job of an AZTK job.

    :raises JobNotFoundError: when there is none of this id.
    """
    try:
        return (yield from batch_job(job_id))
    except ClusterNotFoundError as error:
        raise JobNotFoundError(f"there is no job {job_id!r}", id=job_id) from error


def view_job(job: Json) -> Action[Job]:
    """Read a job from its Batch job: one request for its tasks, and one more where its master has failed."""
    tasks = yield from batch.list_tasks(job["id"])
    return _batch_responses.aztk_job(job, tasks, (yield from master_log(job)))


def list_applications(job_id: str) -> Action[dict[str, Application | None]]:
    """List the applications of a job by name; None for one that has not been scheduled yet.

    :raises JobNotFoundError: when there is no such job.
    """
    return dict((yield from get_job(job_id)).applications)


def list_applicaitons(job_id: str) -> Action[dict[str, Application | None]]:
    """Do as :meth:`list_applications`, under AZTK's misspelt name; deprecated."""
    warnings.warn("list_applicaitons is deprecated: use list_applications", DeprecationWarning, stacklevel=3)
    return list_applications(job_id)


def get_application(job_id: str, application_name: str) -> Action[Application]:
    """Get an application of a job, or of a cluster.

    :raises ApplicationNotFoundError: when it has none of this name.
    :raises JobNotFoundError: when there is no such job or cluster.
    """
    try:
        return (yield from get_task(job_id, application_name))
    except ApplicationNotFoundError:
        yield from batch_job_of(job_id)
        raise
