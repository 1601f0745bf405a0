"""Parsing jobs: checks what clients send and fills in the service's defaults."""

from __future__ import annotations

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
from airflow_provider_aztk.local.batch.services.parse_pools import check_metadata, parse_auto_pool
from airflow_provider_aztk.local.batch.services.parse_tasks import parse_environment, parse_manager
from airflow_provider_aztk.local.batch.store.specs import AutoPoolSpec, JobSpec, OnAllTasksComplete, OnTaskFailure

__all__ = ["keep_auto_pool", "on_pool", "parse_job", "parse_job_update", "with_pool_of"]

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


def parse_job(body: Json) -> JobSpec:
    """Parse a job.

    :raises BatchServiceError: the service would refuse it.
    """
    echo = _check_job(body)
    pool_id, auto_pool = _parse_pool_info(body)
    echo["poolInfo"] = {"poolId": pool_id} if auto_pool is None else {"autoPoolSpecification": auto_pool.echo}
    manager = None
    if members(body, "jobManagerTask"):
        manager = parse_manager(body["jobManagerTask"], auto_pool.pool if auto_pool else None)
        echo["jobManagerTask"] = manager.echo
    return replace(_read_job(echo), pool_id=pool_id, auto_pool=auto_pool, manager=manager)


def parse_job_update(body: Json, job: JobSpec, *, replace_all: bool) -> JobSpec:
    """Parse a change of a job; its pool and job manager task stay.

    :param replace_all: what the body leaves out gets its default.
    """
    changes = {name: body[name] for name in _UPDATABLE if body.get(name) is not None and name != "poolInfo"}
    if replace_all:
        required(body, "poolInfo")
    kept = {k: v for k, v in job.echo.items() if not (replace_all and k in _UPDATABLE)}
    terminates = job.on_all_tasks_complete is OnAllTasksComplete.TERMINATE_JOB
    if terminates:
        kept["onAllTasksComplete"] = job.echo["onAllTasksComplete"]
    spec = with_pool_of(replace(_read_job(_check_job({**kept, **changes})), manager=job.manager), job)
    if terminates and spec.on_all_tasks_complete is OnAllTasksComplete.NO_ACTION:
        raise invalid_property("onAllTasksComplete", "noaction", "terminatejob cannot be taken back.")
    return spec


def keep_auto_pool(job: JobSpec, *, keep: bool) -> JobSpec:
    """Return a job whose auto-pool is kept after its end, or is not."""
    assert job.auto_pool is not None
    auto_pool = replace(job.auto_pool, keep_alive=keep, echo={**job.auto_pool.echo, "keepAlive": keep})
    echo = {**job.echo, "poolInfo": {"autoPoolSpecification": auto_pool.echo}}
    return replace(job, auto_pool=auto_pool, echo=echo)


def on_pool(job: JobSpec, pool_id: str) -> JobSpec:
    """Return a job on another pool."""
    return replace(job, pool_id=pool_id, echo={**job.echo, "poolInfo": {"poolId": pool_id}})


def with_pool_of(job: JobSpec, other: JobSpec) -> JobSpec:
    """Return a job with the pool of another one."""
    echo = {**job.echo, "poolInfo": other.echo["poolInfo"]}
    return replace(job, pool_id=other.pool_id, auto_pool=other.auto_pool, echo=echo)


def _check_job(body: Json) -> Json:
    if body.get("jobPreparationTask") or body.get("jobReleaseTask"):
        raise not_implemented("job preparation and release tasks")
    echo = deepcopy(body)
    check_display_name(echo)
    echo["priority"] = integer(body, "priority", 0, -1000, 1000)
    echo["maxParallelTasks"] = integer(body, "maxParallelTasks", -1, -1)
    echo["usesTaskDependencies"] = bool(body.get("usesTaskDependencies", False))
    echo["allowTaskPreemption"] = bool(body.get("allowTaskPreemption", False))
    constraints = members(body, "constraints")
    duration(constraints, "maxWallClockTime")
    echo["constraints"] = {
        "maxWallClockTime": constraints.get("maxWallClockTime") or NO_LIMIT,
        "maxTaskRetryCount": integer(constraints, "maxTaskRetryCount", 0, -1),
    }
    echo["onAllTasksComplete"] = choice(body, "onAllTasksComplete", "noaction", tuple(OnAllTasksComplete))
    echo["onTaskFailure"] = choice(body, "onTaskFailure", "noaction", tuple(OnTaskFailure))
    check_metadata(body)
    for setting in items(body, "commonEnvironmentSettings"):
        required(setting, "name")
    return echo


def _read_job(echo: Json) -> JobSpec:
    return JobSpec(
        priority=echo["priority"],
        max_parallel=echo["maxParallelTasks"],
        uses_task_dependencies=echo["usesTaskDependencies"],
        max_wall_clock=duration(echo["constraints"], "maxWallClockTime"),
        max_task_retries=echo["constraints"]["maxTaskRetryCount"],
        on_all_tasks_complete=option(echo, "onAllTasksComplete", OnAllTasksComplete.NO_ACTION),
        on_task_failure=option(echo, "onTaskFailure", OnTaskFailure.NO_ACTION),
        environment=parse_environment(echo, "commonEnvironmentSettings"),
        pool_id=None,
        auto_pool=None,
        manager=None,
        echo=echo,
    )


def _parse_pool_info(body: Json) -> tuple[str | None, AutoPoolSpec | None]:
    info = members(body, "poolInfo")
    if not info:
        raise BatchServiceError("MissingRequiredProperty", PropertyName="poolInfo")
    if "poolId" in info:
        if "autoPoolSpecification" in info:
            raise invalid_property(
                "poolInfo", info["poolId"], "Only one of poolId and autoPoolSpecification may be given."
            )
        return check_id(info["poolId"], "poolId"), None
    if "autoPoolSpecification" not in info:
        raise BatchServiceError("MissingRequiredProperty", PropertyName="poolId")
    return None, parse_auto_pool(members(info, "autoPoolSpecification"))
