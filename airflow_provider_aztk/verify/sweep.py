"""Find what runs have made, and delete it: jobs, pools and containers, by their ids and metadata alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._azure.container_names import container_names
from airflow_provider_aztk.client._azure.storage import DeleteContainer
from airflow_provider_aztk.client._naming import CLUSTER_ID, container_name, from_metadata
from airflow_provider_aztk.verify.account import Account
from airflow_provider_aztk.verify.plan import CONTAINER_PREFIX, PREFIX, begun_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["Things", "delete", "find"]

Json = dict[str, Any]

#: So many looks must have found nothing.
_QUIET_LOOKS = 4


@dataclass(frozen=True)
class Things:
    """What runs have made.

    :param jobs: Batch jobs, each with its id, state and constraints.
    :param pools: Batch pools.
    :param containers: names of containers.
    """

    jobs: tuple[Json, ...] = ()
    pools: tuple[Json, ...] = ()
    containers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.jobs or self.pools or self.containers)

    def names(self) -> list[str]:
        """Return what each is, for people."""
        jobs = [f"job {job['id']} ({job.get('state')})" for job in self.jobs]
        pools = [f"pool {pool['id']} ({pool.get('state')})" for pool in self.pools]
        return [*jobs, *pools, *(f"container {name}" for name in self.containers)]

    def orphans(self) -> list[Json]:
        """Return the pools whose job is gone, and that are not being deleted."""
        jobs = {str(job["id"]).lower() for job in self.jobs}
        alive = (pool for pool in self.pools if pool.get("state") != "deleting")
        return [pool for pool in alive if owner_of(pool).lower() not in jobs]

    def where(self, wanted: Callable[[datetime | None], bool]) -> Things:
        """Return those whose run began at a time that is wanted."""
        return Things(
            tuple(job for job in self.jobs if wanted(begun_at(job["id"]))),
            tuple(pool for pool in self.pools if wanted(begun_at(owner_of(pool)))),
            tuple(name for name in self.containers if wanted(begun_at(name))),
        )


@dataclass
class _Deletion:
    """A deletion that is under way.

    :param ids: of what the run has begun to make, be it there or not.
    """

    account: Account
    run: str
    ids: Iterable[str] = field(default_factory=list)

    def once(self) -> Things:
        """Ask for the deletion of everything that is there, and return what was there."""
        there = find(self.account, self.run)
        for job in there.jobs:
            if job.get("state") != "deleting":
                self._try("DELETE", f"/jobs/{job['id']}")
        for pool in there.orphans():  # the service itself deletes the pool of a job that is being deleted
            self._try("DELETE", f"/pools/{pool['id']}")
        for name in {*there.containers, *map(container_name, self.ids)}:
            with contextlib.suppress(errors.AztkError):
                self.account.run(DeleteContainer(name))
        return there

    def _try(self, method: str, path: str) -> None:
        with contextlib.suppress(errors.AztkError):
            self.account.send(method, path)


def owner_of(pool: Json) -> str:
    """Return the id of the job that a pool was made for."""
    return from_metadata(pool.get("metadata")).get(CLUSTER_ID, "")


def find(account: Account, run: str = PREFIX) -> Things:
    """Find what a run has made, or with the common prefix all runs.

    :raises AztkError: one of the accounts does not answer.
    """
    # Pools first: one that comes between the two lists must not look as if it had no job.
    pools = account.list("/pools", **{"$select": "id,state,creationTime,metadata"})
    jobs = account.list(
        "/jobs", **{"$filter": f"startswith(id,'{run}')", "$select": "id,state,creationTime,constraints"}
    )
    containers = account.run(container_names(CONTAINER_PREFIX))
    return Things(
        tuple(job for job in jobs if str(job["id"]).startswith(run)),
        tuple(pool for pool in pools if owner_of(pool).startswith(run)),
        tuple(name for name in containers if name.startswith(f"aztk-{run}")),
    )


def delete(account: Account, run: str, ids: Iterable[str] = (), *, patience: float, poll_interval: float) -> Things:
    """Delete what a run has made, and wait until it is gone; return what is still there.

    It looks several times: a request that was under way when the run was interrupted may be performed meanwhile, and a
    pool may come after its job has gone.

    :param ids: of what the run has begun to make.
    :param patience: seconds after which to give up.
    """
    deletion = _Deletion(account, run, list(ids))
    end = time.monotonic() + patience
    quiet = 0
    while True:
        try:
            left = deletion.once()
            quiet = 0 if left else quiet + 1
        except errors.AztkError:
            left = Things(jobs=({"id": f"{run}-*", "state": "unknown: no answer"},))
        if quiet >= _QUIET_LOOKS or time.monotonic() > end:
            return left
        time.sleep(poll_interval)
