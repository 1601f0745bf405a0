"""Auto-pools: pools that come and go with their job."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property, not_implemented
from airflow_provider_aztk.local.batch.common.values import Json, choice, members, required
from airflow_provider_aztk.local.batch.services.specs import pool_spec
from airflow_provider_aztk.local.batch.store.states import PoolState

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.pools import PoolService
    from airflow_provider_aztk.local.batch.store.account import Account
    from airflow_provider_aztk.local.batch.store.records import JobRecord

__all__ = ["AutoPools", "auto_pool_spec"]

_MAX_PREFIX = 20


def auto_pool_spec(body: Json) -> Json:
    """Check an auto-pool specification and fill in the defaults."""
    lifetime = choice(body, "poolLifetimeOption", str(required(body, "poolLifetimeOption")), ("jobschedule", "job"))
    if lifetime.lower() == "jobschedule":
        raise not_implemented("job schedules")
    prefix = str(body.get("autoPoolIdPrefix") or "")
    if len(prefix) > _MAX_PREFIX:
        raise invalid_property("autoPoolIdPrefix", prefix, f"The prefix may have at most {_MAX_PREFIX} characters.")
    pool = members(body, "pool")
    if not pool:
        raise BatchServiceError("MissingRequiredProperty", PropertyName="pool")
    return {**body, "keepAlive": bool(body.get("keepAlive", False)), "pool": pool_spec(pool)}


class AutoPools:
    """Makes the pools of jobs and deletes them."""

    def __init__(self, account: Account, pools: PoolService, faults: FaultInjector) -> None:
        self._account = account
        self._pools = pools
        self._faults = faults

    def make(self, job: JobRecord, spec: Json) -> None:
        """Make the pool of a new job, or note why it cannot be made."""
        fault = self._faults.for_auto_pool(job.id)
        if fault is not None:
            job.scheduling_error = {"category": fault.category, "code": fault.code, "message": fault.message}
            return
        job.pool_id = f"{spec.get('autoPoolIdPrefix') or ''}{str(uuid.uuid4()).upper()}"
        job.auto_pool, job.keep_pool = True, bool(spec["keepAlive"])
        self._pools.add(job.pool_id, spec["pool"], auto=True)

    def drop(self, job: JobRecord) -> None:
        """Begin to delete the pool of a job that has ended, unless it is to be kept."""
        if not job.auto_pool or job.keep_pool or job.pool_id is None:
            return
        pool = self._account.pools.get(job.pool_id)
        if pool is not None and pool.life.state is PoolState.ACTIVE:
            self._pools.delete(pool)
