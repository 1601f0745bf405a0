"""Delete clusters and AZTK jobs; safe to repeat, since what does not exist any more is no error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client import _batch_responses, _log_blobs, _naming
from airflow_provider_aztk.client._actions.orphaned_pools import delete_orphaned_pools, delete_pool, orphaned_pools_of
from airflow_provider_aztk.client._actions.read_cluster import find_job
from airflow_provider_aztk.client._actions.waiting import wait_for
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client._azure.listings import delete_blobs_but
from airflow_provider_aztk.client._azure.storage import DeleteContainer, SetContainerMetadata
from airflow_provider_aztk.client.errors import ClusterNotFoundError, ServiceError
from airflow_provider_aztk.client.models import JobState

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Action


def delete_cluster(cluster_id: str, *, keep_logs: bool = False, wait: bool = False) -> Action[bool]:
    """Delete a cluster: its Batch job, its pool and its container. Idempotent.

    :param keep_logs: keep the drivers' logs, which :meth:`get_application_log` still reads; default false.
    :param wait: wait until Azure Batch has removed the job, and delete a pool that outlived it; default return at once.
    :returns: whether there was anything to delete.
    :raises ClusterNotFoundError: the id is that of a Batch job that is not AZTK's.
    """
    container = _naming.container_name(cluster_id)
    job = yield from find_job(cluster_id)
    found = job is not None and job["state"] != JobState.DELETING
    if job is not None and not _batch_responses.is_ours(job):
        raise ClusterNotFoundError(f"{cluster_id!r} is an Azure Batch job that is not AZTK's", id=cluster_id)
    if found:
        yield from _delete_job(cluster_id)
    pools = (yield from orphaned_pools_of(cluster_id)) if job is None else []
    for pool in pools:
        yield from delete_pool(pool)
    removed = (yield from _strip_container(container)) if keep_logs else (yield from DeleteContainer(container))
    if wait:
        yield from wait_for(lambda: _is_removed(cluster_id), f"deletion of {cluster_id!r}")
        # One that was deleted soon after its creation may leave its pool behind.
        pools += yield from delete_orphaned_pools(cluster_id)
    return found or removed or bool(pools)


def delete_job(job_id: str, *, keep_logs: bool = False, wait: bool = False) -> Action[bool]:
    """Delete an AZTK job and all that it has. Idempotent.

    :param keep_logs: keep the drivers' logs, which :meth:`get_application_log` still reads; default false.
    :param wait: wait until Azure Batch has removed the job; default return at once.
    :returns: whether there was anything to delete.
    """
    return delete_cluster(job_id, keep_logs=keep_logs, wait=wait)


def delete_ended_cluster(cluster_id: str) -> Action[bool]:
    """Make way for a new cluster of the same id: delete a cluster that has ended, and nothing else.

    A cluster that is alive, an AZTK job, a Batch job that is not AZTK's, and a new cluster that somebody else has made
    meanwhile are left alone. The container stays: the next cluster of this id takes it over.

    :returns: whether there was one.
    """
    job = yield from find_job(cluster_id)
    if job is None or job["state"] not in (JobState.COMPLETED, JobState.TERMINATING):
        return False
    if not _batch_responses.is_mode(job, _naming.MODE_CLUSTER):
        return False
    try:
        yield from batch.delete_job(cluster_id, etag=job["eTag"])
    except ServiceError as error:
        if error.status not in (404, 412) and error.code != codes.JOB_BEING_DELETED:
            raise
        return False
    return True


def _is_removed(job_id: str) -> Action[bool | None]:
    return (yield from find_job(job_id)) is None or None


def _delete_job(job_id: str) -> Action[None]:
    try:
        yield from batch.delete_job(job_id)
    except ServiceError as error:
        if error.status != 404 and error.code != codes.JOB_BEING_DELETED:
            raise


def _strip_container(container: str) -> Action[bool]:
    """Delete all but the logs; return whether there was a container."""
    try:
        yield from delete_blobs_but(container, _log_blobs.is_log)
    except ServiceError as error:
        if error.status == 404 or error.code == codes.CONTAINER_BEING_DELETED:
            return False
        raise
    yield from SetContainerMetadata(container, {_naming.KEPT: "logs"})
    return True
