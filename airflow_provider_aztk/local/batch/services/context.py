"""What all services share, and how they find each other."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_aztk.local.batch.common.times import utcnow
from airflow_provider_aztk.local.batch.execution.addresses import AddressPool
from airflow_provider_aztk.local.batch.execution.process import ProcessExecutor
from airflow_provider_aztk.local.batch.execution.simulated import SimulatedExecutor
from airflow_provider_aztk.local.batch.execution.transfer import Transfers
from airflow_provider_aztk.local.batch.services.faults import FaultInjector
from airflow_provider_aztk.local.batch.store.account import Account

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import datetime

    from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings
    from airflow_provider_aztk.local.batch.services.job_end import JobEndService
    from airflow_provider_aztk.local.batch.services.jobs import JobService
    from airflow_provider_aztk.local.batch.services.nodes import NodeService
    from airflow_provider_aztk.local.batch.services.pools import PoolService
    from airflow_provider_aztk.local.batch.services.resize import ResizeService
    from airflow_provider_aztk.local.batch.services.runner import TaskRunner
    from airflow_provider_aztk.local.batch.services.scheduler import Scheduler
    from airflow_provider_aztk.local.batch.services.tasks import TaskService

__all__ = ["Context"]

log = logging.getLogger(__name__)


class _Versioned(Protocol):
    etag: str
    modified: datetime


class Context:
    """The account, its settings, the executors, the ordered trouble, and every service by name."""

    pools: PoolService
    resizes: ResizeService
    nodes: NodeService
    jobs: JobService
    job_ends: JobEndService
    tasks: TaskService
    runner: TaskRunner
    scheduler: Scheduler

    def __init__(self, settings: EmulatorSettings) -> None:
        self.settings = settings
        self.account = Account()
        self.addresses = AddressPool()
        self.processes = ProcessExecutor(settings.marks)
        self.simulations = SimulatedExecutor()
        self.transfers = Transfers()
        self.faults = FaultInjector()
        self.closing = False
        self._background: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work in the background; a fault in it is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._finished)
        return task

    def touch(self, record: _Versioned) -> None:
        """Note that a record was changed by a request: new ETag and time."""
        record.modified = utcnow()
        record.etag = self.account.etags.next(record.modified)

    async def close(self) -> None:
        """Stop all background work."""
        work = list(self._background)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await self.transfers.close()
        self.addresses.close()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background work failed", exc_info=task.exception())
