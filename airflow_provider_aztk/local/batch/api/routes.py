"""Which operation a request asks for. Operations are called as the azure-batch package calls its methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import unquote

from airflow_provider_aztk.local.batch.api import account, admin, admin_orders, files, jobs, nodes, pools, tasks
from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.services.backend import Backend

__all__ = ["ROUTES", "Handler", "Match", "find_route"]

Handler = Callable[[Backend, Request], Awaitable[Response]]


class Match(NamedTuple):
    """The operation of a request, and what its path names."""

    operation: str
    handler: Handler
    names: dict[str, str]


_POOL = "/pools/{pool}"
_NODE = "/pools/{pool}/nodes/{node}"
_JOB = "/jobs/{job}"
_TASK = "/jobs/{job}/tasks/{task}"


def _not_yet(path: str, handler: Handler) -> list[tuple[str, str, Handler]]:
    """Return the routes that lead everything at and below a path to one handler."""
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    return [(method, path + rest, handler) for method in methods for rest in ("", "/{rest*}")]


#: (method, path, handler). ``{file*}`` takes the rest of the path.
ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/pools", pools.list_pools),
    ("POST", "/pools", pools.create_pool),
    ("GET", _POOL, pools.get_pool),
    ("HEAD", _POOL, pools.pool_exists),
    ("PATCH", _POOL, pools.update_pool),
    ("DELETE", _POOL, pools.delete_pool),
    ("POST", _POOL + "/updateproperties", pools.replace_pool_properties),
    ("POST", _POOL + "/resize", pools.resize_pool),
    ("POST", _POOL + "/stopresize", pools.stop_pool_resize),
    ("POST", _POOL + "/removenodes", pools.remove_nodes),
    ("POST", _POOL + "/enableautoscale", account.enable_pool_auto_scale),
    ("POST", _POOL + "/disableautoscale", account.disable_pool_auto_scale),
    ("POST", _POOL + "/evaluateautoscale", account.evaluate_pool_auto_scale),
    ("GET", "/nodecounts", pools.list_pool_node_counts),
    ("GET", "/supportedimages", pools.list_supported_images),
    ("GET", _POOL + "/nodes", nodes.list_nodes),
    ("GET", _NODE, nodes.get_node),
    ("POST", _NODE + "/reboot", nodes.reboot_node),
    ("POST", _NODE + "/reimage", nodes.reimage_node),
    ("POST", _NODE + "/start", account.start_node),
    ("POST", _NODE + "/deallocate", account.deallocate_node),
    ("POST", _NODE + "/disablescheduling", nodes.disable_node_scheduling),
    ("POST", _NODE + "/enablescheduling", nodes.enable_node_scheduling),
    ("GET", _NODE + "/remoteloginsettings", nodes.get_node_remote_login_settings),
    ("POST", _NODE + "/uploadbatchservicelogs", account.upload_node_logs),
    ("GET", _NODE + "/extensions", nodes.list_node_extensions),
    ("GET", _NODE + "/extensions/{extension}", nodes.get_node_extension),
    ("POST", _NODE + "/users", nodes.create_node_user),
    ("PUT", _NODE + "/users/{user}", nodes.replace_node_user),
    ("DELETE", _NODE + "/users/{user}", nodes.delete_node_user),
    ("GET", _NODE + "/files", files.list_node_files),
    ("GET", _NODE + "/files/{file*}", files.download_node_file),
    ("HEAD", _NODE + "/files/{file*}", files.get_node_file_properties),
    ("DELETE", _NODE + "/files/{file*}", files.delete_node_file),
    ("GET", "/jobs", jobs.list_jobs),
    ("POST", "/jobs", jobs.create_job),
    ("GET", _JOB, jobs.get_job),
    ("PATCH", _JOB, jobs.update_job),
    ("PUT", _JOB, jobs.replace_job),
    ("DELETE", _JOB, jobs.delete_job),
    ("POST", _JOB + "/disable", jobs.disable_job),
    ("POST", _JOB + "/enable", jobs.enable_job),
    ("POST", _JOB + "/terminate", jobs.terminate_job),
    ("GET", _JOB + "/taskcounts", jobs.get_job_task_counts),
    ("GET", _JOB + "/jobpreparationandreleasetaskstatus", jobs.list_job_preparation_and_release_task_status),
    ("GET", _JOB + "/tasks", tasks.list_tasks),
    ("POST", _JOB + "/tasks", tasks.create_task),
    ("POST", _JOB + "/addtaskcollection", tasks.create_task_collection),
    ("GET", _TASK, tasks.get_task),
    ("PUT", _TASK, tasks.replace_task),
    ("DELETE", _TASK, tasks.delete_task),
    ("POST", _TASK + "/terminate", tasks.terminate_task),
    ("POST", _TASK + "/reactivate", tasks.reactivate_task),
    ("GET", _TASK + "/subtasksinfo", tasks.list_subtasks),
    ("GET", _TASK + "/files", files.list_task_files),
    ("GET", _TASK + "/files/{file*}", files.download_task_file),
    ("HEAD", _TASK + "/files/{file*}", files.get_task_file_properties),
    ("DELETE", _TASK + "/files/{file*}", files.delete_task_file),
    ("GET", "/applications", account.list_applications),
    ("GET", "/applications/{application}", account.get_application),
    ("GET", "/poolusagemetrics", account.list_pool_usage_metrics),
    *_not_yet("/jobschedules", account.job_schedules),
    *_not_yet("/certificates", account.certificates),
    *_not_yet("/nodeagentskus", account.node_agent_skus),
    *_not_yet("/subscriptions", account.resource_manager),
    *_not_yet("/providers", account.resource_manager),
    ("GET", "/lifetimejobstats", account.old_operation),
    ("GET", "/lifetimepoolstats", account.old_operation),
    ("GET", _NODE + "/rdp", account.old_operation),
    ("POST", _POOL + "/upgradeos", account.old_operation),
    *admin.ROUTES,
    *admin_orders.ROUTES,
]


def _compile() -> dict[tuple[str, int], list[tuple[tuple[str, ...], Handler]]]:
    """Sort the routes by method and number of parts; 0 parts stands for those that take the rest."""
    table: dict[tuple[str, int], list[tuple[tuple[str, ...], Handler]]] = {}
    for method, path, handler in ROUTES:
        parts = tuple(path.strip("/").split("/"))
        table.setdefault((method, 0 if parts[-1].endswith("*}") else len(parts)), []).append((parts, handler))
    return table


_TABLE = _compile()


def find_route(method: str, raw_path: str) -> Match:
    """Find the operation of a request.

    :raises BatchServiceError: ``InvalidUri``, or ``UnsupportedHttpVerb`` where another method would do.
    """
    given = raw_path.strip("/").split("/")
    match = _find(method, given)
    if match is not None:
        return match
    if any(_find(other, given) for other in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")):
        raise BatchServiceError("UnsupportedHttpVerb")
    raise BatchServiceError("InvalidUri", status=404 if given != [""] else 400)


def _find(method: str, given: list[str]) -> Match | None:
    for parts, handler in _TABLE.get((method, len(given)), ()):
        names = _names(parts, given)
        if names is not None:
            return Match(handler.__name__, handler, names)
    for parts, handler in _TABLE.get((method, 0), ()):
        head = len(parts) - 1
        names = _names(parts[:head], given[:head]) if len(given) > head else None
        if names is not None:
            rest = unquote("/".join(given[head:]), errors="surrogateescape")
            return Match(handler.__name__, handler, {**names, parts[head].strip("{}*"): rest})
    return None


def _names(parts: tuple[str, ...], given: list[str]) -> dict[str, str] | None:
    names: dict[str, str] = {}
    for part, value in zip(parts, given, strict=True):
        if part.startswith("{"):
            names[part.strip("{}")] = unquote(value)
        elif part != value.lower():
            return None
    return names
