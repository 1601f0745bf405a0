"""Pools that outlived their cluster or job: Azure Batch keeps some for ever, and they are paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_responses, _naming
from airflow_provider_aztk.client._actions.read_cluster import batch_jobs, find_job
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client.errors import ServiceError
from airflow_provider_aztk.client.models import JobState

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Action
    from airflow_provider_aztk.client.models import OrphanedPool

Json = dict[str, Any]


def list_orphaned_pools() -> Action[list[OrphanedPool]]:
    """List the pools of clusters and jobs that have ended or do not exist any more.

    One request for the pools, one for the jobs of about ten of them, and one for each job that is gone.
    """
    # The pools first: a job is there before its pool.
    pools = [pool for pool in (yield from _living_pools()) if _cluster_of(pool)]
    listed = yield from batch_jobs(sorted({_cluster_of(pool) for pool in pools}))
    jobs = {job["id"].lower(): job for job in listed}
    found = [(pool, jobs.get(_cluster_of(pool).lower())) for pool in pools]
    return [_batch_responses.orphaned_pool(pool, job) for pool, job in found if _has_ended(job)]


def delete_orphaned_pools(cluster_id: str) -> Action[list[str]]:
    """Delete the pools of a cluster or job that has ended or does not exist any more, and return their ids.

    Nothing happens to those of one that is alive: two requests, and one for each pool.
    """
    pools = yield from orphaned_pools_of(cluster_id)
    if not pools or not _has_ended((yield from find_job(cluster_id))):
        return []
    for pool in pools:
        yield from delete_pool(pool)
    return pools


def orphaned_pools_of(cluster_id: str) -> Action[list[str]]:
    """Find the pools of a cluster without a job, by the owner's metadata; not those that are being deleted."""
    pools = yield from _living_pools()
    return [str(pool["id"]) for pool in pools if _cluster_of(pool).lower() == cluster_id.lower()]


def delete_pool(pool_id: str) -> Action[None]:
    """Delete a pool; one that does not exist is no error."""
    try:
        yield from batch.delete_pool(pool_id)
    except ServiceError as error:  # our own request, repeated, or somebody else's
        if error.status != 404 and error.code != codes.POOL_BEING_DELETED:
            raise


def _living_pools() -> Action[list[Json]]:
    pools = yield from batch.list_pools(select=["id", "state", "metadata", "creationTime"])
    return [pool for pool in pools if pool.get("state") != codes.PoolState.DELETING]


def _cluster_of(pool: Json) -> str:
    """Return the id of the cluster or job that a pool was made for; empty where it is none of ours."""
    id = _naming.from_metadata(pool.get("metadata")).get(_naming.CLUSTER_ID, "")
    return id if _naming.is_id(id) else ""


def _has_ended(job: Json | None) -> bool:
    return job is None or job["state"] == JobState.COMPLETED
