"""The part of the admin API that makes the emulator behave as the real service may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.common.errors import invalid_property
from airflow_provider_aztk.local.batch.common.values import required
from airflow_provider_aztk.local.batch.execution.environment import BRIDGE_ADDRESS, NodeEnvironment
from airflow_provider_aztk.local.batch.services.orders import PoolOrder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_aztk.local.batch.common.values import Json
    from airflow_provider_aztk.local.batch.services.backend import Backend

__all__ = ["ROUTES"]

_SWITCHES = ("terminated_blocks", "zero_never_acts", "retries_move", "directory_stubs")


def _text(body: Json, name: str) -> str:
    value = body.get(name, "*")
    if not isinstance(value, str):
        raise invalid_property(name, value, "A pattern is expected.")
    return value


def _number(body: Json, name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_property(name, value, "A whole number is expected.")
    return value


def _pool_order(body: Json) -> PoolOrder:
    return PoolOrder(job=_text(body, "job"), count=_number(body, "count", 1), skip=_number(body, "skip", 0))


async def admin_switch(backend: Backend, request: Request) -> Response:
    """Set switches for what is not documented."""
    for name, value in request.json().items():
        if name not in _SWITCHES or not isinstance(value, bool):
            raise invalid_property(name, value, f"Known are {', '.join(_SWITCHES)}, each true or false.")
        setattr(backend.faults.orders, name, value)
    return Response(status=204)


async def admin_surviving_pool(backend: Backend, request: Request) -> Response:
    """Make the auto-pools of jobs outlive them."""
    backend.faults.orders.surviving_pools.append(_pool_order(request.json()))
    return Response(status=204)


async def admin_missing_pool(backend: Backend, request: Request) -> Response:
    """Make jobs wait for an auto-pool that never comes."""
    backend.faults.orders.missing_pools.append(_pool_order(request.json()))
    return Response(status=204)


async def admin_node_environment(backend: Backend, request: Request) -> Response:
    """Change what nodes bring into the environment of tasks."""
    body = request.json()
    remove, values = body.get("remove", []), body.get("values", {})
    if not isinstance(remove, list) or not all(isinstance(name, str) for name in remove):
        raise invalid_property("remove", remove, "A list of names is expected.")
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise invalid_property("values", values, "Names and texts are expected.")
    change = NodeEnvironment(remove=tuple(remove), values=values)
    backend.faults.orders.environments.append((_text(body, "pool"), change))
    return Response(status=204)


async def admin_host_network_ignored(backend: Backend, request: Request) -> Response:
    """Give container tasks the address that they would have in docker's own network."""
    change = NodeEnvironment(address=BRIDGE_ADDRESS)
    backend.faults.orders.environments.append((_text(request.json(), "pool"), change))
    return Response(status=204)


async def admin_small_disk(backend: Backend, request: Request) -> Response:
    """Let the disks of nodes hold only so many containers that were not removed."""
    body = request.json()
    backend.faults.orders.disks.append((_text(body, "pool"), _number(body, "containers", 0)))
    return Response(status=204)


async def admin_disk_full(backend: Backend, request: Request) -> Response:
    """Fill the disk of a node."""
    body = request.json()
    pool = backend.pools.find(str(required(body, "pool")))
    node = backend.nodes.find(pool, str(required(body, "node")))
    backend.nodes.check_booted(node)
    await backend.nodes.fill_disk(node)
    return Response(status=204)


ROUTES: list[tuple[str, str, Callable[[Backend, Request], Awaitable[Response]]]] = [
    ("PUT", "/_admin/switches", admin_switch),
    ("POST", "/_admin/surviving-pools", admin_surviving_pool),
    ("POST", "/_admin/missing-pools", admin_missing_pool),
    ("POST", "/_admin/node-environments", admin_node_environment),
    ("POST", "/_admin/ignored-host-networks", admin_host_network_ignored),
    ("POST", "/_admin/small-disks", admin_small_disk),
    ("POST", "/_admin/disk-full", admin_disk_full),
]
