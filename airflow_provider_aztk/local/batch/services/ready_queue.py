"""The tasks of one job that are ready to run, in the order in which they should."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.store.records import JobRecord, TaskRecord
from airflow_provider_aztk.local.batch.store.states import TaskState

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

__all__ = ["ReadyQueue"]

_Entry = tuple[float, int, TaskRecord]


class ReadyQueue:
    """Ready tasks by the slots they need, so that one look at each size tells whether anything fits.

    Entries of tasks that were withdrawn are dropped when they come up: withdrawing costs nothing.
    """

    _tokens = count()

    def __init__(self, job: JobRecord) -> None:
        self.job = job
        self.manager: TaskRecord | None = None
        self._sizes: dict[int, list[_Entry]] = {}
        self._valid: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._valid) + (self.manager is not None)

    def add(self, task: TaskRecord, shuffle: random.Random | None) -> None:
        """Take a task in; the order is that of creation, or none if *shuffle* is given."""
        if task.is_manager:
            self.manager = task
            return
        token = next(self._tokens)
        self._valid[task.id.lower()] = token
        order = float(task.number) if shuffle is None else shuffle.random()
        heappush(self._sizes.setdefault(task.slots, []), (order, token, task))

    def withdraw(self, task: TaskRecord) -> None:
        """Remove a task; nothing happens if it is not here."""
        if self.manager is task:
            self.manager = None
        self._valid.pop(task.id.lower(), None)

    def fronts(self) -> Iterator[TaskRecord]:
        """Return the first task of each size, the one that should run first before the others."""
        fronts = []
        for slots in list(self._sizes):
            entry = self._front(slots)
            if entry is None:
                del self._sizes[slots]
            else:
                fronts.append(entry)
        return iter(task for _, _, task in sorted(fronts, key=lambda entry: entry[:2]))

    def _front(self, slots: int) -> _Entry | None:
        heap = self._sizes[slots]
        while heap:
            _, token, task = heap[0]
            if self._valid.get(task.id.lower()) == token and task.state is TaskState.ACTIVE:
                return heap[0]
            heappop(heap)
        return None
