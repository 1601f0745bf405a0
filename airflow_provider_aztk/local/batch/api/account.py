"""Operations on the account, and those that are not emulated yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.api.listing import from_sequence, list_response
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, not_implemented

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aztk.local.batch.api.messages import Request, Response
    from airflow_provider_aztk.local.batch.services.backend import Backend

    Handler = Callable[[Backend, Request], Awaitable[Response]]

__all__ = [
    "certificates",
    "deallocate_node",
    "disable_pool_auto_scale",
    "enable_pool_auto_scale",
    "evaluate_pool_auto_scale",
    "get_application",
    "job_schedules",
    "list_applications",
    "list_pool_usage_metrics",
    "node_agent_skus",
    "old_operation",
    "resource_manager",
    "start_node",
    "upload_node_logs",
]


async def list_applications(backend: Backend, request: Request) -> Response:
    """List application packages: the account has none."""
    return list_response(request, "listapplicationsummariesresponses", from_sequence([]), dict, {})


async def get_application(backend: Backend, request: Request) -> Response:
    """Find no application package."""
    raise BatchServiceError("ApplicationNotFound")


async def list_pool_usage_metrics(backend: Backend, request: Request) -> Response:
    """List the use of pools: nothing is charged here."""
    return list_response(request, "poolusagemetrics", from_sequence([]), dict, {})


def _not_emulated(operation: str, what: str) -> Handler:
    """Make an operation that refuses every request."""

    async def refuse(backend: Backend, request: Request) -> Response:
        raise not_implemented(what)

    refuse.__name__ = operation
    return refuse


job_schedules = _not_emulated("job_schedules", "job schedules")
certificates = _not_emulated("certificates", "certificates, which Azure Batch retired")
node_agent_skus = _not_emulated("node_agent_skus", "api-versions before 2019-08-01")
resource_manager = _not_emulated("resource_manager", "Azure Resource Manager")
old_operation = _not_emulated("old_operation", "operations that Azure Batch retired")
enable_pool_auto_scale = _not_emulated("enable_pool_auto_scale", "autoscale formulas")
disable_pool_auto_scale = _not_emulated("disable_pool_auto_scale", "autoscale formulas")
evaluate_pool_auto_scale = _not_emulated("evaluate_pool_auto_scale", "autoscale formulas")
start_node = _not_emulated("start_node", "deallocated nodes")
deallocate_node = _not_emulated("deallocate_node", "deallocated nodes")
upload_node_logs = _not_emulated("upload_node_logs", "logs of the node agent")
