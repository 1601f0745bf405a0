"""By which properties each list can be filtered, as the reference page "OData filters in Batch" has it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.local.batch.api.odata import ALL, EQUALITY, ORDER, Field
from airflow_provider_aztk.local.batch.common.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FILES", "IMAGES", "JOBS", "NODES", "NODE_COUNTS", "POOLS", "TASKS"]


def _member(name: str, kind: type, operators: frozenset[str]) -> Field:
    return Field(kind, operators, lambda body: body.get(name))


def _inside(record_part: str, name: str) -> Callable[[Any], Any]:
    return lambda record: (getattr(record, record_part) or {}).get(name)


def _start_task_time(name: str) -> Callable[[Any], Any]:
    def get(node: Any) -> datetime | None:
        value = (node.start_task_info or {}).get(name)
        return None if value is None else parse_time(value)

    return get


def _lived(part: str = "life") -> dict[str, Field]:
    return {
        "state": Field(str, EQUALITY, lambda record: getattr(record, part).state),
        "stateTransitionTime": Field(datetime, ORDER, lambda record: getattr(record, part).since),
    }


_ID = Field(str, ALL, lambda record: record.id)
_TIMES = {
    "creationTime": Field(datetime, ORDER, lambda record: record.created),
    "lastModified": Field(datetime, ORDER, lambda record: record.modified),
}

POOLS = {
    "id": _ID,
    **_lived(),
    **_TIMES,
    "allocationState": Field(str, EQUALITY, lambda pool: pool.allocation.state),
    "allocationStateTransitionTime": Field(datetime, ORDER, lambda pool: pool.allocation.since),
    "enableAutoScale": Field(bool, EQUALITY, lambda _: False),
    "enableInterNodeCommunication": Field(bool, EQUALITY, lambda pool: pool.spec.inter_node_communication),
    "vmSize": Field(str, ALL, lambda pool: pool.spec.vm_size),
}

JOBS = {
    "id": _ID,
    **_lived(),
    **_TIMES,
    "executionInfo/startTime": Field(datetime, ORDER, lambda job: job.created),
    "executionInfo/endTime": Field(datetime, ORDER, lambda job: job.ended),
    "executionInfo/poolId": Field(str, ALL, lambda job: job.pool_id),
}

TASKS = {
    "id": _ID,
    **_lived(),
    **_TIMES,
    "executionInfo/startTime": Field(datetime, ORDER, lambda task: task.started),
    "executionInfo/endTime": Field(datetime, ORDER, lambda task: task.ended),
    "executionInfo/exitCode": Field(int, ORDER, lambda task: task.exit_code),
    "executionInfo/result": Field(str, EQUALITY, lambda task: task.result),
    "nodeInfo/affinityId": Field(str, ALL, _inside("node_info", "affinityId")),
    "nodeInfo/poolId": Field(str, ALL, _inside("node_info", "poolId")),
    "nodeInfo/nodeId": Field(str, ALL, _inside("node_info", "nodeId")),
}

NODES = {
    **_lived(),
    "lastBootTime": Field(datetime, ORDER, lambda node: node.booted),
    "allocationTime": Field(datetime, ORDER, lambda node: node.allocated),
    "startTaskInfo/state": Field(str, EQUALITY, _inside("start_task_info", "state")),
    "startTaskInfo/result": Field(str, EQUALITY, _inside("start_task_info", "result")),
    "startTaskInfo/exitCode": Field(int, ORDER, _inside("start_task_info", "exitCode")),
    "startTaskInfo/startTime": Field(datetime, ORDER, _start_task_time("startTime")),
    "startTaskInfo/endTime": Field(datetime, ORDER, _start_task_time("endTime")),
}

FILES = {"name": Field(str, frozenset({"startswith"}), lambda entry: entry.name)}
NODE_COUNTS = {"poolId": Field(str, frozenset({"eq"}), lambda pool: pool.id)}
IMAGES = {name: _member(name, str, EQUALITY) for name in ("osType", "verificationType", "nodeAgentSKUId")}
