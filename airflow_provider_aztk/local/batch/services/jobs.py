"""Jobs: created, changed, disabled and enabled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.times import utcnow
from airflow_provider_aztk.local.batch.common.values import Json, check_id, members, option, required
from airflow_provider_aztk.local.batch.services.parse_jobs import (
    keep_auto_pool,
    on_pool,
    parse_job,
    parse_job_update,
    with_pool_of,
)
from airflow_provider_aztk.local.batch.services.parse_tasks import check_container
from airflow_provider_aztk.local.batch.store.records import JobRecord
from airflow_provider_aztk.local.batch.store.specs import DisableTasks
from airflow_provider_aztk.local.batch.store.states import JobState, TaskState

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.autopools import AutoPools
    from airflow_provider_aztk.local.batch.services.background import Background
    from airflow_provider_aztk.local.batch.services.job_end import JobEndService
    from airflow_provider_aztk.local.batch.services.runner import TaskRunner
    from airflow_provider_aztk.local.batch.services.scheduler import Scheduler
    from airflow_provider_aztk.local.batch.services.tasks import TaskService
    from airflow_provider_aztk.local.batch.store.account import Account

__all__ = ["JobService"]


class JobService:
    """Makes and changes jobs; how they end is the matter of ``job_end``."""

    def __init__(
        self,
        account: Account,
        background: Background,
        runner: TaskRunner,
        scheduler: Scheduler,
        tasks: TaskService,
        job_ends: JobEndService,
        auto_pools: AutoPools,
    ) -> None:
        self._account = account
        self._background = background
        self._runner = runner
        self._scheduler = scheduler
        self._tasks = tasks
        self._job_ends = job_ends
        self._auto_pools = auto_pools

    def find(self, job_id: str) -> JobRecord:
        """Find a job.

        :raises BatchServiceError: ``JobNotFound``.
        """
        job = self._account.jobs.get(job_id)
        if job is None:
            raise BatchServiceError("JobNotFound")
        return job

    def find_open(self, job_id: str) -> JobRecord:
        """Find a job that may be changed.

        :raises BatchServiceError: ``JobNotFound``, ``JobBeingDeleted``, ``JobBeingTerminated``, ``JobCompleted``.
        """
        job = self.find(job_id)
        codes = {
            JobState.DELETING: "JobBeingDeleted",
            JobState.TERMINATING: "JobBeingTerminated",
            JobState.COMPLETED: "JobCompleted",
        }
        if job.state in codes:
            raise BatchServiceError(codes[job.state])
        return job

    def create(self, body: Json) -> JobRecord:
        """Make a job, its auto-pool and its job manager task."""
        job_id = check_id(required(body, "id"))
        existing = self._account.jobs.get(job_id)
        if existing is not None:
            raise BatchServiceError("JobBeingDeleted" if existing.state is JobState.DELETING else "JobExists")
        spec = parse_job(body)
        now = utcnow()
        job = JobRecord(
            id=job_id,
            spec=spec,
            etag=self._account.etags.next(now),
            number=self._account.next_number(),
            created=now,
            modified=now,
            pool_id=spec.pool_id,
        )
        pool = self._account.pools.get(job.pool_id or "")
        if pool is not None and spec.manager is not None:
            check_container(spec.manager.container_image, pool.spec)
        self._account.jobs.add(job)
        if spec.auto_pool is not None:
            self._auto_pools.make(job, spec.auto_pool)
        if spec.manager is not None:
            self._tasks.add(job, spec.manager, is_manager=True)
        self._job_ends.watch(job)
        return job

    def update(self, job: JobRecord, body: Json, *, replace: bool) -> None:
        """Change a job: what a PATCH names, or (*replace*) everything that can be changed."""
        changed = parse_job_update(body, job.spec, replace_all=replace)
        self._change_pool(job, body.get("poolInfo"))  # after everything else was found good
        job.spec = with_pool_of(changed, job.spec)
        self._account.touch(job)
        self._job_ends.watch(job)
        self._scheduler.kick(job.pool_id)

    def disable(self, job: JobRecord, body: Json) -> None:
        """Begin to disable a job."""
        required(body, "disableTasks")
        disable_tasks = option(body, "disableTasks", DisableTasks.REQUEUE)
        if not job.life.can_move(JobState.DISABLING):
            raise BatchServiceError("JobNotActive")
        self._account.touch(job)
        self.hold(job, disable_tasks)

    def hold(self, job: JobRecord, disable_tasks: DisableTasks = DisableTasks.REQUEUE) -> None:
        """Start no more tasks of a job, and end those that run or wait for them."""
        job.life.move(JobState.DISABLING)
        self._background.spawn(self._disable(job, disable_tasks))

    def enable(self, job: JobRecord) -> None:
        """Begin to enable a job."""
        if job.state not in (JobState.DISABLED, JobState.DISABLING):
            raise BatchServiceError("JobNotDisabled")
        job.life.move(JobState.ENABLING)
        self._account.touch(job)
        self._background.spawn(self._enable(job))

    async def _disable(self, job: JobRecord, disable_tasks: DisableTasks) -> None:
        running = [task for task in job.tasks if task.state is TaskState.RUNNING]
        if disable_tasks is DisableTasks.WAIT:
            await self._runner.wait_for_tasks(running)
        else:
            await self._runner.end_tasks(running, "terminate" if disable_tasks is DisableTasks.TERMINATE else "requeue")
        if job.state is JobState.DISABLING:
            job.life.move(JobState.DISABLED)

    async def _enable(self, job: JobRecord) -> None:
        if job.state is JobState.ENABLING:
            job.life.move(JobState.ACTIVE)
            self._scheduler.kick(job.pool_id)

    def _change_pool(self, job: JobRecord, info: Json | None) -> None:
        if info is None:
            return
        if job.auto_pool:
            keep = members(info, "autoPoolSpecification").get("keepAlive")
            if keep is not None:
                job.keep_pool = bool(keep)
                job.spec = keep_auto_pool(job.spec, keep=bool(keep))
            return
        pool_id = check_id(required(info, "poolId"), "poolId")
        if pool_id == job.pool_id:
            return
        if job.state is not JobState.DISABLED:
            raise BatchServiceError(
                "JobNotDisabled", Reason="The pool of a job can be changed only while it is disabled."
            )
        self._scheduler.move_job(job, pool_id)
        job.spec = on_pool(job.spec, pool_id)
