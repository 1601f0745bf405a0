"""Tasks: added, changed, ended, deleted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.times import utcnow
from airflow_provider_aztk.local.batch.common.values import Json, check_id, members, required
from airflow_provider_aztk.local.batch.execution.layout import remove_tree
from airflow_provider_aztk.local.batch.services.attempt import TASK_ENDED
from airflow_provider_aztk.local.batch.services.dependencies import Dependencies
from airflow_provider_aztk.local.batch.services.exit_conditions import End, react
from airflow_provider_aztk.local.batch.services.parse_tasks import parse_task, replace_constraints
from airflow_provider_aztk.local.batch.store.records import JobRecord, TaskRecord
from airflow_provider_aztk.local.batch.store.states import JobState, TaskState

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.batch.execution.base import Failure
    from airflow_provider_aztk.local.batch.services.exit_conditions import Reaction
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.runner import TaskRunner
    from airflow_provider_aztk.local.batch.services.scheduler import Scheduler
    from airflow_provider_aztk.local.batch.store.account import Account
    from airflow_provider_aztk.local.batch.store.specs import TaskSpec

__all__ = ["MAX_COLLECTION", "TaskService"]

MAX_COLLECTION = 100


class TaskService:
    """Adds, changes and removes tasks, and draws the consequences of their ends."""

    #: The composition root sets these: the end of jobs needs this service itself.
    on_deleted: Callable[[JobRecord], None]
    on_completed: Callable[[JobRecord, TaskRecord, Reaction], None]

    def __init__(self, account: Account, faults: FaultInjector, runner: TaskRunner, scheduler: Scheduler) -> None:
        self._account = account
        self._faults = faults
        self._runner = runner
        self._scheduler = scheduler
        self._dependencies: dict[str, Dependencies] = {}
        self._retentions: dict[int, asyncio.TimerHandle] = {}

    def find(self, job: JobRecord, task_id: str) -> TaskRecord:
        """Find a task of a job.

        :raises BatchServiceError: ``TaskNotFound``.
        """
        task = job.tasks.get(task_id)
        if task is None:
            raise BatchServiceError("TaskNotFound")
        return task

    def create(self, job: JobRecord, body: Json) -> TaskRecord:
        """Add a task to a job that takes tasks."""
        self._check_open(job)
        task_id = check_id(required(body, "id"))
        if task_id in job.tasks:
            raise BatchServiceError("TaskExists")
        pool = self._account.pools.get(job.pool_id or "")
        return self.add(job, parse_task(body, job.spec, pool.spec if pool else None))

    def add(self, job: JobRecord, spec: TaskSpec, *, is_manager: bool = False) -> TaskRecord:
        """Take in a task whose specification was checked, and queue it if it waits for no other."""
        now = utcnow()
        task = TaskRecord(
            id=spec.id,
            job_id=job.id,
            spec=spec,
            etag=self._account.etags.next(now),
            number=self._account.next_number(),
            created=now,
            modified=now,
            is_manager=is_manager,
        )
        job.add_task(task)
        if self._dependencies.setdefault(job.id.lower(), Dependencies()).register(task):
            self._scheduler.ready(job, task)
        return task

    def replace(self, job: JobRecord, task: TaskRecord, body: Json) -> None:
        """Replace a task's constraints, the only thing that can be replaced."""
        self._check_open(job)
        if task.state is TaskState.COMPLETED:
            raise BatchServiceError("TaskCompleted")
        task.spec = replace_constraints(task.spec, members(body, "constraints"), job.spec)
        self._account.touch(task)

    async def terminate(self, job: JobRecord, task: TaskRecord) -> None:
        """End a task, whether it runs or waits."""
        self._check_open(job, running_down=True)
        if task.state is TaskState.COMPLETED:
            raise BatchServiceError("TaskCompleted")
        self._account.touch(task)
        if not await self._runner.end_task(task, "terminate") and task.state is TaskState.ACTIVE:
            self.complete(job, task, end=End.STOPPED, exit_code=None, failure=TASK_ENDED)

    def reactivate(self, job: JobRecord, task: TaskRecord) -> None:
        """Queue a failed task again."""
        self._check_open(job)
        if task.state is not TaskState.COMPLETED:
            raise BatchServiceError("TaskNotCompleted")
        if task.exit_code == 0 and task.failure is None:
            raise BatchServiceError("TaskSucceeded")
        self.forget_run(task)
        task.retries = 0
        job.move_task(task, TaskState.ACTIVE)
        self._account.touch(task)
        if task.waits_for == 0:
            self._scheduler.ready(job, task)

    async def delete(self, job: JobRecord, task: TaskRecord) -> None:
        """Delete a task with its files."""
        if job.state is JobState.DELETING:
            raise BatchServiceError("JobBeingDeleted")
        self._scheduler.withdraw(job, task)
        await self._runner.end_task(task, "delete")
        if job.tasks.get(task.id) is task:
            job.remove_task(task)
            self.remove_files(task)
            self.on_deleted(job)

    def complete(
        self, job: JobRecord, task: TaskRecord, *, end: End, exit_code: int | None, failure: Failure | None
    ) -> None:
        """Record how a task ended, and draw the consequences for its job and its dependents."""
        self._scheduler.withdraw(job, task)
        task.exit_code = exit_code
        task.failure = failure.to_json() if failure else None
        task.node_info = task.node_info or {}
        job.move_task(task, TaskState.COMPLETED, result="failure" if failure else "success")
        task.ended = task.life.since
        self._keep_files_for_a_while(task)
        orders = self._faults.orders
        reaction = react(
            task.spec.exit_conditions,
            end,
            exit_code,
            terminated_blocks=orders.terminated_blocks,
            zero_never_acts=orders.zero_never_acts,
        )
        if reaction.satisfies:
            for dependent in self._dependencies[job.id.lower()].satisfy(task.id):
                there = job.tasks.get(dependent.id) is dependent  # it may have been deleted meanwhile
                if there and dependent.state is TaskState.ACTIVE:
                    self._scheduler.ready(job, dependent)
        self.on_completed(job, task, reaction)

    def forget_job(self, job: JobRecord) -> None:
        """Drop what is known of a job's dependencies, and its files."""
        self._dependencies.pop(job.id.lower(), None)
        for task in job.tasks:
            self.remove_files(task)

    def remove_files(self, task: TaskRecord) -> None:
        """Delete a task's directory."""
        timer = self._retentions.pop(task.number, None)
        if timer is not None:
            timer.cancel()
        if task.directory is not None:
            remove_tree(task.directory)
            task.files_cleaned = True

    def forget_run(self, task: TaskRecord) -> None:
        """Drop what a task's last run left: it is to run again, maybe elsewhere."""
        self.remove_files(task)
        task.directory, task.files_cleaned = None, False
        task.forget_run()

    def _keep_files_for_a_while(self, task: TaskRecord) -> None:
        seconds = task.spec.constraints.retention
        if seconds is None or task.directory is None or not task.directory.exists():
            return
        self._retentions[task.number] = asyncio.get_running_loop().call_later(seconds, self.remove_files, task)

    def _check_open(self, job: JobRecord, *, running_down: bool = False) -> None:
        if job.state is JobState.DELETING:
            raise BatchServiceError("JobBeingDeleted")
        if running_down:
            return
        if job.state is JobState.TERMINATING:
            raise BatchServiceError("JobBeingTerminated")
        if job.state is JobState.COMPLETED:
            raise BatchServiceError("JobCompleted")
