"""Applications: get, list and stop them; the same on a long-lived cluster and in an AZTK job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client import _batch_responses, _naming
from airflow_provider_aztk.client._actions.read_cluster import batch_job, find_job
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client._azure.put_blob import put_blob
from airflow_provider_aztk.client._azure.storage import BlobExists
from airflow_provider_aztk.client.errors import ApplicationNotFoundError, ServiceError
from airflow_provider_aztk.client.models import ApplicationState
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Action, Request
    from airflow_provider_aztk.client.models import Application


def get_task(cluster_id: str, name: str) -> Action[Application]:
    """Get an application of a cluster or job: one request.

    :raises ApplicationNotFoundError: there is none of this name, or no such cluster or job.
    """
    missing = ApplicationNotFoundError(f"there is no application {name!r} on {cluster_id!r}", id=name)
    if not _batch_responses.is_application(str(name)):
        raise missing
    try:
        return _batch_responses.application((yield from batch.get_task(cluster_id, name)))
    except ServiceError as error:
        if error.status != 404:
            raise
        raise missing from error


def get_application_status(cluster_id: str, app_name: str) -> Action[str]:
    """Return the state of an application: ``active``, ``preparing``, ``running`` or ``completed``.

    :raises ApplicationNotFoundError: when there is none of this name.
    """
    return (yield from get_task(cluster_id, app_name)).state.value


def list_cluster_applications(cluster_id: str) -> Action[list[Application]]:
    """List the applications of a cluster.

    :raises ClusterNotFoundError: when there is no such cluster.
    """
    job = yield from batch_job(cluster_id)
    tasks = yield from batch.list_tasks(job["id"])
    return [_batch_responses.application(task) for task in tasks if _batch_responses.is_application(task["id"])]


def stop_application(cluster_id: str, application_name: str) -> Action[bool]:
    """Stop an application; return False where it had ended already.

    A driver obeys a marker in the container, flushes its log and ends. One that has not started is ended by Azure
    Batch, but not in an AZTK job: there its driver ends as soon as it starts, since no reference says whether the end
    of the job, which depends on all applications, would still come after a task that was terminated.

    :raises ApplicationNotFoundError: when there is none of this name.
    """
    application = yield from get_task(cluster_id, application_name)
    if application.state.is_terminal:
        return False
    yield from put_blob(_naming.container_name(cluster_id), contract.ApplicationBlobs(application.name).stop, b"stop")
    if application.state is not ApplicationState.RUNNING and not (yield from _is_in_job(cluster_id)):
        try:
            yield from batch.terminate_task(cluster_id, application_name)
        except ServiceError as error:
            if error.code not in (codes.TASK_COMPLETED, codes.TASK_NOT_FOUND, *codes.JOB_HAS_ENDED):
                raise
    return True


def _is_in_job(cluster_id: str) -> Action[bool]:
    job = yield from find_job(cluster_id)
    return job is not None and _batch_responses.is_mode(job, _naming.MODE_JOB)


def stop_job_app(job_id: str, application_name: str) -> Action[bool]:
    """Stop one application of an AZTK job; return False where it had ended already.

    :raises ApplicationNotFoundError: when there is none of this name.
    """
    return stop_application(job_id, application_name)


def is_application_stopping(cluster_id: str, application_name: str) -> Request[bool]:
    """Return whether an application was asked to stop, done or not."""
    return BlobExists(_naming.container_name(cluster_id), contract.ApplicationBlobs(application_name).stop)
