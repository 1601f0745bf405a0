"""From what Azure Batch answers to our models. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _naming, _workers
from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._azure.clock import timestamp
from airflow_provider_aztk.client._failures import (
    application_failure,
    failure_before_end,
    failure_of,
    job_failure,
    master_failure,
    missing_pool,
    node_failure,
    pool_failure,
)
from airflow_provider_aztk.client.models import (
    Application,
    ApplicationState,
    Cluster,
    ClusterState,
    Failure,
    Job,
    JobState,
    Node,
    OrphanedPool,
    Outcome,
)
from airflow_provider_aztk.client.models._record import Record
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

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

#: What is read of a job that is listed. The job manager task, the longest part, is not.
JOB_FIELDS = [
    "id",
    "eTag",
    "state",
    "stateTransitionTime",
    "creationTime",
    "lastModified",
    "metadata",
    "executionInfo",
    "poolInfo",
]


def is_mode(job: Mapping[str, Any], mode: str) -> bool:
    """Return whether a Batch job is one of our clusters, or one of our jobs."""
    return _naming.from_metadata(job.get("metadata")).get(_naming.MODE) == mode


def is_ours(job: Mapping[str, Any]) -> bool:
    """Return whether a Batch job is a cluster or an AZTK job."""
    return _naming.MODE in _naming.from_metadata(job.get("metadata"))


def is_application(task_id: str) -> bool:
    """Return whether a task is an application, and not one of ours."""
    return not task_id.lower().startswith(contract.RESERVED_PREFIX)


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
        failure=application_failure(info) if outcome not in (None, Outcome.SUCCESS) else None,
        start_time=timestamp(info.get("startTime")),
        end_time=timestamp(info.get("endTime")),
        retry_count=info.get("retryCount") or 0,
        node_id=(task.get("nodeInfo") or {}).get("nodeId"),
    )


def _outcome(info: Mapping[str, Any]) -> Outcome:
    exit_code = info.get("exitCode")
    if exit_code == 0 and not info.get("failureInfo"):
        return Outcome.SUCCESS
    failure = info.get("failureInfo") or {}
    # A task that is out of its time has this code as well, but not as a user's error
    # (learn.microsoft.com/azure/batch/error-handling).
    ended = failure.get("code") == codes.TASK_ENDED and str(failure.get("category")).lower() != "servererror"
    if exit_code == contract.EXIT_STOPPED or ended:
        return Outcome.STOPPED
    if exit_code in (contract.EXIT_MASTER_LOST, contract.EXIT_NO_MASTER):
        return Outcome.LOST
    return Outcome.FAILED


def cluster(
    job: Mapping[str, Any],
    pool: Mapping[str, Any] | None,
    nodes: Sequence[Mapping[str, Any]],
    master: contract.Master | None,
    master_task: Mapping[str, Any] | None = None,
    master_log: bytes | None = None,
    worker_tasks: Iterable[Mapping[str, Any]] = (),
    now: datetime | None = None,
) -> Cluster:
    """Read a cluster from its job, its pool, its nodes and what its master wrote about itself.

    :param master: where the master is; None where it has not said so.
    :param master_task: the master's task, where its end has ended the job.
    :param master_log: its log, where it failed.
    :param worker_tasks: tasks of workers that have ended, where workers are missing.
    :param now: the service's time, where its pool was asked for: one that does not come is a failure then.
    """
    ended = master_failure(job, application(master_task) if master_task else None, master_log) or job_failure(job)
    without = missing_pool(job, now) if now else None
    failure = ended or (pool_failure(job, pool, nodes) if pool else without)
    wanted = ((job.get("poolInfo") or {}).get("autoPoolSpecification") or {}).get("pool") or {}
    size = pool or wanted
    return Cluster(
        id=job["id"],
        state=_cluster_state(job, failure, master is not None and not master.waiting_for_workers),
        visible_state=_visible_state(job, pool),
        failure=failure,
        pool=Record(pool) if pool else None,
        nodes=tuple(Node(node) for node in nodes),
        vm_size=size.get("vmSize"),
        target_dedicated_nodes=size.get("targetDedicatedNodes") or 0,
        target_low_pri_nodes=size.get("targetLowPriorityNodes") or 0,
        current_dedicated_nodes=(pool or {}).get("currentDedicatedNodes") or 0,
        current_low_pri_nodes=(pool or {}).get("currentLowPriorityNodes") or 0,
        workers=master.workers if master and failure is None else 0,
        target_workers=(master and master.target_workers) or _target_workers(job),
        failed_workers=_workers.failed(
            master.failed_workers if master else (),
            [application(task) for task in worker_tasks if task["id"].startswith(contract.WORKER_TASK_PREFIX)],
            [node for node in nodes if node.get("state") in codes.BAD_NODES],
            node_failure,
        ),
        spark_master_url=master.url if master else None,
        spark_ui_url=f"http://{master.host}:{master.web_port}" if master else None,
        master_node_id=master.node_id if master else None,
        pool_id=(job.get("executionInfo") or {}).get("poolId"),
        container=_naming.container_name(job["id"]),
        creation_time=timestamp(job.get("creationTime")),
        metadata=_own_metadata(job),
    )


def orphaned_pool(pool: Mapping[str, Any], job: Mapping[str, Any] | None) -> OrphanedPool:
    """Read a pool that outlived its job.

    :param job: the Batch job, which has ended; None where it does not exist any more.
    """
    metadata = _naming.from_metadata(pool.get("metadata"))
    ended = timestamp(((job or {}).get("executionInfo") or {}).get("endTime"))
    return OrphanedPool(
        id=pool["id"],
        cluster_id=metadata.get(_naming.CLUSTER_ID, ""),
        since=ended or timestamp(pool.get("creationTime")),
        metadata=_own_metadata(pool),
    )


def _target_workers(job: Mapping[str, Any]) -> int:
    metadata = _naming.from_metadata(job.get("metadata"))
    text = metadata.get(_naming.WORKERS) or metadata.get(_naming.NODES) or ""
    return int(text) if text.isdigit() else 0


def _cluster_state(job: Mapping[str, Any], failure: Failure | None, has_master: bool) -> ClusterState:
    if job.get("state") == JobState.DELETING:
        return ClusterState.DELETING
    if failure:
        return ClusterState.ENDED if failure.code == codes.JOB_ENDED else ClusterState.FAILED
    return ClusterState.READY if has_master else ClusterState.CREATING


def _visible_state(job: Mapping[str, Any], pool: Mapping[str, Any] | None) -> str | None:
    """Return AZTK's ``visible_state``: the pool's, and its allocation state while it is active."""
    if pool is None:
        return str(job["state"])
    return str(pool.get("allocationState") if pool.get("state") == codes.PoolState.ACTIVE else pool.get("state"))


def _own_metadata(job: Mapping[str, Any]) -> dict[str, str]:
    return {k: v for k, v in _naming.from_metadata(job.get("metadata")).items() if not k.startswith("aztk_")}


def aztk_job(job: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]] | None, master_log: bytes | None = None) -> Job:
    """Read an AZTK job from its Batch job and tasks.

    The outcome follows from the applications and the master, and never by the job's own reason of termination: the job
    ends by termination even when all went well.

    :param tasks: its tasks, ours too, or None where nobody has asked for them; without any there is no outcome, but
        for a job that was never scheduled.
    :param master_log: the log of its master, where that failed.
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
        master = application(found[contract.MASTER_TASK_ID]) if contract.MASTER_TASK_ID in found else None
        failure = failure_before_end(job, master, master_log, is_submitted=is_submitted)
        if failure and failure.code == codes.ENDED_ITSELF and is_submitted and _have_ended(apps.values(), master):
            failure = None
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


def _job_outcome(apps: Sequence[Application], failure: Failure | None) -> Outcome:
    if failure:
        return Outcome.FAILED
    for bad in (Outcome.FAILED, Outcome.LOST, Outcome.STOPPED):
        if any(app.outcome is bad for app in apps):
            return bad
    return Outcome.SUCCESS if _all_succeeded(apps) else Outcome.STOPPED


def _have_ended(apps: Collection[Application], master: Application | None) -> bool:
    """Return whether all applications had ended when the master ended itself; else it has ended them."""
    end = master.end_time if master else None
    return bool(apps) and end is not None and all(app.end_time is not None and app.end_time <= end for app in apps)


def _all_succeeded(apps: Collection[Application]) -> bool:
    return bool(apps) and all(app.outcome is Outcome.SUCCESS for app in apps)
