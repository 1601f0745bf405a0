"""Find clusters and jobs whose DAG run is over, and remove them."""

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
    """A cluster or job, and whose it is."""

    id: str
    kind: str  # "cluster" or "job"
    state: str
    created: datetime | None
    dag_id: str
    run_id: str
    task_id: str
    try_number: str
    owner: str
    deployment: str
    run_is_over: bool | None  # None: it has no run, or it is another deployment's
    is_kept: bool = False  # done, without nodes, and its author wants it to stay
    age: timedelta | None = None  # how long it has existed, by the service's clock; None: not told

    def can_go(self, min_age: timedelta = MIN_AGE) -> bool:
        """Tell whether nobody needs it any more."""
        return self.run_is_over is True and not self.is_kept and (self.age is None or self.age >= min_age)


def find(client: Client, deployment: str, run_is_over: Callable[[str, str], bool]) -> Iterator[Owned]:
    """List all clusters and jobs of the account, with their owners.

    :param client: the account.
    :param deployment: this Airflow deployment; only its own runs can be looked up.
    :param run_is_over: tells of a DAG id and a run id whether that run is over, or does not exist any more.
    """
    for kind, things in (("cluster", client.list_clusters()), ("job", client.list_jobs())):
        now = client.service_time  # as of the answer that brought them
        for thing in things:
            yield _owned(kind, thing, deployment, run_is_over, now)


@dataclass
class Reaped:
    """What a reaping came to.

    :param gone: what was, or would be, removed.
    :param failed: what could not be removed, and why.
    """

    gone: list[Owned] = field(default_factory=list)
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
    """Remove what nobody needs any more; where one cannot be removed, the others are.

    :param client: the account.
    :param found: what there is.
    :param deployment: this Airflow deployment.
    :param dry_run: only say what would be removed.
    :param min_age: leave younger ones alone.
    :param keep_logs: keep the drivers' logs in the storage account.
    :raises ValueError: where this deployment has no name, so that nothing tells its clusters from another one's.
    """
    if not deployment:
        raise ValueError(f"nothing is reaped: {no_deployment_id()}")
    reaped = Reaped()
    for owned in [owned for owned in found if owned.can_go(min_age)]:
        try:
            if not dry_run:
                delete = client.delete_cluster if owned.kind == "cluster" else client.delete_job
                delete(owned.id, keep_logs=keep_logs)
            reaped.gone.append(owned)
        except Exception as error:
            reaped.failed.append((owned, error))
    return reaped


def _owned(
    kind: str,
    thing: models.Cluster | models.Job,
    deployment: str,
    run_is_over: Callable[[str, str], bool],
    now: datetime,
) -> Owned:
    metadata = thing.metadata
    dag_id, run_id = metadata.get("airflow_dag", ""), metadata.get("airflow_run", "")
    ours = bool(deployment and dag_id and run_id) and metadata.get("airflow_deployment") == deployment
    return Owned(
        id=thing.id,
        kind=kind,
        state=str(thing.state),
        created=thing.creation_time,
        dag_id=dag_id,
        run_id=run_id,
        task_id=metadata.get("airflow_task", ""),
        try_number=metadata.get("airflow_try", ""),
        owner=metadata.get("airflow_owner", ""),
        deployment=metadata.get("airflow_deployment", ""),
        run_is_over=run_is_over(dag_id, run_id) if ours else None,
        age=now - thing.creation_time if thing.creation_time else None,
        is_kept=thing.state.is_terminal and KEPT.items() <= dict(metadata).items(),
    )
