"""Which tasks of a job wait for which others."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.store.records import TaskRecord

__all__ = ["Dependencies"]


class Dependencies:
    """The waits inside one job. Each task counts what it still waits for, so an end costs only its own waiters."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self._done_numbers: set[int] = set()
        self._waiters: defaultdict[str, list[TaskRecord]] = defaultdict(list)
        self._ranges: list[tuple[int, int, TaskRecord]] = []

    def register(self, task: TaskRecord) -> bool:
        """Note what a new task waits for; return whether it waits for nothing."""
        for key in task.spec.depends_on_ids - self._done:
            self._waiters[key].append(task)
            task.waits_for += 1
        for start, end in task.spec.depends_on_ranges:
            missing = end - start + 1 - sum(start <= number <= end for number in self._done_numbers)
            if missing:
                self._ranges.append((start, end, task))
                task.waits_for += missing
        return task.waits_for == 0

    def satisfy(self, task_id: str) -> list[TaskRecord]:
        """Note that dependents of a task may go on; return the tasks that now wait for nothing."""
        key = task_id.lower()
        if key in self._done:
            return []
        self._done.add(key)
        reached = self._waiters.pop(key, [])
        if key.isascii() and key.isdigit() and key == str(int(key)):
            number = int(key)
            self._done_numbers.add(number)
            reached = reached + [task for start, end, task in self._ranges if start <= number <= end]
        free = []
        for task in reached:
            task.waits_for -= 1
            if task.waits_for == 0:
                free.append(task)
        return free
