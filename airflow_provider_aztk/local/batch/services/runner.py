"""Running tasks on nodes: each attempt from its launch to its end."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_aztk.local.batch.common.times import format_time, utcnow
from airflow_provider_aztk.local.batch.services.attempt import Attempt, Cause, run_attempt
from airflow_provider_aztk.local.batch.services.exit_conditions import End
from airflow_provider_aztk.local.batch.store.states import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from airflow_provider_aztk.local.batch.common.values import Json
    from airflow_provider_aztk.local.batch.execution.base import Failure
    from airflow_provider_aztk.local.batch.services.background import Background
    from airflow_provider_aztk.local.batch.services.executors import Executors
    from airflow_provider_aztk.local.batch.store.records import JobRecord, NodeRecord, PoolRecord, TaskRecord

__all__ = ["TaskRunner"]

log = logging.getLogger(__name__)


class CompleteTask(Protocol):
    """Records how a task has ended."""

    def __call__(
        self, job: JobRecord, task: TaskRecord, *, end: End, exit_code: int | None, failure: Failure | None
    ) -> None: ...


class TaskRunner:
    """Launches tasks, ends them, and tells what became of them."""

    #: The composition root sets these: they lead to services that need the runner themselves.
    complete: CompleteTask
    forget_run: Callable[[TaskRecord], None]
    ready: Callable[[JobRecord, TaskRecord], None]
    kick: Callable[[str], None]
    disk_is_full: Callable[[NodeRecord], Coroutine[Any, Any, None]]

    def __init__(self, executors: Executors, background: Background) -> None:
        self._executors = executors
        self._background = background
        self._by_task: dict[int, Attempt] = {}
        self._by_node: defaultdict[str, set[Attempt]] = defaultdict(set)

    def launch(self, pool: PoolRecord, node: NodeRecord, job: JobRecord, task: TaskRecord) -> None:
        """Start a task on a node that has room for it."""
        node.take(task.slots, exclusive=task.spec.run_exclusive)
        job.move_task(task, TaskState.RUNNING)
        task.started = utcnow()
        task.runs += 1
        task.node_info = _node_info(self._executors.settings.endpoint, node, task)
        attempt = Attempt(pool, node, job, task)
        self._by_task[task.number] = attempt
        self._by_node[node.id].add(attempt)
        self._background.spawn(self._run(attempt))

    async def end_task(self, task: TaskRecord, cause: Cause) -> bool:
        """End the attempt of a task, wait until nothing of it is left; return whether there was one."""
        attempt = self._by_task.get(task.number)
        if attempt is None:
            return False
        attempt.end(cause)
        await attempt.finished.wait()
        return True

    async def end_tasks(self, tasks: Iterable[TaskRecord], cause: Cause) -> None:
        """End the attempts of several tasks at once."""
        await asyncio.gather(*(self.end_task(task, cause) for task in tasks if task.number in self._by_task))

    async def end_on_node(self, node: NodeRecord, cause: Cause) -> None:
        """End everything that runs on a node."""
        attempts = list(self._by_node[node.id])
        for attempt in attempts:
            attempt.end(cause)
        await self._wait(attempts)

    async def wait_for_node(self, node: NodeRecord) -> None:
        """Wait until the tasks on a node have ended by themselves."""
        await self._wait(list(self._by_node[node.id]))

    async def wait_for_tasks(self, tasks: Iterable[TaskRecord]) -> None:
        """Wait until tasks have ended by themselves."""
        await self._wait([self._by_task[task.number] for task in tasks if task.number in self._by_task])

    async def end_all(self) -> None:
        """End everything that runs anywhere: the stack is going down."""
        attempts = list(self._by_task.values())
        for attempt in attempts:
            attempt.end("delete")
        await self._wait(attempts)

    def nodes_with_managers(self, pool_id: str) -> set[str]:
        """Return the nodes of a pool on which job managers run."""
        return {a.node.id for a in self._by_task.values() if a.task.is_manager and a.node.pool_id == pool_id}

    def make_room(self, job: JobRecord, manager: TaskRecord, nodes: list[NodeRecord]) -> None:
        """Send tasks back to the queue so that a job manager that lost its node can run again.

        As few as possible, the largest and newest first; nothing more is sent away while what was sent before makes
        enough room.
        """
        best: list[Attempt] | None = None
        for node in nodes:
            free = node.slots if manager.spec.run_exclusive else node.free_slots
            attempts = self._by_node[node.id]
            free += sum(attempt.task.slots for attempt in attempts if attempt.cause)
            victims: list[Attempt] = []
            for attempt in sorted(attempts, key=lambda a: (a.task.is_manager, -a.task.slots, -a.task.number)):
                if free >= manager.slots and not manager.spec.run_exclusive:
                    break
                if (
                    attempt.cause is None
                    and attempt.job.spec.priority <= job.spec.priority
                    and not attempt.task.is_manager
                ):
                    victims.append(attempt)
                    free += attempt.task.slots
            if free >= manager.slots and (best is None or len(victims) < len(best)):
                best = victims
        for attempt in best or ():
            log.info("task %s makes room for job manager %s", attempt.task.id, manager.id)
            attempt.end("recover")

    async def _wait(self, attempts: list[Attempt]) -> None:
        await asyncio.gather(*(attempt.finished.wait() for attempt in attempts))

    async def _run(self, attempt: Attempt) -> None:
        timer = self._limit(attempt)
        try:
            while await run_attempt(self._executors, attempt) and self._may_retry(attempt):
                task = attempt.task
                await attempt.unless_ended(asyncio.sleep(min(1.0, 0.05 * task.retries)))
                task.retries += 1
                task.started = task.last_retry = utcnow()
                if self._executors.faults.orders.retries_move:
                    task.avoided_node = attempt.node.id
                    attempt.end("recover")
                    break
                task.runs += 1
        except Exception:
            log.exception("task %s of job %s could not be run", attempt.task.id, attempt.job.id)
            attempt.fail_internally()
        finally:
            if timer is not None:
                timer.cancel()
            self._conclude(attempt)

    def _limit(self, attempt: Attempt) -> asyncio.TimerHandle | None:
        seconds = attempt.task.spec.constraints.max_wall_clock
        if seconds is None:
            return None
        return asyncio.get_running_loop().call_later(seconds, attempt.end, "timeout")

    def _may_retry(self, attempt: Attempt) -> bool:
        task = attempt.task
        limit = task.spec.constraints.max_retries
        return attempt.cause is None and (limit < 0 or task.retries < limit)

    def _conclude(self, attempt: Attempt) -> None:
        """Free the slots, then let the task complete or go back to the queue."""
        node, task = attempt.node, attempt.task
        del self._by_task[task.number]
        self._by_node[node.id].discard(attempt)
        if not self._by_node[node.id]:
            del self._by_node[node.id]
        node.give_back(task.slots, exclusive=task.spec.run_exclusive)
        node.settle()
        if attempt.cause in ("requeue", "recover"):
            self._requeue(attempt)
        elif attempt.cause != "delete":
            node.tasks_run += 1
            node.tasks_succeeded += attempt.exit_code == 0
            self._complete(attempt)
            node.recent.append(_recent(self._executors.settings.endpoint, task))
        attempt.finished.set()
        if self._executors.faults.orders.disk_is_full(node.pool_id, node.containers_left) and node.state.has_booted:
            self._background.spawn(self.disk_is_full(node))
        self.kick(node.pool_id)

    def _requeue(self, attempt: Attempt) -> None:
        job, task = attempt.job, attempt.task
        self.forget_run(task)
        if attempt.cause == "requeue":
            task.requeues += 1
            task.last_requeue = utcnow()
        job.move_task(task, TaskState.ACTIVE)
        if job.is_open:
            self.ready(job, task)

    def _complete(self, attempt: Attempt) -> None:
        stopped = attempt.cause is not None
        end = End.STOPPED if stopped else attempt.end_kind
        self.complete(attempt.job, attempt.task, end=end, exit_code=attempt.exit_code, failure=attempt.failure)


def _node_info(endpoint: str, node: NodeRecord, task: TaskRecord) -> Json:
    url = f"{endpoint}/pools/{node.pool_id}/nodes/{node.id}"
    directory = f"workitems/{task.job_id}/job-1/{task.id}"
    return {
        "affinityId": f"TVM:{node.id}",
        "nodeUrl": url,
        "poolId": node.pool_id,
        "nodeId": node.id,
        "taskRootDirectory": directory,
        "taskRootDirectoryUrl": f"{url}/files/{directory}",
    }


def _recent(endpoint: str, task: TaskRecord) -> Json:
    info: Json = {"retryCount": task.retries, "requeueCount": task.requeues}
    if task.started is not None and task.ended is not None:
        info |= {"startTime": format_time(task.started), "endTime": format_time(task.ended)}
    if task.exit_code is not None:
        info["exitCode"] = task.exit_code
    if task.failure is not None:
        info["failureInfo"] = task.failure
    info["result"] = task.result
    return {
        "taskUrl": f"{endpoint}/jobs/{task.job_id}/tasks/{task.id}",
        "jobId": task.job_id,
        "taskId": task.id,
        "taskState": str(task.state),
        "executionInfo": info,
    }
