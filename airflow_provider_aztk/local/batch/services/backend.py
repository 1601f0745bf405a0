"""The composition root: builds every service of one emulated Batch account and connects them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.execution.addresses import AddressPool
from airflow_provider_aztk.local.batch.execution.process import ProcessExecutor
from airflow_provider_aztk.local.batch.execution.process_trees import become_subreaper
from airflow_provider_aztk.local.batch.execution.simulated import SimulatedExecutor
from airflow_provider_aztk.local.batch.execution.transfer import Transfers
from airflow_provider_aztk.local.batch.services.autopools import AutoPools
from airflow_provider_aztk.local.batch.services.background import Background
from airflow_provider_aztk.local.batch.services.executors import Executors
from airflow_provider_aztk.local.batch.services.faults import FaultInjector
from airflow_provider_aztk.local.batch.services.files import FileService
from airflow_provider_aztk.local.batch.services.job_end import JobEndService
from airflow_provider_aztk.local.batch.services.jobs import JobService
from airflow_provider_aztk.local.batch.services.nodes import NodeService
from airflow_provider_aztk.local.batch.services.pools import PoolService
from airflow_provider_aztk.local.batch.services.recorded import apply_recorded
from airflow_provider_aztk.local.batch.services.recorder import Recorder
from airflow_provider_aztk.local.batch.services.resize import ResizeService
from airflow_provider_aztk.local.batch.services.runner import TaskRunner
from airflow_provider_aztk.local.batch.services.scheduler import Scheduler
from airflow_provider_aztk.local.batch.services.tasks import TaskService
from airflow_provider_aztk.local.batch.store.account import Account

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings

__all__ = ["Backend"]


class Backend:
    """All services of one emulated Batch account."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self.settings = settings
        self.account = Account()
        self.faults = FaultInjector(partial(apply_recorded, settings.recording.answers))
        self.recorder = Recorder()
        self.files = FileService(settings.data_dir)
        self.processes = ProcessExecutor(settings.marks)
        self._addresses = AddressPool()
        self._transfers = Transfers(settings.ca_file, lambda: self.faults.orders.directory_stubs)
        self._background = Background()
        self._build()
        self._connect()
        become_subreaper()

    def _build(self) -> None:
        """Build the services, each after those that it needs."""
        account, background, faults = self.account, self._background, self.faults
        executors = Executors(
            settings=self.settings,
            faults=faults,
            processes=self.processes,
            simulations=SimulatedExecutor(),
            transfers=self._transfers,
        )
        self._runner = TaskRunner(executors, background)
        self._scheduler = Scheduler(account, faults, self._runner)
        self.nodes = NodeService(account, background, self._addresses, executors, self._runner, self._scheduler)
        self.resizes = ResizeService(account, background, faults, self._runner, self.nodes)
        self.pools = PoolService(account, background, faults, self.resizes, self.nodes, self._scheduler)
        auto_pools = AutoPools(account, self.pools, faults)
        self.tasks = TaskService(account, faults, self._runner, self._scheduler)
        self.job_ends = JobEndService(
            account, background, faults, self._runner, self._scheduler, self.tasks, auto_pools
        )
        self.jobs = JobService(
            account, background, self._runner, self._scheduler, self.tasks, self.job_ends, auto_pools
        )

    def _connect(self) -> None:
        """Set the callbacks that lead back to services which were built later."""
        self._runner.complete = self.tasks.complete
        self._runner.forget_run = self.tasks.forget_run
        self._runner.ready = self._scheduler.ready
        self._runner.kick = self._scheduler.kick
        self._runner.disk_is_full = self.nodes.fill_disk
        self.tasks.on_completed = self.job_ends.task_completed
        self.tasks.on_deleted = self.job_ends.check
        self.job_ends.disable = self.jobs.hold
        self.nodes.replace_lost = self.resizes.replace_lost

    async def close(self) -> None:
        """End every task and all background work; nothing new is started."""
        self._scheduler.close()
        await self._runner.end_all()
        await self._background.close()
        await self._transfers.close()
        self._addresses.close()
