"""Clusters and the Batch jobs behind them: get and list."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _batch_responses, _naming, _uploads, _workers
from airflow_provider_aztk.client._account import Account, parallel
from airflow_provider_aztk.client.errors import AztkError, ClusterNotFoundError, ServiceError
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_aztk.client.models import Cluster

log = logging.getLogger(__name__)

Json = dict[str, Any]


class ClusterReader:
    """What can be asked about clusters, and about AZTK jobs as far as they are clusters."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def find_job(self, job_id: str) -> Json | None:
        """Get a Batch job, or None where there is none."""
        try:
            return self._account.batch.get_job(job_id)
        except ServiceError as error:
            if error.code == "JobNotFound" or error.status == 404:
                return None
            raise

    def job(self, cluster_id: str) -> Json:
        """Get the Batch job of a cluster or an AZTK job."""
        job = self.find_job(cluster_id)
        if job is None or _naming.MODE not in _naming.from_metadata(job.get("metadata")):
            raise ClusterNotFoundError(f"there is no cluster {cluster_id!r}", id=cluster_id)
        return job

    def get(self, cluster_id: str) -> Cluster:
        """Get a cluster with its pool, its nodes, and where its master is."""
        return self.view(self.job(cluster_id))

    def view(self, job: Json) -> Cluster:
        """Read a cluster from its job: two requests more for pool and nodes, one for the master's place.

        Where workers are missing, one more for their tasks.
        """
        pool = self._pool((job.get("executionInfo") or {}).get("poolId"))
        nodes = self.nodes(pool["id"]) if pool else []
        master = self._account.storage.get(_naming.container_name(job["id"]), contract.MASTER_BLOB)
        return _batch_responses.cluster(
            job, pool, nodes, master, self._master_task(job), self.master_log(job), self._ended_workers(job, master)
        )

    def _ended_workers(self, job: Json, master: bytes | None) -> Sequence[Json]:
        if not _workers.are_missing(master):
            return ()
        try:
            return self._account.batch.list_tasks(job["id"], _batch_responses.TASK_FIELDS, _workers.ENDED_WORKERS)
        except ServiceError as error:
            if error.status == 404:  # the job has gone meanwhile
                return ()
            raise

    def _master_task(self, job: Json) -> Json | None:
        """Get the master's task where its end is why the job has ended: it knows more than the job."""
        if not _batch_responses.may_be_ended_by_master(job):
            return None
        try:
            return self._account.batch.get_task(job["id"], contract.MASTER_TASK_ID)
        except ServiceError as error:
            if error.status == 404:  # the job has gone meanwhile
                return None
            raise

    def master_log(self, job: Json) -> bytes | None:
        """Read what the master said last, where its end is why the job has ended: no request anywhere else.

        None where there is nothing, or it cannot be read: an explanation must not get in the way of what it explains.
        """
        if not _batch_responses.may_be_ended_by_master(job):
            return None
        try:
            return self._account.storage.get(_naming.container_name(job["id"]), contract.MASTER_LOG_BLOB)
        except AztkError as error:
            log.warning("What the master of %s said last cannot be read: %s", job["id"], error)
            return None

    def _pool(self, pool_id: str | None) -> Json | None:
        if not pool_id:
            return None
        try:
            return self._account.batch.get_pool(pool_id)
        except ServiceError as error:
            if error.status == 404:
                return None
            raise

    def nodes(self, pool_id: str) -> Sequence[Json]:
        """List the nodes of a pool, which may go at any moment, as its job does."""
        try:
            return self._account.batch.list_nodes(pool_id)
        except ServiceError as error:
            if error.status == 404:
                return []
            raise

    def configuration(self, cluster_id: str) -> Json:
        """Give the configuration as it was submitted."""
        job = self.job(cluster_id)
        found = self._account.storage.get(_naming.container_name(job["id"]), _uploads.CONFIGURATION_BLOB)
        if found is None:
            raise ClusterNotFoundError(f"the container of cluster {cluster_id!r} is gone", id=cluster_id)
        configuration: Json = json.loads(found)
        return configuration

    def list_all(self) -> list[Cluster]:
        """List all clusters: one request for the jobs and one for the pools."""
        jobs = [job for job in self._account.batch.list_jobs() if _batch_responses.is_mode(job, _naming.MODE_CLUSTER)]
        pools = {pool["id"]: pool for pool in self._account.batch.list_pools()} if jobs else {}
        masters = parallel(
            lambda job: self._account.storage.get(_naming.container_name(job["id"]), contract.MASTER_BLOB), jobs
        )
        return [
            _batch_responses.cluster(job, pools.get((job.get("executionInfo") or {}).get("poolId")), (), master)
            for job, master in zip(jobs, masters, strict=True)
        ]
