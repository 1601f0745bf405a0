"""The admin API: fault injection and inspection. Its requests are signed like all others."""

from __future__ import annotations

import random
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aztk.local.batch.api.admin_entra import ENTRA_ROUTES
from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.batch.common.values import Json, required
from airflow_provider_aztk.local.batch.services.faults import (
    AutoPoolFault,
    HttpFault,
    ImageFault,
    ResizeFault,
    StartTaskFault,
    TaskFault,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.batch.store.records import NodeRecord, PoolRecord

__all__ = ["PREFIX", "ROUTES"]

PREFIX = "/_admin"

F = TypeVar("F")


def _fault(kind: Callable[..., F], body: Json) -> F:
    """Make a fault of a request's body; members that nobody knows are refused."""
    known = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass, each
    for name, value in body.items():
        if name not in known:
            raise invalid_property(name, value, f"Known are {', '.join(sorted(known))}.")
        if not _is_like(value, known[name]):
            raise invalid_property(name, value, "The value has the wrong type.")
    return kind(**body)


def _is_like(value: object, default: object) -> bool:
    """Return whether a value has the type of a default; no default means an object of strings."""
    if isinstance(default, bool | str):
        return isinstance(value, type(default))
    if default is MISSING:
        return isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values())
    number = int if isinstance(default, int) else (int, float)
    return isinstance(value, number) and not isinstance(value, bool)


def _seconds(body: Json, name: str, default: float) -> float:
    value: Any = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise invalid_property(name, value, "A number of seconds is expected.")
    return float(value)


def _node(backend: Backend, body: Json) -> tuple[PoolRecord, NodeRecord]:
    pool = backend.pools.find(str(required(body, "pool")))
    return pool, backend.nodes.find(pool, str(required(body, "node")))


async def admin_delays(backend: Backend, request: Request) -> Response:
    """Set how long allocation, boot, deletion and termination take; what is left out stays."""
    body, faults = request.json(), backend.faults
    faults.allocation_delay = _seconds(body, "allocation", faults.allocation_delay)
    faults.boot_delay = _seconds(body, "boot", faults.boot_delay)
    faults.deletion_delay = _seconds(body, "deletion", faults.deletion_delay)
    faults.termination_delay = _seconds(body, "termination", faults.termination_delay)
    return Response(status=204)


async def admin_shuffle(backend: Backend, request: Request) -> Response:
    """Schedule ready tasks in random order, or in order again."""
    body = request.json()
    backend.faults.shuffle = random.Random(body.get("seed")) if body.get("enabled", True) else None
    return Response(status=204)


async def admin_resize_error(backend: Backend, request: Request) -> Response:
    """Make resizes get fewer nodes than asked for."""
    backend.faults.resizes.append(_fault(ResizeFault, request.json()))
    return Response(status=204)


async def admin_auto_pool_error(backend: Backend, request: Request) -> Response:
    """Make auto-pools fail."""
    backend.faults.auto_pools.append(_fault(AutoPoolFault, request.json()))
    return Response(status=204)


async def admin_start_task_failure(backend: Backend, request: Request) -> Response:
    """Make start tasks fail."""
    backend.faults.start_tasks.append(_fault(StartTaskFault, request.json()))
    return Response(status=204)


async def admin_image_failure(backend: Backend, request: Request) -> Response:
    """Make image pulls fail, on nodes or for tasks."""
    fault = _fault(ImageFault, request.json())
    if fault.where not in ("node", "task"):
        raise invalid_property("where", fault.where, "node or task is expected.")
    backend.faults.images.append(fault)
    return Response(status=204)


async def admin_task_error(backend: Backend, request: Request) -> Response:
    """Make the addition of tasks of a collection fail."""
    fault = _fault(TaskFault, request.json())
    if fault.status not in ("ServerError", "ClientError"):
        raise invalid_property("status", fault.status, "ServerError or ClientError is expected.")
    backend.faults.tasks.append(fault)
    return Response(status=204)


async def admin_http_fault(backend: Backend, request: Request) -> Response:
    """Make requests fail."""
    fault = _fault(HttpFault, request.json())
    if fault.kind not in ("error", "reset", "delay", "truncate"):
        raise invalid_property("kind", fault.kind, "error, reset, delay or truncate is expected.")
    if not 400 <= fault.status <= 599:
        raise invalid_property("status", fault.status, "A status from 400 to 599 is expected.")
    backend.faults.http.append(fault)
    return Response(status=204)


async def admin_clear(backend: Backend, request: Request) -> Response:
    """Remove all injected faults and delays."""
    backend.faults.clear()
    return Response(status=204)


async def admin_preempt(backend: Backend, request: Request) -> Response:
    """Take the machine of a low-priority node away."""
    body = request.json()
    pool, node = _node(backend, body)
    _check_alive(node)
    restore = _seconds(body, "restore_after", 0) if "restore_after" in body else None
    await backend.nodes.preempt(pool, node, restore)
    return Response(status=204)


async def admin_fail_node(backend: Backend, request: Request) -> Response:
    """Fail a node."""
    body = request.json()
    pool, node = _node(backend, body)
    _check_alive(node)
    await backend.nodes.fail_node(pool, node, replace=bool(body.get("replace", True)))
    return Response(status=204)


async def admin_state(backend: Backend, request: Request) -> Response:
    """Show what the account holds and what runs."""
    tasks = [task for job in backend.account.jobs for task in job.tasks]
    return Response(
        body={
            "pools": len(backend.account.pools),
            "nodes": sum(len(pool.nodes) for pool in backend.account.pools),
            "jobs": len(backend.account.jobs),
            "tasks": len(tasks),
            "processes": sorted(backend.processes.children),
            "data_dir": str(backend.settings.data_dir),
        }
    )


async def admin_record(backend: Backend, request: Request) -> Response:
    """Switch the recording of requests on or off."""
    backend.recorder.enabled = bool(request.json().get("enabled", True))
    return Response(status=204)


async def admin_requests(backend: Backend, request: Request) -> Response:
    """List the recorded requests."""
    return Response(body={"value": backend.recorder.calls()})


async def admin_forget_requests(backend: Backend, request: Request) -> Response:
    """Forget the recorded requests."""
    backend.recorder.clear()
    return Response(status=204)


def _check_alive(node: NodeRecord) -> None:
    if not node.state.has_booted:
        raise BatchServiceError("NodeNotReady", Reason=f"The node is {node.state}.")


ROUTES: list[tuple[str, str, Callable[[Backend, Request], Awaitable[Response]]]] = [
    ("PUT", PREFIX + "/delays", admin_delays),
    ("PUT", PREFIX + "/shuffle", admin_shuffle),
    ("POST", PREFIX + "/resize-errors", admin_resize_error),
    ("POST", PREFIX + "/auto-pool-errors", admin_auto_pool_error),
    ("POST", PREFIX + "/start-task-failures", admin_start_task_failure),
    ("POST", PREFIX + "/image-failures", admin_image_failure),
    ("POST", PREFIX + "/task-errors", admin_task_error),
    ("POST", PREFIX + "/http-faults", admin_http_fault),
    ("DELETE", PREFIX + "/faults", admin_clear),
    ("POST", PREFIX + "/preempt", admin_preempt),
    ("POST", PREFIX + "/fail-node", admin_fail_node),
    ("GET", PREFIX + "/state", admin_state),
    ("PUT", PREFIX + "/recording", admin_record),
    ("GET", PREFIX + "/requests", admin_requests),
    ("DELETE", PREFIX + "/requests", admin_forget_requests),
    *ENTRA_ROUTES,
]
