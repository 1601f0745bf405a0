"""Records as JSON, as responses show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_aztk.local.batch.common.times import format_time
from airflow_provider_aztk.local.batch.store.states import Allocation, NodeState

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_aztk.local.batch.api.messages import Request
    from airflow_provider_aztk.local.batch.common.values import Json
    from airflow_provider_aztk.local.batch.services.files import FileEntry
    from airflow_provider_aztk.local.batch.store.records import JobRecord, NodeRecord, PoolRecord, TaskRecord
    from airflow_provider_aztk.local.batch.store.state_machine import StateMachine

__all__ = [
    "extensions",
    "inbound_endpoints",
    "serialize_file",
    "serialize_job",
    "serialize_node",
    "serialize_node_counts",
    "serialize_pool",
    "serialize_task",
    "with_metadata",
]

_AGENT_VERSION = "1.12.3"
#: The spelling of the states in node counts, where it is not that of the state itself.
_COUNT_NAMES = {
    NodeState.LEAVING: "leavingPool",
    NodeState.START_TASK_FAILED: "startTaskFailed",
    NodeState.WAITING: "waitingForStartTask",
}
_COUNTED = (
    *("creating", "deallocated", "deallocating", "idle", "leavingPool", "offline", "preempted", "rebooting"),
    *("reimaging", "running", "startTaskFailed", "starting", "unknown", "unusable", "upgradingOS"),
    "waitingForStartTask",
)


def with_metadata(request: Request, kind: str, body: Json) -> Json:
    """Put the member in front that says what the answer is."""
    return {"odata.metadata": f"{request.base}/$metadata#{kind}", **body}


def serialize_pool(request: Request, pool: PoolRecord) -> Json:
    """Show a pool."""
    spec = dict(pool.spec.echo)
    body: Json = {"id": pool.id}
    if "displayName" in spec:
        body["displayName"] = spec.pop("displayName")
    body |= {"url": f"{request.base}/pools/{pool.id}", **_version(pool), **_state(pool.life)}
    body["allocationState"] = str(pool.allocation.state)
    body["allocationStateTransitionTime"] = format_time(pool.allocation.since)
    body |= spec
    body |= {
        "targetDedicatedNodes": pool.target_dedicated,
        "targetLowPriorityNodes": pool.target_low_priority,
        "currentDedicatedNodes": pool.count(dedicated=True),
        "currentLowPriorityNodes": pool.count(dedicated=False),
    }
    if pool.resize_errors:
        body["resizeErrors"] = pool.resize_errors
    if pool.allocation.state is Allocation.STEADY:
        body["currentNodeCommunicationMode"] = "simplified"
    return body


def serialize_job(request: Request, job: JobRecord) -> Json:
    """Show a job."""
    body: Json = {"id": job.id, "url": f"{request.base}/jobs/{job.id}", **_version(job), **_state(job.life)}
    body |= {name: value for name, value in job.spec.echo.items() if name != "id"}
    info: Json = {"startTime": format_time(job.created)}
    info |= _times(endTime=job.ended)
    if job.pool_id:
        info["poolId"] = job.pool_id
    if job.scheduling_error:
        info["schedulingError"] = job.scheduling_error
    if job.terminate_reason and job.ended:
        info["terminateReason"] = job.terminate_reason
    body["executionInfo"] = info
    return body


def serialize_task(request: Request, task: TaskRecord) -> Json:
    """Show a task."""
    url = f"{request.base}/jobs/{task.job_id}/tasks/{task.id}"
    body: Json = {"id": task.id, "url": url, **_version(task), **_state(task.life)}
    hidden = ("id", "killJobOnCompletion", "runExclusive", "allowLowPriorityNode")
    body |= {name: value for name, value in task.spec.echo.items() if name not in hidden}
    info: Json = _times(startTime=task.started, endTime=task.ended)
    if task.exit_code is not None and task.ended is not None:
        info["exitCode"] = task.exit_code
    if task.container:
        info["containerInfo"] = task.container
    if task.failure:
        info["failureInfo"] = task.failure
    info["retryCount"] = task.retries
    info |= _times(lastRetryTime=task.last_retry)
    info["requeueCount"] = task.requeues
    info |= _times(lastRequeueTime=task.last_requeue)
    if task.result:
        info["result"] = task.result
    body["executionInfo"] = info
    if task.node_info is not None:
        body["nodeInfo"] = task.node_info
    return body


def serialize_node(request: Request, pool: PoolRecord, node: NodeRecord) -> Json:
    """Show a node."""
    image = pool.spec.echo["virtualMachineConfiguration"]["imageReference"]
    body: Json = {
        "id": node.id,
        "url": f"{request.base}/pools/{pool.id}/nodes/{node.id}",
        "state": str(node.state),
        "schedulingState": "enabled" if node.scheduling_enabled else "disabled",
        "stateTransitionTime": format_time(node.life.since),
        "allocationTime": format_time(node.allocated),
        "ipAddress": node.address,
        "affinityId": f"TVM:{node.id}",
        "vmSize": pool.spec.vm_size,
        "totalTasksRun": node.tasks_run,
        "totalTasksSucceeded": node.tasks_succeeded,
        "runningTasksCount": node.running_tasks,
        "runningTaskSlotsCount": node.used_slots,
        "isDedicated": node.dedicated,
        "endpointConfiguration": {"inboundEndpoints": inbound_endpoints(pool, node)},
        "virtualMachineInfo": {"imageReference": {**image, "exactVersion": _exact(image)}},
    }
    if node.booted is not None:
        booted = format_time(node.booted)
        body["lastBootTime"] = booted
        body["nodeAgentInfo"] = {"version": _AGENT_VERSION, "lastUpdateTime": booted}
        body["certificateReferences"] = []
    if node.recent:
        body["recentTasks"] = list(node.recent)
    if pool.spec.start_task is not None:
        body["startTask"] = pool.spec.start_task.echo
    if node.start_task_info:
        body["startTaskInfo"] = node.start_task_info
    if node.errors:
        body["errors"] = node.errors
    return body


def inbound_endpoints(pool: PoolRecord, node: NodeRecord) -> list[Json]:
    """Show by which ports a node would be reached from outside: those of the pool's NAT, nothing else."""
    index = sum(other.number < node.number for other in pool.nodes)
    return [
        {
            "name": f"{nat.name}.{index}",
            "protocol": nat.protocol,
            "publicIPAddress": node.address,
            "publicFQDN": "localhost",
            "frontendPort": nat.first_frontend_port + index,
            "backendPort": nat.backend_port,
        }
        for nat in pool.spec.nat_pools
    ]


def extensions(pool: PoolRecord) -> list[Json]:
    """Show the VM extensions of a pool's nodes; none of them does anything here."""
    own = {"name": "batchNodeExtension", "publisher": "Microsoft.Azure.Batch", "type": "BatchNodeExtension"}
    wanted = pool.spec.echo["virtualMachineConfiguration"].get("extensions") or []
    return [
        {
            "provisioningState": "Succeeded",
            "vmExtension": extension,
            "instanceView": {
                "name": extension.get("name", ""),
                "statuses": [{"code": "ProvisioningState/succeeded", "level": "Info"}],
            },
        }
        for extension in [own, *wanted]
    ]


def serialize_node_counts(pool: PoolRecord) -> Json:
    """Show how many nodes of a pool are in each state."""
    body: Json = {"poolId": pool.id}
    for kind, dedicated in (("dedicated", True), ("lowPriority", False)):
        counts = dict.fromkeys(_COUNTED, 0)
        nodes = [node for node in pool.nodes if node.dedicated is dedicated]
        for node in nodes:
            counts[_COUNT_NAMES.get(node.state, str(node.state))] += 1
        body[kind] = {**counts, "total": len(nodes)}
    return body


def serialize_file(base_url: str, entry: FileEntry) -> Json:
    """Show a file or directory.

    :param base_url: the address of the directory that is listed.
    """
    body: Json = {
        "name": entry.name,
        "url": f"{base_url}/{quote(entry.name, errors='surrogateescape')}",
        "isDirectory": entry.is_directory,
    }
    if not entry.is_directory:
        body["properties"] = {
            "lastModified": format_time(entry.modified),
            "contentLength": str(entry.size),
            "contentType": entry.content_type,
            "fileMode": entry.mode,
        }
    return body


def _version(record: PoolRecord | JobRecord | TaskRecord) -> Json:
    return {
        "eTag": record.etag,
        "lastModified": format_time(record.modified),
        "creationTime": format_time(record.created),
    }


def _state(life: StateMachine[Any]) -> Json:
    body: Json = {"state": str(life.state), "stateTransitionTime": format_time(life.since)}
    if life.previous is not None and life.previous_since is not None:
        body["previousState"] = str(life.previous)
        body["previousStateTransitionTime"] = format_time(life.previous_since)
    return body


def _times(**times: datetime | None) -> Json:
    return {name: format_time(when) for name, when in times.items() if when is not None}


def _exact(image: Json) -> str:
    version = str(image.get("version", "latest"))
    return "1.0.0" if version == "latest" else version
