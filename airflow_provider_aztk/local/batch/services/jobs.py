"""Jobs: made, changed, held and let go."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property, not_implemented
from airflow_provider_aztk.local.batch.common.times import NO_LIMIT, utcnow
from airflow_provider_aztk.local.batch.common.values import (
    Json,
    check_display_name,
    check_id,
    choice,
    duration,
    integer,
    items,
    members,
    required,
)
from airflow_provider_aztk.local.batch.services.autopools import auto_pool_spec
from airflow_provider_aztk.local.batch.services.specs import check_metadata, task_spec
from airflow_provider_aztk.local.batch.services.tasks import check_container
from airflow_provider_aztk.local.batch.store.records import JobRecord
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

_UPDATABLE = (
    "priority",
    "allowTaskPreemption",
    "maxParallelTasks",
    "constraints",
    "poolInfo",
    "onAllTasksComplete",
    "metadata",
    "networkConfiguration",
)


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
        spec = _job_spec(body)
        now = utcnow()
        job = JobRecord(
            id=job_id,
            spec=spec,
            etag=self._account.etags.next(now),
            number=self._account.next_number(),
            created=now,
            modified=now,
            pool_id=spec["poolInfo"].get("poolId"),
        )
        if job.pool_id and spec.get("jobManagerTask"):
            check_container(spec["jobManagerTask"], self._account.pools.get(job.pool_id))
        self._account.jobs.add(job)
        if "autoPoolSpecification" in spec["poolInfo"]:
            self._auto_pools.make(job, spec["poolInfo"]["autoPoolSpecification"])
        if spec.get("jobManagerTask"):
            job.manager_id = str(spec["jobManagerTask"]["id"])
            self._tasks.add(job, spec["jobManagerTask"], is_manager=True)
        self._job_ends.watch(job)
        return job

    def update(self, job: JobRecord, body: Json, *, replace: bool) -> None:
        """Change a job: what a PATCH names, or (*replace*) everything that can be changed."""
        changes = {name: body[name] for name in _UPDATABLE if body.get(name) is not None}
        if replace:
            required(body, "poolInfo")
        pool_info = changes.pop("poolInfo", None)
        kept = job.spec if not replace else {k: v for k, v in job.spec.items() if k not in _UPDATABLE}
        merged = {**kept, **changes, "poolInfo": {"poolId": "-"}}
        if job.spec["onAllTasksComplete"].lower() == "terminatejob" and "onAllTasksComplete" not in changes:
            merged["onAllTasksComplete"] = job.spec["onAllTasksComplete"]
        spec = _job_spec(merged, checked_manager=True)
        turned_off = spec["onAllTasksComplete"].lower() == "noaction"
        if job.spec["onAllTasksComplete"].lower() == "terminatejob" and turned_off:
            raise invalid_property("onAllTasksComplete", "noaction", "terminatejob cannot be taken back.")
        self._change_pool(job, pool_info)  # after everything else was found good
        job.spec = {**spec, "poolInfo": job.spec["poolInfo"]}
        self._account.touch(job)
        self._job_ends.watch(job)
        self._scheduler.kick(job.pool_id)

    def disable(self, job: JobRecord, body: Json) -> None:
        """Begin to hold a job."""
        option = choice(body, "disableTasks", str(required(body, "disableTasks")), ("requeue", "terminate", "wait"))
        if not job.life.can_move(JobState.DISABLING):
            raise BatchServiceError("JobNotActive")
        self._account.touch(job)
        self.hold(job, option.lower())

    def hold(self, job: JobRecord, option: str = "requeue") -> None:
        """Stop giving out a job's tasks, and deal with those that run."""
        job.life.move(JobState.DISABLING)
        self._background.spawn(self._disable(job, option))

    def enable(self, job: JobRecord) -> None:
        """Begin to let a held job go."""
        if job.state not in (JobState.DISABLED, JobState.DISABLING):
            raise BatchServiceError("JobNotDisabled")
        job.life.move(JobState.ENABLING)
        self._account.touch(job)
        self._background.spawn(self._enable(job))

    async def _disable(self, job: JobRecord, option: str) -> None:
        running = [task for task in job.tasks if task.state is TaskState.RUNNING]
        if option == "wait":
            await self._runner.wait_for_tasks(running)
        else:
            await self._runner.end_tasks(running, "terminate" if option == "terminate" else "requeue")
        if job.state is JobState.DISABLING:
            job.life.move(JobState.DISABLED)

    async def _enable(self, job: JobRecord) -> None:
        if job.state is JobState.ENABLING:
            job.life.move(JobState.ACTIVE)
            self._scheduler.kick(job.pool_id)

    def _change_pool(self, job: JobRecord, info: object) -> None:
        if info is None:
            return
        if not isinstance(info, dict):
            raise invalid_property("poolInfo", info, "An object is expected.")
        if job.auto_pool:
            keep = members(info, "autoPoolSpecification").get("keepAlive")
            if keep is not None:
                job.keep_pool = bool(keep)
                job.spec["poolInfo"]["autoPoolSpecification"]["keepAlive"] = bool(keep)
            return
        pool_id = check_id(required(info, "poolId"), "poolId")
        if pool_id == job.pool_id:
            return
        if job.state is not JobState.DISABLED:
            raise BatchServiceError(
                "JobNotDisabled", Reason="The pool of a job can be changed only while it is disabled."
            )
        self._scheduler.move_job(job, pool_id)
        job.spec["poolInfo"] = {"poolId": pool_id}


def _job_spec(body: Json, *, checked_manager: bool = False) -> Json:
    """Check a job and fill in the defaults."""
    if body.get("jobPreparationTask") or body.get("jobReleaseTask"):
        raise not_implemented("job preparation and release tasks")
    spec = deepcopy(body)
    check_display_name(spec)
    spec["priority"] = integer(body, "priority", 0, -1000, 1000)
    spec["maxParallelTasks"] = integer(body, "maxParallelTasks", -1, -1)
    spec["usesTaskDependencies"] = bool(body.get("usesTaskDependencies", False))
    spec["allowTaskPreemption"] = bool(body.get("allowTaskPreemption", False))
    constraints = members(body, "constraints")
    duration(constraints, "maxWallClockTime")
    spec["constraints"] = {
        "maxWallClockTime": constraints.get("maxWallClockTime") or NO_LIMIT,
        "maxTaskRetryCount": integer(constraints, "maxTaskRetryCount", 0, -1),
    }
    spec["onAllTasksComplete"] = choice(body, "onAllTasksComplete", "noaction", ("noaction", "terminatejob"))
    spec["onTaskFailure"] = choice(body, "onTaskFailure", "noaction", ("noaction", "performexitoptionsjobaction"))
    check_metadata(body)
    for setting in items(body, "commonEnvironmentSettings"):
        required(setting, "name")
    spec["poolInfo"] = _pool_info(body)
    if members(body, "jobManagerTask") and not checked_manager:
        pool = spec["poolInfo"].get("autoPoolSpecification", {}).get("pool")
        spec["jobManagerTask"] = _manager_spec(body["jobManagerTask"], pool)
    return spec


def _pool_info(body: Json) -> Json:
    info = members(body, "poolInfo")
    if not info:
        raise BatchServiceError("MissingRequiredProperty", PropertyName="poolInfo")
    if "poolId" in info:
        if "autoPoolSpecification" in info:
            raise invalid_property(
                "poolInfo", info["poolId"], "Only one of poolId and autoPoolSpecification may be given."
            )
        return {"poolId": check_id(info["poolId"], "poolId")}
    if "autoPoolSpecification" not in info:
        raise BatchServiceError("MissingRequiredProperty", PropertyName="poolId")
    return {"autoPoolSpecification": auto_pool_spec(members(info, "autoPoolSpecification"))}


def _manager_spec(body: Json, pool: Json | None) -> Json:
    check_id(required(body, "id"))
    spec = task_spec(body, max_slots=pool["taskSlotsPerNode"] if pool else None)
    if pool is not None:
        containers = bool(pool["virtualMachineConfiguration"].get("containerConfiguration"))
        if containers is not bool(spec.get("containerSettings")):
            raise invalid_property(
                "containerSettings",
                None,
                "A task has containerSettings exactly when its pool has containerConfiguration.",
            )
    for name in ("killJobOnCompletion", "runExclusive", "allowLowPriorityNode"):
        spec[name] = bool(body.get(name, True))
    return spec
