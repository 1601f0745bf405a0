"""How jobs end: by request, by their tasks, by their job manager, by the clock, by deletion."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.times import utcnow
from airflow_provider_aztk.local.batch.common.values import duration
from airflow_provider_aztk.local.batch.services.autopools import drop_pool
from airflow_provider_aztk.local.batch.store.states import JobState

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.context import Context
    from airflow_provider_aztk.local.batch.services.exit_conditions import Reaction
    from airflow_provider_aztk.local.batch.store.records import JobRecord, TaskRecord

__all__ = ["JobEndService"]


class JobEndService:
    """Ends jobs and cleans up after them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._clocks: dict[str, asyncio.TimerHandle] = {}

    def watch(self, job: JobRecord) -> None:
        """Set a new or changed job's clock, and end the job if nothing is left to wait for."""
        self._stop_clock(job)
        if job.scheduling_error is not None:
            self._context.spawn(self._fail(job))
            return
        seconds = duration(job.spec["constraints"], "maxWallClockTime")
        if seconds is not None:
            left = max(0.0, seconds - (utcnow() - job.created).total_seconds())
            loop = asyncio.get_running_loop()
            self._clocks[job.id.lower()] = loop.call_later(left, self._expire, job)
        self.check(job)

    def check(self, job: JobRecord) -> None:
        """End a job of which every task is complete, if it wants that; a job without tasks counts too."""
        if job.spec["onAllTasksComplete"].lower() == "terminatejob" and job.counts.completed == len(job.tasks):
            self.end(job, "AllTasksComplete")

    def task_completed(self, job: JobRecord, task: TaskRecord, reaction: Reaction) -> None:
        """Do to a job what the end of a task asks for."""
        if not job.is_open:
            return
        if task.is_manager and task.spec["killJobOnCompletion"]:
            self.end(job, "JMComplete")
            return
        if job.spec["onTaskFailure"].lower() == "performexitoptionsjobaction":
            if reaction.job_action == "terminate":
                self.end(job, "TaskFailed")
                return
            if reaction.job_action == "disable" and job.life.can_move(JobState.DISABLING):
                self._context.jobs.hold(job, "requeue")
        self.check(job)

    def terminate(self, job: JobRecord, reason: str | None) -> None:
        """End a job at a user's request."""
        if job.state is JobState.DELETING:
            raise BatchServiceError("JobBeingDeleted")
        if job.state is JobState.COMPLETED:
            raise BatchServiceError("JobCompleted")
        if job.state is JobState.TERMINATING:
            raise BatchServiceError("JobBeingTerminated")
        self._context.touch(job)
        self.end(job, reason or "UserTerminate")

    def end(self, job: JobRecord, reason: str) -> None:
        """Begin to end a job; nothing happens if it is ending."""
        if not job.is_open:
            return
        job.terminate_reason = reason
        job.life.move(JobState.TERMINATING)
        self._stop_clock(job)
        self._context.scheduler.forget_job(job)
        self._context.spawn(self._terminate(job))

    def delete(self, job: JobRecord) -> asyncio.Task[None]:
        """Begin to delete a job with everything in it."""
        if job.state is JobState.DELETING:
            raise BatchServiceError("JobBeingDeleted")
        job.life.move(JobState.DELETING)
        self._stop_clock(job)
        self._context.scheduler.forget_job(job)
        return self._context.spawn(self._delete(job))

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
        await self._context.runner.end_tasks(job.tasks, "terminate")
        drop_pool(self._context, job)
        if job.state is JobState.TERMINATING:
            job.life.move(JobState.COMPLETED)
            job.ended = job.life.since

    async def _delete(self, job: JobRecord) -> None:
        await asyncio.sleep(self._context.faults.deletion_delay)
        drop_pool(self._context, job)
        await self._context.runner.end_tasks(job.tasks, "delete")
        self._context.tasks.forget_job(job)
        self._context.account.jobs.remove(job.id)
