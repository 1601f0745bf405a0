"""Pools: created, changed, deleted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.batch.common.times import utcnow
from airflow_provider_aztk.local.batch.common.values import Json, check_id, items, members, required
from airflow_provider_aztk.local.batch.services.parse_pools import check_metadata, parse_pool, read_pool
from airflow_provider_aztk.local.batch.services.parse_tasks import check_start_task
from airflow_provider_aztk.local.batch.store.records import PoolRecord
from airflow_provider_aztk.local.batch.store.specs import DeallocationOption
from airflow_provider_aztk.local.batch.store.states import PoolState

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.background import Background
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.nodes import NodeService
    from airflow_provider_aztk.local.batch.services.resize import ResizeService
    from airflow_provider_aztk.local.batch.services.scheduler import Scheduler
    from airflow_provider_aztk.local.batch.store.account import Account
    from airflow_provider_aztk.local.batch.store.specs import PoolSpec

__all__ = ["PoolService"]

_ONLY_WHEN_EMPTY = (
    "displayName",
    "vmSize",
    "enableInterNodeCommunication",
    "virtualMachineConfiguration",
    "taskSlotsPerNode",
    "taskSchedulingPolicy",
    "networkConfiguration",
    "userAccounts",
    "mountConfiguration",
    "upgradePolicy",
)
_REPLACED = ("startTask", "applicationPackageReferences", "metadata")


class PoolService:
    """Makes, changes and removes pools."""

    def __init__(
        self,
        account: Account,
        background: Background,
        faults: FaultInjector,
        resizes: ResizeService,
        nodes: NodeService,
        scheduler: Scheduler,
    ) -> None:
        self._account = account
        self._background = background
        self._faults = faults
        self._resizes = resizes
        self._nodes = nodes
        self._scheduler = scheduler

    def find(self, pool_id: str) -> PoolRecord:
        """Find a pool.

        :raises BatchServiceError: ``PoolNotFound``.
        """
        pool = self._account.pools.get(pool_id)
        if pool is None:
            raise BatchServiceError("PoolNotFound")
        return pool

    def find_open(self, pool_id: str) -> PoolRecord:
        """Find a pool that may be changed.

        :raises BatchServiceError: ``PoolNotFound``, ``PoolBeingDeleted``.
        """
        pool = self.find(pool_id)
        if pool.life.state is PoolState.DELETING:
            raise BatchServiceError("PoolBeingDeleted")
        return pool

    def create(self, body: Json) -> PoolRecord:
        """Make a pool as a request asks for it, and begin to give it nodes."""
        pool_id = check_id(required(body, "id"))
        existing = self._account.pools.get(pool_id)
        if existing is not None:
            raise BatchServiceError("PoolBeingDeleted" if existing.life.state is PoolState.DELETING else "PoolExists")
        _check_packages(body)
        return self.add(pool_id, parse_pool(body))

    def add(self, pool_id: str, spec: PoolSpec) -> PoolRecord:
        """Take in a pool whose specification was checked."""
        now = utcnow()
        pool = PoolRecord(
            id=pool_id,
            spec=spec,
            etag=self._account.etags.next(now),
            created=now,
            modified=now,
            target_dedicated=spec.target_dedicated,
            target_low_priority=spec.target_low_priority,
        )
        self._account.pools.add(pool)
        self._resizes.begin(pool)
        return pool

    def update(self, pool: PoolRecord, body: Json) -> None:
        """Change what a PATCH names; the rest stays."""
        changes = {name: value for name, value in body.items() if value is not None}
        busy = [name for name in _ONLY_WHEN_EMPTY if name in changes]
        if busy and len(pool.nodes):
            raise invalid_property(
                busy[0], changes[busy[0]], "The property can be changed only when the pool is empty."
            )
        _check_packages(changes)
        sizes = {
            "targetDedicatedNodes": pool.target_dedicated,
            "targetLowPriorityNodes": pool.target_low_priority,
            "enableAutoScale": False,
        }
        pool.spec = parse_pool({**pool.spec.echo, **changes, **sizes})
        self._account.touch(pool)

    def replace_properties(self, pool: PoolRecord, body: Json) -> None:
        """Replace start task, packages and metadata; what the body leaves out is dropped."""
        check_metadata(body)
        _check_packages(body)
        kept = {name: value for name, value in pool.spec.echo.items() if name not in _REPLACED}
        if members(body, "startTask"):
            kept["startTask"] = check_start_task(members(body, "startTask"))
        if items(body, "metadata"):
            kept["metadata"] = items(body, "metadata")
        pool.spec = read_pool(kept)
        self._account.touch(pool)

    def delete(self, pool: PoolRecord) -> asyncio.Task[None]:
        """Begin to delete a pool."""
        pool.life.move(PoolState.DELETING)
        self._resizes.cancel(pool)
        return self._background.spawn(self._delete(pool))

    async def _delete(self, pool: PoolRecord) -> None:
        await asyncio.sleep(self._faults.deletion_delay)
        pool.target_dedicated = pool.target_low_priority = 0
        await asyncio.gather(*(self._nodes.leave(pool, node, DeallocationOption.REQUEUE) for node in pool.nodes))
        self._account.pools.remove(pool.id)
        self._scheduler.forget_pool(pool.id)


def _check_packages(body: Json) -> None:
    """Refuse application packages: the account of the local stack has none."""
    packages = [str(required(entry, "applicationId")) for entry in items(body, "applicationPackageReferences")]
    if packages:
        error = BatchServiceError("InvalidApplicationPackageReferences")
        error.values = [(package, "The specified application package does not exist.") for package in packages]
        raise error
