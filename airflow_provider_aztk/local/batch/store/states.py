"""The states of pools, nodes, jobs and tasks, and which may follow which."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

__all__ = [
    "ALLOCATION_MOVES",
    "JOB_MOVES",
    "NODE_MOVES",
    "POOL_MOVES",
    "TASK_MOVES",
    "Allocation",
    "IllegalMoveError",
    "JobState",
    "Moves",
    "NodeState",
    "PoolState",
    "TaskState",
]

S = TypeVar("S", bound=StrEnum)
Moves = dict[S, frozenset[S]]


class IllegalMoveError(RuntimeError):
    """A state was to be followed by one that cannot follow it: a fault of the emulator itself."""


class PoolState(StrEnum):
    """Whether a pool stands or is on its way out."""

    ACTIVE = "active"
    DELETING = "deleting"


class Allocation(StrEnum):
    """Whether a pool's number of nodes is changing."""

    STEADY = "steady"
    RESIZING = "resizing"
    STOPPING = "stopping"


class NodeState(StrEnum):
    """What a node is doing."""

    CREATING = "creating"
    STARTING = "starting"
    WAITING = "waitingforstarttask"
    START_TASK_FAILED = "starttaskfailed"
    IDLE = "idle"
    RUNNING = "running"
    OFFLINE = "offline"
    REBOOTING = "rebooting"
    UNUSABLE = "unusable"
    UNKNOWN = "unknown"
    PREEMPTED = "preempted"
    LEAVING = "leavingpool"

    @property
    def has_booted(self) -> bool:
        """Whether tasks or users may be put on the node."""
        return self in (NodeState.IDLE, NodeState.RUNNING, NodeState.OFFLINE)


class JobState(StrEnum):
    """What a job is doing."""

    ACTIVE = "active"
    DISABLING = "disabling"
    DISABLED = "disabled"
    ENABLING = "enabling"
    TERMINATING = "terminating"
    COMPLETED = "completed"
    DELETING = "deleting"


class TaskState(StrEnum):
    """What a task is doing."""

    ACTIVE = "active"
    PREPARING = "preparing"
    RUNNING = "running"
    COMPLETED = "completed"


POOL_MOVES: Moves[PoolState] = {PoolState.ACTIVE: frozenset({PoolState.DELETING}), PoolState.DELETING: frozenset()}

ALLOCATION_MOVES: Moves[Allocation] = {
    Allocation.STEADY: frozenset({Allocation.RESIZING}),
    Allocation.RESIZING: frozenset({Allocation.STEADY, Allocation.STOPPING, Allocation.RESIZING}),
    Allocation.STOPPING: frozenset({Allocation.STEADY, Allocation.RESIZING}),
}

_DOWN = frozenset({NodeState.REBOOTING, NodeState.UNUSABLE, NodeState.UNKNOWN, NodeState.PREEMPTED, NodeState.LEAVING})
_BOOTED = frozenset({NodeState.IDLE, NodeState.RUNNING, NodeState.OFFLINE})

NODE_MOVES: Moves[NodeState] = {
    NodeState.CREATING: _DOWN | {NodeState.STARTING},
    NodeState.STARTING: _DOWN | _BOOTED | {NodeState.WAITING},
    NodeState.WAITING: _DOWN | _BOOTED | {NodeState.START_TASK_FAILED},
    NodeState.START_TASK_FAILED: _DOWN,
    NodeState.IDLE: _DOWN | _BOOTED,
    NodeState.RUNNING: _DOWN | _BOOTED,
    NodeState.OFFLINE: _DOWN | _BOOTED,
    NodeState.REBOOTING: _DOWN | {NodeState.STARTING},
    NodeState.UNUSABLE: _DOWN,
    NodeState.UNKNOWN: _DOWN | {NodeState.STARTING},
    NodeState.PREEMPTED: _DOWN | {NodeState.CREATING},
    NodeState.LEAVING: frozenset(),
}

_ENDING = frozenset({JobState.TERMINATING, JobState.COMPLETED, JobState.DELETING})

JOB_MOVES: Moves[JobState] = {
    JobState.ACTIVE: _ENDING | {JobState.DISABLING},
    JobState.DISABLING: _ENDING | {JobState.DISABLED, JobState.ENABLING, JobState.DISABLING},
    JobState.DISABLED: _ENDING | {JobState.ENABLING, JobState.DISABLING},
    JobState.ENABLING: _ENDING | {JobState.ACTIVE, JobState.DISABLING},
    JobState.TERMINATING: frozenset({JobState.COMPLETED, JobState.DELETING}),
    JobState.COMPLETED: frozenset({JobState.DELETING}),
    JobState.DELETING: frozenset(),
}

TASK_MOVES: Moves[TaskState] = {
    TaskState.ACTIVE: frozenset({TaskState.PREPARING, TaskState.RUNNING, TaskState.COMPLETED}),
    TaskState.PREPARING: frozenset({TaskState.RUNNING, TaskState.ACTIVE, TaskState.COMPLETED}),
    TaskState.RUNNING: frozenset({TaskState.ACTIVE, TaskState.COMPLETED, TaskState.RUNNING}),
    TaskState.COMPLETED: frozenset({TaskState.ACTIVE}),
}
