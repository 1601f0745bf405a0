"""Find clusters and jobs whose DAG run is over, and pools that outlived their cluster or job, and remove them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_aztk.configuration.limits import MIN_AGE
from airflow_provider_aztk.naming import KEPT
from airflow_provider_aztk.settings import no_deployment_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.client import Client, models

__all__ = ["Owned", "Reaped", "find", "reap"]


@dataclass(frozen=True)
class Owned:
    """A cluster or job with the DAG run that created it, or a pool that outlived one.

    :param kind: ``cluster``, ``job`` or ``pool``.
    :param run_is_over: None for a cluster or job of no run, or of another deployment's; of a pool, whether it is this
        deployment's: no run needs a pool whose cluster or job has ended.
    :param is_kept: whether it is a job that is done and was submitted with ``keep_job=True``.
    :param age: time since its creation, of a pool rather since the end of its job, by the clock of the service; None
        where the service does not report it.
    :param cluster_id: of a pool: its cluster or job.
    """

    id: str
    kind: str
    state: str
    dag_id: str
    run_id: str
    task_id: str
    run_is_over: bool | None
    is_kept: bool
    age: timedelta | None
    cluster_id: str = ""

    def is_removable(self, min_age: timedelta) -> bool:
        """Return whether its DAG run is over, and it is not kept and not younger than ``min_age``."""
        return self.run_is_over is True and not self.is_kept and (self.age is None or self.age >= min_age)


def find(client: Client, deployment: str, run_is_over: Callable[[str, str], bool]) -> Iterator[Owned]:
    """Yield all clusters and jobs of the account, and the pools that outlived one.

    :param client: the client of the account.
    :param deployment: the id of this Airflow deployment; ``run_is_over`` is called for its own runs only.
    :param run_is_over: returns, for a DAG id and a run id, whether the run is over or does not exist any more.
    """
    for kind, resources in (("cluster", client.list_clusters()), ("job", client.list_jobs())):
        now = client.service_time  # the time of the answer that lists them
        for resource in resources:
            yield _owned(kind, resource, deployment, run_is_over, now)
    for pool in client.list_orphaned_pools():
        yield _of_pool(pool, deployment, client.service_time)


@dataclass
class Reaped:
    """The result of :func:`reap`.

    :param removed: what was removed, or would be without ``dry_run``.
    :param failed: what could not be removed, with the errors.
    """

    removed: list[Owned] = field(default_factory=list)
    failed: list[tuple[Owned, Exception]] = field(default_factory=list)


def reap(
    client: Client,
    found: Iterator[Owned],
    *,
    deployment: str,
    dry_run: bool,
    min_age: timedelta = MIN_AGE,
    keep_logs: bool = False,
) -> Reaped:
    """Remove the clusters and jobs whose DAG run is over, and the pools that outlived one.

    An error with one of them does not stop the others.

    :param client: the client of the account.
    :param found: the result of :func:`find`.
    :param deployment: the id of this Airflow deployment.
    :param dry_run: remove nothing; the result holds what would be removed.
    :param min_age: keep those that are younger.
    :param keep_logs: keep the drivers' logs in the storage account.
    :raises ValueError: where the deployment has no id, so that its clusters cannot be told from those of others.
    """
    if not deployment:
        raise ValueError(f"nothing is reaped: {no_deployment_id()}")
    reaped = Reaped()
    for owned in [owned for owned in found if owned.is_removable(min_age)]:
        try:
            if not dry_run:
                _remove(client, owned, keep_logs)
            reaped.removed.append(owned)
        except Exception as error:
            reaped.failed.append((owned, error))
    return reaped


def _remove(client: Client, owned: Owned, keep_logs: bool) -> None:
    if owned.kind == "pool":
        client.delete_orphaned_pools(owned.cluster_id)
    else:
        delete = client.delete_cluster if owned.kind == "cluster" else client.delete_job
        delete(owned.id, keep_logs=keep_logs)


def _of_pool(pool: models.OrphanedPool, deployment: str, now: datetime) -> Owned:
    metadata = pool.metadata
    ours = bool(deployment) and metadata.get("airflow_deployment") == deployment
    return Owned(
        id=pool.id,
        kind="pool",
        state="orphaned",
        dag_id=metadata.get("airflow_dag", ""),
        run_id=metadata.get("airflow_run", ""),
        task_id=metadata.get("airflow_task", ""),
        run_is_over=True if ours else None,
        is_kept=False,
        age=now - pool.since if pool.since else None,
        cluster_id=pool.cluster_id,
    )


def _owned(
    kind: str,
    resource: models.Cluster | models.Job,
    deployment: str,
    run_is_over: Callable[[str, str], bool],
    now: datetime,
) -> Owned:
    metadata = resource.metadata
    dag_id, run_id = metadata.get("airflow_dag", ""), metadata.get("airflow_run", "")
    ours = bool(deployment and dag_id and run_id) and metadata.get("airflow_deployment") == deployment
    return Owned(
        id=resource.id,
        kind=kind,
        state=str(resource.state),
        dag_id=dag_id,
        run_id=run_id,
        task_id=metadata.get("airflow_task", ""),
        run_is_over=run_is_over(dag_id, run_id) if ours else None,
        age=now - resource.creation_time if resource.creation_time else None,
        is_kept=resource.state.is_terminal and KEPT.items() <= dict(metadata).items(),
    )
