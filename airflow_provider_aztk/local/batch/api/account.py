"""Operations on the account, and those that are not emulated yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.api.listing import from_sequence, list_response
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, not_implemented

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.api.messages import Request, Response
    from airflow_provider_aztk.local.batch.services.backend import Backend

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


async def job_schedules(backend: Backend, request: Request) -> Response:
    """Refuse everything about job schedules."""
    raise not_implemented("job schedules")


async def certificates(backend: Backend, request: Request) -> Response:
    """Refuse: the service retired them."""
    raise not_implemented("certificates, which Azure Batch retired")


async def node_agent_skus(backend: Backend, request: Request) -> Response:
    """Refuse what only old api-versions have."""
    raise not_implemented("api-versions before 2019-08-01")


async def resource_manager(backend: Backend, request: Request) -> Response:
    """Refuse: accounts are managed elsewhere."""
    raise not_implemented("Azure Resource Manager")


async def old_operation(backend: Backend, request: Request) -> Response:
    """Refuse what later api-versions took out."""
    raise not_implemented("operations that Azure Batch retired")


async def enable_pool_auto_scale(backend: Backend, request: Request) -> Response:
    """Refuse."""
    raise not_implemented("autoscale formulas")


async def disable_pool_auto_scale(backend: Backend, request: Request) -> Response:
    """Refuse."""
    raise not_implemented("autoscale formulas")


async def evaluate_pool_auto_scale(backend: Backend, request: Request) -> Response:
    """Refuse."""
    raise not_implemented("autoscale formulas")


async def start_node(backend: Backend, request: Request) -> Response:
    """Refuse."""
    raise not_implemented("deallocated nodes")


async def deallocate_node(backend: Backend, request: Request) -> Response:
    """Refuse."""
    raise not_implemented("deallocated nodes")


async def upload_node_logs(backend: Backend, request: Request) -> Response:
    """Refuse."""
    raise not_implemented("logs of the node agent")
