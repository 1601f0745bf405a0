"""The emulated service put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.execution.process_trees import become_subreaper
from airflow_provider_aztk.local.batch.services.context import Context
from airflow_provider_aztk.local.batch.services.files import FileService
from airflow_provider_aztk.local.batch.services.job_end import JobEndService
from airflow_provider_aztk.local.batch.services.jobs import JobService
from airflow_provider_aztk.local.batch.services.nodes import NodeService
from airflow_provider_aztk.local.batch.services.pools import PoolService
from airflow_provider_aztk.local.batch.services.recorder import Recorder
from airflow_provider_aztk.local.batch.services.resize import ResizeService
from airflow_provider_aztk.local.batch.services.runner import TaskRunner
from airflow_provider_aztk.local.batch.services.scheduler import Scheduler
from airflow_provider_aztk.local.batch.services.tasks import TaskService

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.settings import EmulatorSettings

__all__ = ["Backend"]


class Backend(Context):
    """All services of one emulated Batch account."""

    def __init__(self, settings: EmulatorSettings) -> None:
        super().__init__(settings)
        self.pools = PoolService(self)
        self.resizes = ResizeService(self)
        self.nodes = NodeService(self)
        self.jobs = JobService(self)
        self.job_ends = JobEndService(self)
        self.tasks = TaskService(self)
        self.runner = TaskRunner(self)
        self.scheduler = Scheduler(self)
        self.files = FileService(self)
        self.recorder = Recorder()
        become_subreaper()

    async def close(self) -> None:
        """End every task and all background work; nothing new is started."""
        self.closing = True
        await self.runner.end_all()
        await super().close()
