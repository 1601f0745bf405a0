"""Auto-pools: pools that come and go with their job."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.store.states import PoolState

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.pools import PoolService
    from airflow_provider_aztk.local.batch.store.account import Account
    from airflow_provider_aztk.local.batch.store.records import JobRecord
    from airflow_provider_aztk.local.batch.store.specs import AutoPoolSpec

__all__ = ["AutoPools"]


class AutoPools:
    """Makes the pools of jobs and deletes them."""

    def __init__(self, account: Account, pools: PoolService, faults: FaultInjector) -> None:
        self._account = account
        self._pools = pools
        self._faults = faults

    def make(self, job: JobRecord, spec: AutoPoolSpec) -> None:
        """Make the pool of a new job, or note why it cannot be made."""
        fault = self._faults.for_auto_pool(job.id)
        if fault is not None:
            job.scheduling_error = {"category": fault.category, "code": fault.code, "message": fault.message}
            return
        if self._faults.orders.pool_never_appears(job.id):
            return
        job.pool_id = spec.id_prefix + str(uuid.uuid4()).upper()
        job.auto_pool, job.keep_pool = True, spec.keep_alive
        self._pools.add(job.pool_id, spec.pool)

    def drop(self, job: JobRecord) -> None:
        """Begin to delete the pool of a job that has ended, unless it is to be kept."""
        if not job.auto_pool or job.keep_pool or job.pool_id is None:
            return
        if self._faults.orders.pool_survives(job.id):
            job.keep_pool = True
            return
        pool = self._account.pools.get(job.pool_id)
        if pool is not None and pool.life.state is PoolState.ACTIVE:
            self._pools.delete(pool)
