"""What the emulated service knows about each pool, node, job and task."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from airflow_provider_aztk.local.batch.common.times import utcnow
from airflow_provider_aztk.local.batch.common.values import Json
from airflow_provider_aztk.local.batch.store.collection import Collection
from airflow_provider_aztk.local.batch.store.specs import JobSpec, PoolSpec, TaskSpec
from airflow_provider_aztk.local.batch.store.state_machine import StateMachine
from airflow_provider_aztk.local.batch.store.states import (
    ALLOCATION_MOVES,
    JOB_MOVES,
    NODE_MOVES,
    POOL_MOVES,
    TASK_MOVES,
    Allocation,
    JobState,
    NodeState,
    PoolState,
    TaskState,
)

__all__ = ["JobRecord", "NodeRecord", "PoolRecord", "TaskCounts", "TaskRecord"]

_RECENT_TASKS = 10


@dataclass(kw_only=True, slots=True, eq=False)
class PoolRecord:
    """A pool: what was asked for, how many nodes it should have, which it has."""

    id: str
    spec: PoolSpec
    etag: str
    target_dedicated: int
    target_low_priority: int
    created: datetime = field(default_factory=utcnow)
    modified: datetime = field(default_factory=utcnow)
    life: StateMachine[PoolState] = field(default_factory=lambda: StateMachine(PoolState.ACTIVE, POOL_MOVES))
    allocation: StateMachine[Allocation] = field(
        default_factory=lambda: StateMachine(Allocation.RESIZING, ALLOCATION_MOVES)
    )
    resize_errors: list[Json] = field(default_factory=list)
    nodes: Collection[NodeRecord] = field(default_factory=Collection)

    def count(self, *, dedicated: bool) -> int:
        """Count the nodes of one kind; preempted nodes are in the count, as the reference says."""
        return sum(node.dedicated is dedicated for node in self.nodes)


@dataclass(kw_only=True, slots=True, eq=False)
class NodeRecord:
    """A node: a directory, an address, slots."""

    id: str
    pool_id: str
    dedicated: bool
    address: str
    root: Path
    slots: int
    number: int
    life: StateMachine[NodeState] = field(default_factory=lambda: StateMachine(NodeState.CREATING, NODE_MOVES))
    allocated: datetime = field(default_factory=utcnow)
    booted: datetime | None = None
    scheduling_enabled: bool = True
    used_slots: int = 0
    running_tasks: int = 0
    exclusive: bool = False
    tasks_run: int = 0
    tasks_succeeded: int = 0
    start_task_info: Json | None = None
    errors: list[Json] = field(default_factory=list)
    users: dict[str, Json] = field(default_factory=dict)
    containers_left: int = 0
    recent: deque[Json] = field(default_factory=lambda: deque(maxlen=_RECENT_TASKS))

    @property
    def state(self) -> NodeState:
        """The present state."""
        return self.life.state

    @property
    def accepts_tasks(self) -> bool:
        """Whether the scheduler may look at this node."""
        return self.scheduling_enabled and not self.exclusive and self.state in (NodeState.IDLE, NodeState.RUNNING)

    @property
    def free_slots(self) -> int:
        """Slots that nobody uses."""
        return self.slots - self.used_slots

    def take(self, slots: int, *, exclusive: bool) -> None:
        """Reserve slots for a task that starts."""
        if slots > self.free_slots:
            raise RuntimeError(f"node {self.id} has {self.free_slots} free slots, {slots} were taken")
        self.used_slots += slots
        self.running_tasks += 1
        self.exclusive = self.exclusive or exclusive
        if self.state is NodeState.IDLE:
            self.life.move(NodeState.RUNNING)

    def give_back(self, slots: int, *, exclusive: bool) -> None:
        """Free the slots of a task that ended."""
        self.used_slots -= slots
        self.running_tasks -= 1
        self.exclusive = self.exclusive and not exclusive
        if self.running_tasks == 0 and self.state is NodeState.RUNNING:
            self.life.move(NodeState.IDLE)

    def settle(self) -> None:
        """Enter the state that fits a booted node: idle, running or offline."""
        wanted = NodeState.RUNNING if self.running_tasks else NodeState.IDLE
        if not self.scheduling_enabled and not self.running_tasks:
            wanted = NodeState.OFFLINE
        if self.state is not wanted and self.life.can_move(wanted):
            self.life.move(wanted)


@dataclass(slots=True, eq=False)
class TaskCounts:
    """How many tasks, or slots of tasks, are in each state."""

    active: int = 0
    running: int = 0
    completed: int = 0
    succeeded: int = 0
    failed: int = 0

    def add(self, state: TaskState, succeeded: bool | None, amount: int) -> None:
        """Count *amount* in or, when negative, out."""
        if state is TaskState.ACTIVE:
            self.active += amount
        elif state is TaskState.COMPLETED:
            self.completed += amount
            self.succeeded += amount if succeeded else 0
            self.failed += 0 if succeeded else amount
        else:
            self.running += amount


@dataclass(kw_only=True, slots=True, eq=False)
class JobRecord:
    """A job: what was asked for, its tasks, how it ended."""

    id: str
    spec: JobSpec
    etag: str
    number: int
    created: datetime = field(default_factory=utcnow)
    modified: datetime = field(default_factory=utcnow)
    life: StateMachine[JobState] = field(default_factory=lambda: StateMachine(JobState.ACTIVE, JOB_MOVES))
    pool_id: str | None = None
    auto_pool: bool = False
    keep_pool: bool = False
    ended: datetime | None = None
    terminate_reason: str | None = None
    scheduling_error: Json | None = None
    tasks: Collection[TaskRecord] = field(default_factory=Collection)
    counts: TaskCounts = field(default_factory=TaskCounts)
    slot_counts: TaskCounts = field(default_factory=TaskCounts)

    @property
    def state(self) -> JobState:
        """The present state."""
        return self.life.state

    @property
    def is_open(self) -> bool:
        """Whether the job may still change: neither over nor on its way there."""
        return self.state not in (JobState.TERMINATING, JobState.COMPLETED, JobState.DELETING)

    def add_task(self, task: TaskRecord) -> None:
        """Take a task in."""
        self.tasks.add(task)
        self._count(task, 1)

    def remove_task(self, task: TaskRecord) -> None:
        """Forget a task."""
        self.tasks.remove(task.id)
        self._count(task, -1)

    def move_task(self, task: TaskRecord, to: TaskState, *, result: str | None = None) -> None:
        """Change a task's state and result together with the counts: the only way to change them."""
        if not task.life.can_move(to):
            task.life.move(to)  # raises
        self._count(task, -1)
        task.life.move(to)
        task.result = result
        self._count(task, 1)

    def _count(self, task: TaskRecord, sign: int) -> None:
        succeeded = None if task.result is None else task.result == "success"
        self.counts.add(task.state, succeeded, sign)
        self.slot_counts.add(task.state, succeeded, sign * task.slots)


@dataclass(kw_only=True, slots=True, eq=False)
class TaskRecord:
    """A task: what was asked for, where it is, how it went."""

    id: str
    job_id: str
    spec: TaskSpec
    etag: str
    number: int
    created: datetime = field(default_factory=utcnow)
    modified: datetime = field(default_factory=utcnow)
    is_manager: bool = False
    life: StateMachine[TaskState] = field(default_factory=lambda: StateMachine(TaskState.ACTIVE, TASK_MOVES))
    result: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    failure: Json | None = None
    container: Json | None = None
    retries: int = 0
    last_retry: datetime | None = None
    requeues: int = 0
    last_requeue: datetime | None = None
    runs: int = 0
    node_info: Json | None = None
    directory: Path | None = None
    files_cleaned: bool = False
    waits_for: int = 0
    avoided_node: str | None = None

    @property
    def state(self) -> TaskState:
        """The present state."""
        return self.life.state

    @property
    def slots(self) -> int:
        """The slots that it takes on its node."""
        return self.spec.slots

    def forget_run(self) -> None:
        """Drop what is known of the last run: the task is to run again."""
        self.started = self.ended = self.exit_code = self.failure = self.container = None
        self.node_info = None
