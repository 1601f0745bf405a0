"""Putting ready tasks on nodes with free slots."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.services.ready_queue import ReadyQueue
from airflow_provider_aztk.local.batch.store.specs import JobOrder, NodeFillType
from airflow_provider_aztk.local.batch.store.states import JobState, PoolState

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.faults import FaultInjector
    from airflow_provider_aztk.local.batch.services.runner import TaskRunner
    from airflow_provider_aztk.local.batch.store.account import Account
    from airflow_provider_aztk.local.batch.store.records import JobRecord, NodeRecord, PoolRecord, TaskRecord

__all__ = ["Scheduler"]


class Scheduler:
    """Schedules by events: code that frees slots or makes a task ready kicks the pool.

    One pass serves everything that happened since the last, so the cost of a task does not depend on how many wait.
    """

    def __init__(self, account: Account, faults: FaultInjector, runner: TaskRunner) -> None:
        self._account = account
        self._faults = faults
        self._runner = runner
        self._closed = False
        self._lines: defaultdict[str, dict[str, ReadyQueue]] = defaultdict(dict)
        self._kicked: set[str] = set()

    def ready(self, job: JobRecord, task: TaskRecord) -> None:
        """Queue a task that may run."""
        if job.pool_id is None:
            return
        line = self._lines[job.pool_id.lower()].setdefault(job.id.lower(), ReadyQueue(job))
        line.add(task, self._faults.shuffle)
        self.kick(job.pool_id)

    def withdraw(self, job: JobRecord, task: TaskRecord) -> None:
        """Take a task out of the queue."""
        line = self._line(job)
        if line is not None:
            line.withdraw(task)

    def forget_job(self, job: JobRecord) -> None:
        """Drop all that waits in a job."""
        if job.pool_id is not None:
            self._lines.get(job.pool_id.lower(), {}).pop(job.id.lower(), None)

    def forget_pool(self, pool_id: str) -> None:
        """Drop an empty queue; tasks that wait for a pool of this id stay, since it may come back."""
        if not self._lines.get(pool_id.lower()):
            self._lines.pop(pool_id.lower(), None)

    def move_job(self, job: JobRecord, pool_id: str) -> None:
        """Move a job's waiting tasks to another pool."""
        line = self._line(job)
        self.forget_job(job)
        job.pool_id = pool_id
        if line is not None:
            self._lines[pool_id.lower()][job.id.lower()] = line

    def kick(self, pool_id: str | None) -> None:
        """Look at a pool soon."""
        if pool_id is None or pool_id.lower() in self._kicked:
            return
        self._kicked.add(pool_id.lower())
        asyncio.get_running_loop().call_soon(self._pass, pool_id.lower())

    def close(self) -> None:
        """Start no more tasks."""
        self._closed = True

    def _line(self, job: JobRecord) -> ReadyQueue | None:
        return None if job.pool_id is None else self._lines.get(job.pool_id.lower(), {}).get(job.id.lower())

    def _pass(self, key: str) -> None:
        self._kicked.discard(key)
        pool = self._account.pools.get(key)
        if pool is None or pool.life.state is PoolState.DELETING or self._closed:
            return
        lines = [line for line in self._lines[key].values() if len(line) and line.job.state is JobState.ACTIVE]
        lines.sort(key=lambda line: (-line.job.spec.priority, line.job.number))
        nodes = [node for node in pool.nodes if node.accepts_tasks]
        for line in lines:
            if line.manager is not None:
                self._place_manager(pool, nodes, line, line.manager)
        for _, group in groupby(lines, key=lambda line: line.job.spec.priority):
            self._place_group(pool, nodes, list(group))

    def _place_group(self, pool: PoolRecord, nodes: list[NodeRecord], lines: list[ReadyQueue]) -> None:
        """Serve jobs of equal priority, one task each in turns, or the oldest job first."""
        while lines:
            served = []
            for line in lines:
                placed = self._place_next(pool, nodes, line)
                while placed and pool.spec.job_order is JobOrder.CREATION_TIME:
                    placed = self._place_next(pool, nodes, line)
                if placed:
                    served.append(line)
            lines = served

    def _place_next(self, pool: PoolRecord, nodes: list[NodeRecord], line: ReadyQueue) -> bool:
        job = line.job
        if 0 <= job.spec.max_parallel <= job.counts.running:
            return False
        for task in line.fronts():
            node = _choose(pool, nodes, task)
            if node is not None:
                self._launch(pool, node, line, task)
                return True
        return False

    def _place_manager(self, pool: PoolRecord, nodes: list[NodeRecord], line: ReadyQueue, manager: TaskRecord) -> None:
        node = _choose(pool, nodes, manager)
        if node is not None:
            self._launch(pool, node, line, manager)
        elif manager.runs:
            # One that ran before and has no room now may push others back into the queue; a first start may not.
            self._runner.make_room(line.job, manager, [node for node in nodes if _suits(node, manager)])

    def _launch(self, pool: PoolRecord, node: NodeRecord, line: ReadyQueue, task: TaskRecord) -> None:
        line.withdraw(task)
        self._runner.launch(pool, node, line.job, task)


def _suits(node: NodeRecord, task: TaskRecord) -> bool:
    return (node.dedicated or task.spec.allow_low_priority_node) and task.slots <= node.slots


def _fits(node: NodeRecord, task: TaskRecord) -> bool:
    return (
        node.accepts_tasks
        and task.slots <= node.free_slots
        and _suits(node, task)
        and not (task.spec.run_exclusive and node.running_tasks)
    )


def _choose(pool: PoolRecord, nodes: list[NodeRecord], task: TaskRecord) -> NodeRecord | None:
    """Choose a node: the wished one if it fits, else the emptiest (spread) or the fullest (pack)."""
    fitting = [node for node in nodes if _fits(node, task)]
    if not fitting:
        return None
    sign = -1 if pool.spec.fill_type is NodeFillType.PACK else 1
    preferred = task.spec.preferred_node
    return min(
        fitting,
        key=lambda node: (node.id == task.avoided_node, node.id != preferred, sign * node.used_slots, node.number),
    )
