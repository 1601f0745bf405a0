"""From what Azure Batch answers to our models. Pure functions, shared by the sync and the async client."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _naming, _workers
from airflow_provider_aztk.client.models import (
    Application,
    ApplicationState,
    Cluster,
    ClusterState,
    Failure,
    Job,
    JobState,
    Node,
    Outcome,
)
from airflow_provider_aztk.client.models._record import Record
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Json = dict[str, Any]

#: Batch's terminateReason when the job manager task completes a job.
MASTER_ENDED = "JMComplete"
_TIME_OVER = "MaxWallClockTimeExpiry"
_ENDING = ("terminating", "completed", "deleting")
#: What :func:`application` reads of a task; without the rest an answer is a tenth as long.
TASK_FIELDS = [
    "id",
    "state",
    "stateTransitionTime",
    "previousState",
    "previousStateTransitionTime",
    "creationTime",
    "lastModified",
    "executionInfo",
    "nodeInfo",
]
#: Our own code of a cluster or job whose master could not do its work.
MASTER_FAILED = "MasterFailed"
#: Our own code of a job that ended although nothing of its own, nor a user, has ended it.
ENDED_ITSELF = "EndedItself"
#: Our own code of a job that ended before all of its tasks were added.
INCOMPLETE = "JobIncomplete"
#: The same, where its workers did not come.
TOO_FEW_WORKERS = "TooFewWorkers"
_LOG_LINES, _LOG_WIDTH = 30, 500  # of the master's log, in an error's message
# What Batch and a shell say of a program that is not there; the program of all our tasks is python3.
_NO_PROGRAM, _NO_PROGRAM_EXIT = "CommandProgramNotFound", 127
_NO_PYTHON = "an image (docker_repo) needs python3 of version 3.8 or later on its PATH"
_BAD_NODES = ("unusable", "starttaskfailed")
_ALLOCATING = "resizing"


def timestamp(text: str | None) -> datetime | None:
    """Read a time as Batch writes it, with up to seven digits of a second."""
    return datetime.fromisoformat(text) if text else None


def is_mode(job: Mapping[str, Any], mode: str) -> bool:
    """Tell whether a Batch job is one of our clusters, or one of our jobs."""
    return _naming.from_metadata(job.get("metadata")).get(_naming.MODE) == mode


def is_application(task_id: str) -> bool:
    """Tell whether a task is an application, and not one of ours."""
    return not task_id.lower().startswith(contract.RESERVED_PREFIX)


def failure_of(error: Mapping[str, Any] | None) -> Failure | None:
    """Read Batch's error objects: task failureInfo, job schedulingError, pool resizeError, node error."""
    if not error:
        return None
    details = error.get("details") or error.get("values") or error.get("errorDetails") or []
    return Failure(
        code=error.get("code") or error.get("category") or "Unknown",
        message=error.get("message") or "Azure Batch gave no message",
        values={str(item.get("name")): str(item.get("value")) for item in details},
    )


def application(task: Mapping[str, Any]) -> Application:
    """Read an application from its task."""
    info = task.get("executionInfo") or {}
    state = ApplicationState(task["state"])
    outcome = _outcome(info) if state.is_terminal else None
    previous = task.get("previousState")
    return Application(
        name=task["id"],
        state=state,
        last_modified=timestamp(task.get("lastModified")),
        creation_time=timestamp(task.get("creationTime")),
        state_transition_time=timestamp(task.get("stateTransitionTime")),
        previous_state=ApplicationState(previous) if previous else None,
        previous_state_transition_time=timestamp(task.get("previousStateTransitionTime")),
        exit_code=info.get("exitCode"),
        outcome=outcome,
        failure=_application_failure(info) if outcome not in (None, Outcome.SUCCESS) else None,
        start_time=timestamp(info.get("startTime")),
        end_time=timestamp(info.get("endTime")),
        retry_count=info.get("retryCount") or 0,
        node_id=(task.get("nodeInfo") or {}).get("nodeId"),
    )


def _outcome(info: Mapping[str, Any]) -> Outcome:
    exit_code = info.get("exitCode")
    if exit_code == 0 and not info.get("failureInfo"):
        return Outcome.SUCCESS
    if exit_code == contract.EXIT_STOPPED or (info.get("failureInfo") or {}).get("code") == "TaskEnded":
        return Outcome.STOPPED
    if exit_code in (contract.EXIT_MASTER_LOST, contract.EXIT_NO_MASTER):
        return Outcome.LOST
    return Outcome.FAILED


def _application_failure(info: Mapping[str, Any]) -> Failure:
    exit_code = info.get("exitCode")
    known = contract.WRAPPER_EXIT_CODES.get(exit_code) if isinstance(exit_code, int) else None
    if known:
        return Failure(code="FailureExitCode", message=known, values={"exit code": str(exit_code)})
    failure = failure_of(info.get("failureInfo"))
    if exit_code is not None and (failure is None or failure.code == "FailureExitCode"):
        hint = f" (a program was not found; {_NO_PYTHON})" if exit_code == _NO_PROGRAM_EXIT else ""
        return Failure(code="FailureExitCode", message=f"the driver ended with exit code {exit_code}{hint}")
    if failure and failure.code == _NO_PROGRAM:
        return dataclasses.replace(failure, message=f"{failure.message.rstrip('.')}: {_NO_PYTHON}")
    return failure or Failure(code="Unknown", message="Azure Batch says no more than that it did not succeed")


def job_failure(job: Mapping[str, Any]) -> Failure | None:
    """Say why a Batch job has ended or is ending, or None while it lives."""
    info = job.get("executionInfo") or {}
    scheduling = failure_of(info.get("schedulingError"))
    if scheduling:
        return scheduling
    if job.get("state") not in _ENDING:
        return None
    reason = info.get("terminateReason") or f"job is {job['state']}"
    return Failure(code="JobEnded", message=f"the cluster's Batch job has ended: {reason}")


def may_be_ended_by_master(job: Mapping[str, Any]) -> bool:
    """Tell whether a job has ended because its job manager task, the master, did; Batch may give its reason late."""
    reason = (job.get("executionInfo") or {}).get("terminateReason")
    return reason == MASTER_ENDED or (reason is None and job.get("state") == "terminating")


def _master_failure(job: Mapping[str, Any], master_task: Mapping[str, Any] | None, log: bytes | None) -> Failure | None:
    """Say how the master ended, where that ended the job."""
    if master_task is None or not may_be_ended_by_master(job):
        return None
    master = application(master_task)
    if master.outcome in (None, Outcome.STOPPED):  # it is ended with the job, and not the other way round
        return None
    if master.outcome is Outcome.SUCCESS:
        reason = (log or b"").decode(errors="replace").strip() or "its idle_timeout was over"
        return Failure(code="JobEnded", message=f"the cluster ended itself: {reason[:_LOG_WIDTH]}")
    message = f"the Spark master ended: {master.failure}"
    lines = (log or b"").decode(errors="replace").splitlines()[-_LOG_LINES:]
    if lines:
        message += "\nThe last lines of its log:\n" + "\n".join(f"    {line[:_LOG_WIDTH]}" for line in lines)
    code = TOO_FEW_WORKERS if master.exit_code == contract.EXIT_TOO_FEW_WORKERS else MASTER_FAILED
    return Failure(code=code, message=message)


def is_of_master(failure: Failure | None) -> bool:
    """Return whether it is the master that has ended the job, and has left the reason in its log."""
    return failure is not None and failure.code in (MASTER_FAILED, TOO_FEW_WORKERS, ENDED_ITSELF)


def pool_failure(job: Mapping[str, Any], pool: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> Failure | None:
    """Say why the master cannot come to a node of this pool, or None as long as it may.

    A Spot node that is missing is no failure while there is a node for the master; neither is an error that is
    older than the job.
    """
    if pool.get("state") == "deleting":
        return Failure(code="PoolBeingDeleted", message="the cluster's pool is being deleted")
    dedicated_only = not (job.get("jobManagerTask") or {}).get("allowLowPriorityNode", True)
    eligible = [node for node in nodes if node.get("isDedicated", True) or not dedicated_only]
    usable = [node for node in eligible if node.get("state") not in _BAD_NODES]
    if usable:
        return None
    if eligible:
        return _node_failure(eligible[0])
    if pool.get("allocationState") == _ALLOCATING:
        return None
    since = timestamp(job.get("creationTime"))
    changed = timestamp(pool.get("allocationStateTransitionTime"))
    if since and changed and changed < since:
        return None
    return failure_of(next(iter(pool.get("resizeErrors") or []), None))


def _node_failure(node: Mapping[str, Any]) -> Failure:
    errors = node.get("errors") or []
    start = failure_of((node.get("startTaskInfo") or {}).get("failureInfo"))
    found = failure_of(errors[0]) if errors else start
    return found or Failure(code=f"Node{str(node.get('state')).capitalize()}", message=f"node {node.get('id')}")


def cluster(
    job: Mapping[str, Any],
    pool: Mapping[str, Any] | None,
    nodes: Sequence[Mapping[str, Any]],
    master: bytes | None,
    master_task: Mapping[str, Any] | None = None,
    master_log: bytes | None = None,
    worker_tasks: Iterable[Mapping[str, Any]] = (),
) -> Cluster:
    """Read a cluster from its job, its pool, its nodes and what its master wrote about itself.

    :param master: the blob that says where the master is.
    :param master_task: the master's task, where its end has ended the job.
    :param master_log: what it said last, where it failed.
    :param worker_tasks: tasks of workers that have ended, where workers are missing.
    """
    ended = _master_failure(job, master_task, master_log) or job_failure(job)
    failure = ended or (pool_failure(job, pool, nodes) if pool else None)
    where = json.loads(master) if master else {}
    wanted = ((job.get("poolInfo") or {}).get("autoPoolSpecification") or {}).get("pool") or {}
    size = pool or wanted
    return Cluster(
        id=job["id"],
        state=_cluster_state(job, failure, bool(where) and not where.get("waiting_for_workers")),
        visible_state=_visible_state(job, pool),
        failure=failure,
        pool=Record(pool) if pool else None,
        nodes=tuple(Node(node) for node in nodes),
        vm_size=size.get("vmSize"),
        target_dedicated_nodes=size.get("targetDedicatedNodes") or 0,
        target_low_pri_nodes=size.get("targetLowPriorityNodes") or 0,
        current_dedicated_nodes=(pool or {}).get("currentDedicatedNodes") or 0,
        current_low_pri_nodes=(pool or {}).get("currentLowPriorityNodes") or 0,
        workers=where.get("workers", 0) if failure is None else 0,
        target_workers=where.get("target_workers") or _target_workers(job),
        failed_workers=_workers.failed(
            where,
            [application(task) for task in worker_tasks if task["id"].startswith(contract.WORKER_TASK_PREFIX)],
            [node for node in nodes if node.get("state") in _BAD_NODES],
            _node_failure,
        ),
        spark_master_url=where.get("url"),
        spark_ui_url=f"http://{where['host']}:{where['web_port']}" if where else None,
        master_node_id=where.get("node_id"),
        pool_id=(job.get("executionInfo") or {}).get("poolId"),
        container=_naming.container_name(job["id"]),
        creation_time=timestamp(job.get("creationTime")),
        metadata=_own_metadata(job),
    )


def _target_workers(job: Mapping[str, Any]) -> int:
    metadata = _naming.from_metadata(job.get("metadata"))
    text = metadata.get(_naming.WORKERS) or metadata.get(_naming.NODES) or ""
    return int(text) if text.isdigit() else 0


def _cluster_state(job: Mapping[str, Any], failure: Failure | None, has_master: bool) -> ClusterState:
    if job.get("state") == "deleting":
        return ClusterState.DELETING
    if failure:
        return ClusterState.ENDED if failure.code == "JobEnded" else ClusterState.FAILED
    return ClusterState.READY if has_master else ClusterState.CREATING


def _visible_state(job: Mapping[str, Any], pool: Mapping[str, Any] | None) -> str | None:
    """Give the seed's state: the pool's, and its allocation state while it is active."""
    if pool is None:
        return str(job["state"])
    return str(pool.get("allocationState") if pool.get("state") == "active" else pool.get("state"))


def _own_metadata(job: Mapping[str, Any]) -> dict[str, str]:
    return {k: v for k, v in _naming.from_metadata(job.get("metadata")).items() if not k.startswith("aztk_")}


def aztk_job(job: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]] | None, master_log: bytes | None = None) -> Job:
    """Read an AZTK job from its Batch job and tasks.

    The outcome is told by the applications and the master, and never by the job's own reason of termination: the job
    ends by termination even when all went well.

    :param tasks: its tasks, ours too, or None where nobody has asked for them; without any the outcome is not told, but
        for a job that was never scheduled.
    :param master_log: what its master said last, where it failed.
    """
    state = JobState(job["state"])
    found = {task["id"]: task for task in tasks or ()}
    apps = {id: application(task) for id, task in found.items() if is_application(id)}
    listed: dict[str, Application | None] = {
        name: None if app.state is ApplicationState.ACTIVE else app for name, app in apps.items()
    }
    failure = failure_of((job.get("executionInfo") or {}).get("schedulingError"))
    ended = state.is_terminal and bool(found)
    is_submitted = tasks is None or _is_submitted(job, found)
    if failure is None and ended and not (is_submitted and _all_succeeded(apps.values())):
        failure = _cut_short(job, found.get(contract.MASTER_TASK_ID), master_log, is_submitted=is_submitted)
    return Job(
        id=job["id"],
        state=state,
        last_modified=timestamp(job.get("lastModified")),
        creation_time=timestamp(job.get("creationTime")),
        state_transition_time=timestamp(job.get("stateTransitionTime")),
        applications=listed,
        outcome=_job_outcome(list(apps.values()), failure) if ended or failure else None,
        failure=failure,
        pool_id=(job.get("executionInfo") or {}).get("poolId"),
        metadata=_own_metadata(job),
        container=_naming.container_name(job["id"]),
        is_submitted=is_submitted,
    )


def _is_submitted(job: Mapping[str, Any], tasks: Mapping[str, Any]) -> bool:
    """Return whether all tasks of an AZTK job were added: workers, gate, applications, and the one that ends it.

    The job's metadata say how many there are; one of a version that did not write them passes.
    """
    metadata = _naming.from_metadata(job.get("metadata"))
    if _naming.APPLICATIONS not in metadata:
        return True
    workers = [contract.worker_task_id(index) for index in range(1, int(metadata.get(_naming.NODES) or 1))]
    applications = sum(1 for id in tasks if is_application(id))
    own = {contract.GATE_TASK_ID, contract.FINISH_TASK_ID, *workers}
    return own <= tasks.keys() and applications >= int(metadata[_naming.APPLICATIONS])


def _cut_short(
    job: Mapping[str, Any], master_task: Mapping[str, Any] | None, master_log: bytes | None, *, is_submitted: bool
) -> Failure | None:
    """Say what has ended an AZTK job before its applications did, unless somebody stopped it."""
    if (job.get("executionInfo") or {}).get("terminateReason") == _TIME_OVER:
        return Failure(code=_TIME_OVER, message="its time (max_lifetime) was over before it was done")
    failure = _master_failure(job, master_task, master_log)
    if failure and not is_of_master(failure):  # it ended itself, though its applications were not done
        failure = Failure(code=ENDED_ITSELF, message=failure.message)
    if failure is None and not is_submitted:
        failure = Failure(code=INCOMPLETE, message="it ended before all of its tasks were added")
    return failure


def _job_outcome(apps: Sequence[Application], failure: Failure | None) -> Outcome:
    if failure:
        return Outcome.FAILED
    for bad in (Outcome.FAILED, Outcome.LOST, Outcome.STOPPED):
        if any(app.outcome is bad for app in apps):
            return bad
    return Outcome.SUCCESS if _all_succeeded(apps) else Outcome.STOPPED


def _all_succeeded(apps: Collection[Application]) -> bool:
    return bool(apps) and all(app.outcome is Outcome.SUCCESS for app in apps)
