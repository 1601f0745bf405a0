"""Read clusters, and the Batch jobs behind clusters and AZTK jobs."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aztk.client import _batch_responses, _naming, _uploads, _workers
from airflow_provider_aztk.client._azure import batch, codes
from airflow_provider_aztk.client._azure.storage import GetBlob
from airflow_provider_aztk.client._failures import may_be_ended_by_master, missing_pool
from airflow_provider_aztk.client._requests import Action, Request, ServiceTime, SideBySide
from airflow_provider_aztk.client.errors import AztkError, ClusterNotFoundError, ServiceError
from airflow_provider_aztk.client.models import JobState
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_aztk.client.models import Cluster

log = logging.getLogger(__name__)

Json = dict[str, Any]
R = TypeVar("R")


def get_cluster(cluster_id: str) -> Action[Cluster]:
    """Get a cluster with its pool, nodes and state.

    :raises ClusterNotFoundError: when there is none of this id.
    """
    return (yield from view_cluster((yield from batch_job(cluster_id))))


def list_clusters() -> Action[list[Cluster]]:
    """List all clusters of the account, without their nodes."""
    listed = yield from batch.list_jobs(select=_batch_responses.JOB_FIELDS)
    jobs = [job for job in listed if _batch_responses.is_mode(job, _naming.MODE_CLUSTER)]
    pools = {pool["id"]: pool for pool in (yield from batch.list_pools())} if jobs else {}
    now = yield from ServiceTime()
    masters = yield from SideBySide([_master(job) for job in jobs])
    return [
        _batch_responses.cluster(job, pools.get(pool_id_of(job)), (), master, now=now)
        for job, master in zip(jobs, masters, strict=True)
    ]


def get_configuration(cluster_id: str) -> Action[dict[str, Any]]:
    """Return the configuration that a cluster (or the cluster of a job) was created with.

    It is a plain dict, as of :meth:`ClusterConfiguration.to_dict`: its files are paths on the machine
    that created it, and need not exist here.

    :raises ClusterNotFoundError: when there is none of this id, or its container does not exist any more.
    """
    job = yield from batch_job(cluster_id)
    found = yield from GetBlob(_naming.container_name(job["id"]), _uploads.CONFIGURATION_BLOB)
    if found is None:
        raise ClusterNotFoundError(f"the container of cluster {cluster_id!r} is gone", id=cluster_id)
    configuration: Json = json.loads(found)
    return configuration


# -- Batch jobs


def none_if_missing(action: Action[R] | Request[R]) -> Action[R | None]:
    """Return None where Azure answers that there is no such thing: a job and its pool may go at any moment."""
    try:
        return (yield from action)
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


def find_job(job_id: str) -> Action[Json | None]:
    """Get a Batch job, or None where there is none."""
    return none_if_missing(batch.get_job(job_id))


def batch_job(cluster_id: str) -> Action[Json]:
    """Get the Batch job of a cluster or an AZTK job.

    :raises ClusterNotFoundError: there is none, or it is not AZTK's.
    """
    job = yield from find_job(cluster_id)
    if job is None or not _batch_responses.is_ours(job):
        raise ClusterNotFoundError(f"there is no cluster {cluster_id!r}", id=cluster_id)
    return job


def batch_jobs(ids: Iterable[str]) -> Action[list[Json]]:
    """Get the Batch jobs of clusters and AZTK jobs, those that exist: one request for about ten of them.

    What else the account holds costs nothing. An id that is not listed is asked for by itself: whether the service
    minds its case is not documented, and a wait must not take a job for gone that is there.
    """
    wanted = {id.lower(): id for id in ids}
    jobs = {job["id"].lower(): job for job in (yield from _listed_jobs(wanted.values()))}
    missing = [id for key, id in wanted.items() if key not in jobs]
    others = (yield from SideBySide([find_job(id) for id in missing])) if missing else []
    found = [*(job for key, job in jobs.items() if key in wanted), *others]
    return [job for job in found if job is not None and _batch_responses.is_ours(job)]


def _listed_jobs(ids: Iterable[str]) -> Action[list[Json]]:
    """List jobs by their ids; all jobs of the account, where the service does not take the filter."""
    fields = _batch_responses.JOB_FIELDS
    lists = [batch.list_jobs(select=fields, filter=filter) for filter in batch.id_filters(ids)]
    try:
        return [job for jobs in (yield from SideBySide(lists)) for job in jobs]
    except ServiceError as error:
        if error.code != codes.INVALID_QUERY_VALUE:
            raise
        log.warning("Azure Batch did not take a filter by ids, so all jobs are listed: %s", error)
    return (yield from batch.list_jobs(select=fields))


def batch_tasks(job_id: str, filter: str | None = None) -> Action[list[Json]]:
    """List the tasks of a Batch job, or those that a filter lets through: one request a page."""
    return batch.list_tasks(job_id, _batch_responses.TASK_FIELDS, filter)


# -- from a Batch job to a cluster


def view_cluster(job: Json, tasks: Sequence[Mapping[str, Any]] | None = None) -> Action[Cluster]:
    """Read a cluster from its Batch job: two requests for pool and nodes, one for the address of its master.

    Where workers are missing, one more for their tasks; where the pool is, one more for the job.

    :param tasks: the cluster's tasks, where they are known already: they are not asked for then.
    """
    pool_id = pool_id_of(job)
    pool = (yield from none_if_missing(batch.get_pool(pool_id))) if pool_id else None
    now = yield from ServiceTime()
    if missing_pool(job, now) if pool is None else pool.get("state") == codes.PoolState.DELETING:
        # The job may have ended, and taken its pool with it, since it was read.
        job = (yield from find_job(job["id"])) or {**job, "state": JobState.DELETING.value}
    nodes = (yield from list_nodes(pool["id"])) if pool else []
    master = yield from _master(job)
    task, last_words = (yield from _master_task(job)), (yield from master_log(job))
    if tasks is None:
        tasks = (yield from _ended_workers(job, master)) or ()
    return _batch_responses.cluster(job, pool, nodes, master, task, last_words, tasks, now)


def pool_id_of(job: Mapping[str, Any]) -> str | None:
    """Return the id of a job's pool; None before Batch has made it."""
    found: str | None = (job.get("executionInfo") or {}).get("poolId")
    return found


def list_nodes(pool_id: str) -> Action[list[Json]]:
    """List the nodes of a pool; none where it does not exist any more."""
    return (yield from none_if_missing(batch.list_nodes(pool_id))) or []


def _master(job: Json) -> Action[contract.Master | None]:
    """Get what the master wrote about itself; None while there is no master."""
    blob = contract.ClusterBlobs.MASTER
    data = yield from GetBlob(_naming.container_name(job["id"]), blob)
    return contract.Master.from_bytes(data, blob) if data else None


def _ended_workers(job: Json, master: contract.Master | None) -> Action[list[Json] | None]:
    if not _workers.are_missing(master):
        return None
    return (yield from none_if_missing(batch_tasks(job["id"], _workers.ENDED_WORKERS)))


def _master_task(job: Json) -> Action[Json | None]:
    """Get the master's task where its end is why the job has ended: it knows more than the job."""
    if not may_be_ended_by_master(job):
        return None
    return (yield from none_if_missing(batch.get_task(job["id"], contract.MASTER_TASK_ID)))


def master_log(job: Json) -> Action[bytes | None]:
    """Read the last lines of the master's log, where its end is why the job has ended: no request anywhere else.

    None where there is nothing, or it cannot be read: an explanation must not get in the way of what it explains.
    """
    if not may_be_ended_by_master(job):
        return None
    try:
        return (yield from GetBlob(_naming.container_name(job["id"]), contract.ClusterBlobs.MASTER_LOG))
    except AztkError as error:
        log.warning("The log of the master of %s cannot be read: %s", job["id"], error)
        return None
