"""Parsing tasks and start tasks: checks what clients send and fills in the service's defaults."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property, not_implemented
from airflow_provider_aztk.local.batch.common.times import NO_LIMIT
from airflow_provider_aztk.local.batch.common.values import (
    Json,
    check_display_name,
    check_id,
    choice,
    duration,
    integer,
    items,
    members,
    option,
    required,
)
from airflow_provider_aztk.local.batch.execution.simulated import read_simulation
from airflow_provider_aztk.local.batch.services.parse_exit_conditions import (
    check_exit_conditions,
    parse_exit_conditions,
)
from airflow_provider_aztk.local.batch.store.specs import (
    Environment,
    JobSpec,
    OnTaskFailure,
    OutputFile,
    PoolSpec,
    ResourceFile,
    StartTaskSpec,
    TaskConstraints,
    TaskSpec,
    UploadCondition,
)

__all__ = [
    "check_container",
    "check_start_task",
    "parse_environment",
    "parse_manager",
    "parse_start_task",
    "parse_task",
    "replace_constraints",
]

MAX_SLOTS = 256
_FILE_MODE = re.compile(r"(0o?)?[0-7]{3,4}\Z", re.ASCII)
_MAX_DEPENDENCY_CHARACTERS = 64_000


def parse_task(body: Json, job: JobSpec, pool: PoolSpec | None) -> TaskSpec:
    """Parse a task of a job.

    :param pool: the pool of the job, if there is one now.
    :raises BatchServiceError: the service would refuse it.
    """
    echo = _check_task(body, pool.slots_per_node if pool else None)
    if pool is not None:
        check_container(members(echo, "containerSettings").get("imageName"), pool)
    check_exit_conditions(echo, job_reacts=job.on_task_failure is OnTaskFailure.PERFORM_EXIT_OPTIONS)
    _check_dependencies(echo, job_uses_them=job.uses_task_dependencies)
    if "maxTaskRetryCount" not in members(body, "constraints"):
        echo["constraints"]["maxTaskRetryCount"] = job.max_task_retries
    return _read_task(echo)


def parse_manager(body: Json, pool: PoolSpec | None) -> TaskSpec:
    """Parse a job manager task.

    :param pool: the pool of the job's auto-pool; None where it has none.
    """
    check_id(required(body, "id"))
    echo = _check_task(body, pool.slots_per_node if pool else None)
    if pool is not None and (pool.container_images is not None) is not bool(echo.get("containerSettings")):
        raise invalid_property(
            "containerSettings", None, "A task has containerSettings exactly when its pool has containerConfiguration."
        )
    for name in ("killJobOnCompletion", "runExclusive", "allowLowPriorityNode"):
        echo[name] = bool(body.get(name, True))
    return _read_task(echo)


def replace_constraints(task: TaskSpec, constraints: Json, job: JobSpec) -> TaskSpec:
    """Return a task with other constraints; what they leave out gets its default."""
    given = {"maxTaskRetryCount": job.max_task_retries, **constraints}
    echo = _check_constraints(given)
    return replace(task, constraints=_read_constraints(echo), echo={**task.echo, "constraints": echo})


def check_start_task(body: Json) -> Json:
    """Check a start task and fill in the defaults."""
    echo = _check_command(body)
    echo["maxTaskRetryCount"] = integer(body, "maxTaskRetryCount", 0, -1)
    echo["waitForSuccess"] = bool(body.get("waitForSuccess", True))
    return echo


def parse_start_task(echo: Json) -> StartTaskSpec:
    """Parse a start task that was checked."""
    return StartTaskSpec(
        **_read_command(echo), max_retries=echo["maxTaskRetryCount"], wait_for_success=echo["waitForSuccess"]
    )


def check_container(image: str | None, pool: PoolSpec) -> None:
    """Check that container settings are there exactly when the pool is a container pool."""
    if pool.container_images is not None and image is None:
        raise invalid_property(
            "containerSettings", None, "The pool has a containerConfiguration, so the task needs containerSettings."
        )
    if image is not None and pool.container_images is None:
        raise invalid_property(
            "containerSettings",
            image,
            "The pool has no containerConfiguration, so the task must have no containerSettings.",
        )


def parse_environment(body: Json, name: str) -> Environment:
    """Parse a list of environment settings that was checked."""
    return tuple((setting["name"], setting.get("value")) for setting in items(body, name))


def _check_task(body: Json, max_slots: int | None) -> Json:
    echo = _check_command(body)
    if body.get("multiInstanceSettings"):
        raise not_implemented("multi-instance tasks")
    echo["constraints"] = _check_constraints(members(body, "constraints"))
    echo["requiredSlots"] = integer(body, "requiredSlots", 1, 1, max_slots or MAX_SLOTS)
    for output in items(echo, "outputFiles"):
        _output_file(output)
    return echo


def _check_constraints(constraints: Json) -> Json:
    duration(constraints, "maxWallClockTime")
    duration(constraints, "retentionTime")
    return {
        "maxWallClockTime": constraints.get("maxWallClockTime") or NO_LIMIT,
        "retentionTime": constraints.get("retentionTime") or "P7D",
        "maxTaskRetryCount": integer(constraints, "maxTaskRetryCount", 0, -1),
    }


def _check_command(body: Json) -> Json:
    echo = deepcopy(body)
    check_display_name(echo)
    if "authenticationTokenSettings" in body:
        raise invalid_property(
            "authenticationTokenSettings",
            body["authenticationTokenSettings"],
            "Property authenticationTokenSettings is not enabled for current account",
        )
    container = members(echo, "containerSettings")
    if container:
        required(container, "imageName")
        members(container, "registry").pop("password", None)
    elif not str(required(body, "commandLine")).strip():
        raise invalid_property("commandLine", "", "The command line must not be empty.")
    for setting in items(echo, "environmentSettings"):
        required(setting, "name")
    for file in items(echo, "resourceFiles"):
        _resource_file(file)
    if not members(echo, "userIdentity"):
        echo["userIdentity"] = {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}}
    return echo


def _resource_file(file: Json) -> None:
    if "blobSource" in file:
        file["httpUrl"] = file.pop("blobSource")  # as it was called until 2018
    sources = [name for name in ("autoStorageContainerName", "storageContainerUrl", "httpUrl") if file.get(name)]
    if len(sources) != 1:
        raise invalid_property(
            "resourceFiles",
            sources,
            "Exactly one of autoStorageContainerName, storageContainerUrl and httpUrl is needed.",
        )
    if sources == ["httpUrl"]:
        required(file, "filePath")
    if not _FILE_MODE.match(str(file.get("fileMode") or "0770")):
        raise invalid_property("fileMode", file["fileMode"], "An octal number is expected.")
    if ".." in str(file.get("filePath", "")).split("/") or str(file.get("filePath", "")).startswith("/"):
        raise invalid_property("filePath", file["filePath"], "The path must stay in the task's working directory.")


def _output_file(output: Json) -> None:
    required(output, "filePattern")
    required(members(members(output, "destination"), "container"), "containerUrl")
    options = members(output, "uploadOptions")
    # The service sends the condition back with capitals, however it came.
    words = {word.lower(): word for word in ("TaskSuccess", "TaskFailure", "TaskCompletion")}
    condition = choice(options, "uploadCondition", "taskcompletion", tuple(words))
    output["uploadOptions"] = {**options, "uploadCondition": words[condition.lower()]}


def _check_dependencies(echo: Json, *, job_uses_them: bool) -> None:
    """Check what a task depends on."""
    depends = members(echo, "dependsOn")
    ids = depends.get("taskIds") or []
    ranges = items(depends, "taskIdRanges")
    if (ids or ranges) and not job_uses_them:
        raise BatchServiceError("TaskDependenciesNotSpecifiedOnJob")
    if not isinstance(ids, list) or not all(isinstance(task_id, str) for task_id in ids):
        raise invalid_property("taskIds", ids, "A list of task ids is expected.")
    if sum(map(len, ids)) > _MAX_DEPENDENCY_CHARACTERS:
        raise BatchServiceError("TaskDependencyListTooLong")
    for entry in ranges:
        if integer(entry, "start", 0, 0) > integer(entry, "end", 0, 0):
            raise invalid_property("taskIdRanges", entry, "start must not be greater than end.")


def _read_task(echo: Json) -> TaskSpec:
    depends = members(echo, "dependsOn")
    affinity = str(members(echo, "affinityInfo").get("affinityId", ""))
    return TaskSpec(
        **_read_command(echo),
        id=str(echo["id"]),
        slots=echo["requiredSlots"],
        constraints=_read_constraints(echo["constraints"]),
        output_files=tuple(_read_output_file(entry) for entry in items(echo, "outputFiles")),
        exit_conditions=parse_exit_conditions(members(echo, "exitConditions")),
        depends_on_ids=frozenset(task_id.lower() for task_id in depends.get("taskIds") or []),
        depends_on_ranges=tuple(
            (integer(entry, "start", 0), integer(entry, "end", 0)) for entry in items(depends, "taskIdRanges")
        ),
        preferred_node=affinity.removeprefix("TVM:"),
        kill_job_on_completion=bool(echo.get("killJobOnCompletion", False)),
        run_exclusive=bool(echo.get("runExclusive", False)),
        allow_low_priority_node=bool(echo.get("allowLowPriorityNode", True)),
    )


def _read_command(echo: Json) -> Json:
    """Return the fields of :class:`CommandSpec`."""
    container = members(echo, "containerSettings")
    image = container.get("imageName")
    environment = parse_environment(echo, "environmentSettings")
    return {
        "command_line": str(echo.get("commandLine") or ""),
        "container_image": None if image is None else str(image),
        "run_options": str(container.get("containerRunOptions") or ""),
        "environment": environment,
        "resource_files": tuple(_read_resource_file(entry) for entry in items(echo, "resourceFiles")),
        "simulation": read_simulation(environment),
        "echo": echo,
    }


def _read_resource_file(entry: Json) -> ResourceFile:
    return ResourceFile(
        http_url=str(entry.get("httpUrl") or ""),
        container_url=str(entry.get("storageContainerUrl") or ""),
        blob_prefix=str(entry.get("blobPrefix") or ""),
        path=str(entry.get("filePath") or ""),
        mode=int(str(entry.get("fileMode") or "0770"), 8),
    )


def _read_output_file(entry: Json) -> OutputFile:
    container = entry["destination"]["container"]
    return OutputFile(
        pattern=str(entry["filePattern"]),
        container_url=str(container["containerUrl"]),
        path=str(container.get("path") or ""),
        headers={str(header["name"]): str(header.get("value") or "") for header in items(container, "uploadHeaders")},
        condition=option(members(entry, "uploadOptions"), "uploadCondition", UploadCondition.COMPLETION),
    )


def _read_constraints(echo: Json) -> TaskConstraints:
    return TaskConstraints(
        max_wall_clock=duration(echo, "maxWallClockTime"),
        retention=duration(echo, "retentionTime"),
        max_retries=echo["maxTaskRetryCount"],
    )
