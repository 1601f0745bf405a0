"""What clients ask for, as values: parsed once from a checked body, never changed.

``echo`` is the checked JSON with the service's defaults, kept only because responses show it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from airflow_provider_aztk.local.batch.common.values import Json

__all__ = [
    "AutoPoolSpec",
    "CommandSpec",
    "DeallocationOption",
    "DependencyAction",
    "DisableTasks",
    "Environment",
    "ExitConditions",
    "ExitOptions",
    "JobAction",
    "JobOrder",
    "JobSpec",
    "NatPool",
    "NodeFillType",
    "OnAllTasksComplete",
    "OnTaskFailure",
    "OutputFile",
    "PoolSpec",
    "ResourceFile",
    "Simulation",
    "StartTaskSpec",
    "TaskConstraints",
    "TaskSpec",
    "UploadCondition",
]

#: Names with values, in the order of the request.
Environment = tuple[tuple[str, str | None], ...]


class OnAllTasksComplete(StrEnum):
    """What happens to a job when all of its tasks have ended."""

    NO_ACTION = "noaction"
    TERMINATE_JOB = "terminatejob"


class OnTaskFailure(StrEnum):
    """Whether a job obeys the exit conditions of its tasks."""

    NO_ACTION = "noaction"
    PERFORM_EXIT_OPTIONS = "performexitoptionsjobaction"


class JobAction(StrEnum):
    """What the end of a task does to its job."""

    NONE = "none"
    DISABLE = "disable"
    TERMINATE = "terminate"


class DependencyAction(StrEnum):
    """Whether the tasks that depend on a task may run after its end."""

    SATISFY = "satisfy"
    BLOCK = "block"


class DisableTasks(StrEnum):
    """What happens to the running tasks of a job that is disabled."""

    REQUEUE = "requeue"
    TERMINATE = "terminate"
    WAIT = "wait"


class DeallocationOption(StrEnum):
    """What happens to the tasks of a node that is removed, rebooted or disabled."""

    REQUEUE = "requeue"
    TERMINATE = "terminate"
    TASK_COMPLETION = "taskcompletion"
    RETAINED_DATA = "retaineddata"

    @property
    def waits(self) -> bool:
        """Whether the tasks may run to their end."""
        return self in (DeallocationOption.TASK_COMPLETION, DeallocationOption.RETAINED_DATA)


class NodeFillType(StrEnum):
    """How tasks are distributed over nodes."""

    SPREAD = "spread"
    PACK = "pack"


class JobOrder(StrEnum):
    """In which order jobs of equal priority are served."""

    NONE = "none"
    CREATION_TIME = "creationtime"


class UploadCondition(StrEnum):
    """When an output file is uploaded."""

    SUCCESS = "tasksuccess"
    FAILURE = "taskfailure"
    COMPLETION = "taskcompletion"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceFile:
    """A file, or the blobs of a container, to be downloaded before a task runs."""

    http_url: str
    container_url: str
    blob_prefix: str
    path: str
    mode: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputFile:
    """Files to be uploaded after a task has run."""

    pattern: str
    container_url: str
    path: str
    headers: dict[str, str]
    condition: UploadCondition


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulation:
    """How a simulated command ends, and after how many seconds."""

    seconds: float = 0.0
    exit_code: int = 0
    stdout: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandSpec:
    """What a task and a start task have in common.

    :param container_image: None where the command runs on the node itself.
    :param run_options: further options of the container, as given.
    :param simulation: None where the command runs as a process.
    """

    command_line: str
    container_image: str | None
    run_options: str
    environment: Environment = field(repr=False)
    resource_files: tuple[ResourceFile, ...] = field(repr=False)
    simulation: Simulation | None
    echo: Json = field(repr=False)

    @property
    def removes_container(self) -> bool:
        """Whether nothing is left of its container when it has ended (``--rm``)."""
        return "--rm" in self.run_options.split()

    @property
    def has_host_network(self) -> bool:
        """Whether its container shares the node's network; else it is in docker's own."""
        words = self.run_options.replace("=", " ").split()
        return any(pair in (("--network", "host"), ("--net", "host")) for pair in pairwise(words))


@dataclass(frozen=True, kw_only=True, slots=True)
class StartTaskSpec(CommandSpec):
    """A pool's start task; *max_retries* of -1 has no limit."""

    max_retries: int
    wait_for_success: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ExitOptions:
    """What follows from one kind of end; None where the request leaves it open."""

    job_action: JobAction | None = None
    dependency_action: DependencyAction | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExitConditions:
    """What follows from the ends of a task.

    :param exit_codes: first and last code of each range with what follows; the first match counts.
    """

    exit_codes: tuple[tuple[int, int, ExitOptions], ...] = ()
    pre_processing_error: ExitOptions | None = None
    file_upload_error: ExitOptions | None = None
    default: ExitOptions | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskConstraints:
    """Limits of a task: seconds, None for no limit; *max_retries* of -1 has none."""

    max_wall_clock: float | None
    retention: float | None
    max_retries: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec(CommandSpec):
    """A task or job manager task; the last three fields are of job managers only."""

    id: str
    slots: int
    constraints: TaskConstraints
    output_files: tuple[OutputFile, ...] = field(repr=False)
    exit_conditions: ExitConditions
    depends_on_ids: frozenset[str]
    depends_on_ranges: tuple[tuple[int, int], ...]
    preferred_node: str
    kill_job_on_completion: bool
    run_exclusive: bool
    allow_low_priority_node: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NatPool:
    """A range of public ports that lead to one port of each node."""

    name: str
    protocol: str
    backend_port: int
    first_frontend_port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolSpec:
    """A pool, or the pool of an auto-pool.

    :param container_images: the images that nodes pull; None where it is no container pool.
    """

    vm_size: str
    slots_per_node: int
    target_dedicated: int
    target_low_priority: int
    fill_type: NodeFillType
    job_order: JobOrder
    inter_node_communication: bool
    container_images: tuple[str, ...] | None
    start_task: StartTaskSpec | None
    nat_pools: tuple[NatPool, ...]
    echo: Json = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoPoolSpec:
    """A pool that is made for one job."""

    id_prefix: str
    keep_alive: bool
    pool: PoolSpec
    echo: Json = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSpec:
    """A job: on the pool *pool_id*, or on an auto-pool."""

    priority: int
    max_parallel: int
    uses_task_dependencies: bool
    max_wall_clock: float | None
    max_task_retries: int
    on_all_tasks_complete: OnAllTasksComplete
    on_task_failure: OnTaskFailure
    environment: Environment = field(repr=False)
    pool_id: str | None
    auto_pool: AutoPoolSpec | None
    manager: TaskSpec | None
    echo: Json = field(repr=False)
