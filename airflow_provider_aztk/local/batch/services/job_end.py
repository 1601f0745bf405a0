"""How jobs end: by request, by their tasks, by their job manager, by the clock, by deletion."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.times import utcnow
from airflow_provider_aztk.local.batch.store.specs import JobAction, OnAllTasksComplete, OnTaskFailure
from airflow_provider_aztk.local.batch.store.states import JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.batch.services.autopools import AutoPools
    from airflow_provider_aztk.local.batch.services.background import Background
    from airflow_provider_aztk.local.batch.services.exit_conditions import Reaction
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.runner import TaskRunner
    from airflow_provider_aztk.local.batch.services.scheduler import Scheduler
    from airflow_provider_aztk.local.batch.services.tasks import TaskService
    from airflow_provider_aztk.local.batch.store.account import Account
    from airflow_provider_aztk.local.batch.store.records import JobRecord, TaskRecord

__all__ = ["JobEndService"]


class JobEndService:
    """Ends jobs and cleans up after them."""

    #: The composition root sets it: it leads to the service of jobs, which needs this one itself.
    disable: Callable[[JobRecord], None]

    def __init__(
        self,
        account: Account,
        background: Background,
        faults: FaultInjector,
        runner: TaskRunner,
        scheduler: Scheduler,
        tasks: TaskService,
        auto_pools: AutoPools,
    ) -> None:
        self._account = account
        self._background = background
        self._faults = faults
        self._runner = runner
        self._scheduler = scheduler
        self._tasks = tasks
        self._auto_pools = auto_pools
        self._clocks: dict[str, asyncio.TimerHandle] = {}

    def watch(self, job: JobRecord) -> None:
        """Set a new or changed job's clock, and end the job if nothing is left to wait for."""
        self._stop_clock(job)
        if job.scheduling_error is not None:
            self._background.spawn(self._fail(job))
            return
        seconds = job.spec.max_wall_clock
        if seconds is not None:
            left = max(0.0, seconds - (utcnow() - job.created).total_seconds())
            loop = asyncio.get_running_loop()
            self._clocks[job.id.lower()] = loop.call_later(left, self._expire, job)
        self.check(job)

    def check(self, job: JobRecord) -> None:
        """End a job of which every task is complete, if it wants that; a job without tasks counts too."""
        if job.spec.on_all_tasks_complete is OnAllTasksComplete.TERMINATE_JOB and job.counts.completed == len(
            job.tasks
        ):
            self.end(job, "AllTasksComplete")

    def task_completed(self, job: JobRecord, task: TaskRecord, reaction: Reaction) -> None:
        """Do to a job what the end of a task asks for."""
        if not job.is_open:
            return
        if task.spec.kill_job_on_completion:
            self.end(job, "JMComplete")
            return
        if job.spec.on_task_failure is OnTaskFailure.PERFORM_EXIT_OPTIONS:
            if reaction.job_action is JobAction.TERMINATE:
                self.end(job, "TaskFailed")
                return
            if reaction.job_action is JobAction.DISABLE and job.life.can_move(JobState.DISABLING):
                self.disable(job)
        self.check(job)

    def terminate(self, job: JobRecord, reason: str | None) -> None:
        """End a job at a user's request."""
        if job.state is JobState.DELETING:
            raise BatchServiceError("JobBeingDeleted")
        if job.state is JobState.COMPLETED:
            raise BatchServiceError("JobCompleted")
        if job.state is JobState.TERMINATING:
            raise BatchServiceError("JobBeingTerminated")
        self._account.touch(job)
        self.end(job, reason or "UserTerminate")

    def end(self, job: JobRecord, reason: str) -> None:
        """Begin to end a job; nothing happens if it is ending."""
        if not job.is_open:
            return
        job.terminate_reason = reason
        job.life.move(JobState.TERMINATING)
        self._stop_clock(job)
        self._scheduler.forget_job(job)
        self._background.spawn(self._terminate(job))

    def delete(self, job: JobRecord) -> asyncio.Task[None]:
        """Begin to delete a job with everything in it."""
        if job.state is JobState.DELETING:
            raise BatchServiceError("JobBeingDeleted")
        job.life.move(JobState.DELETING)
        self._stop_clock(job)
        self._scheduler.forget_job(job)
        return self._background.spawn(self._delete(job))

    def _expire(self, job: JobRecord) -> None:
        self.end(job, "MaxWallClockTimeExpiry")

    def _stop_clock(self, job: JobRecord) -> None:
        clock = self._clocks.pop(job.id.lower(), None)
        if clock is not None:
            clock.cancel()

    async def _fail(self, job: JobRecord) -> None:
        """Complete a job that got no pool."""
        if job.life.can_move(JobState.COMPLETED):
            job.life.move(JobState.COMPLETED)
            job.ended = job.life.since

    async def _terminate(self, job: JobRecord) -> None:
        await self._runner.end_tasks(job.tasks, "terminate")
        self._auto_pools.drop(job)
        await asyncio.sleep(self._faults.termination_delay)
        if job.state is JobState.TERMINATING:
            job.life.move(JobState.COMPLETED)
            job.ended = job.life.since

    async def _delete(self, job: JobRecord) -> None:
        await asyncio.sleep(self._faults.deletion_delay)
        self._auto_pools.drop(job)
        await self._runner.end_tasks(job.tasks, "delete")
        self._tasks.forget_job(job)
        self._account.jobs.remove(job.id)
