"""Operations on nodes and their users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.api.filter_fields import NODES
from airflow_provider_aztk.local.batch.api.listing import from_collection, from_sequence, list_response, select
from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.api.responses import accepted
from airflow_provider_aztk.local.batch.api.serializers import (
    extensions,
    inbound_endpoints,
    serialize_node,
    with_metadata,
)
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.batch.store.records import NodeRecord, PoolRecord

__all__ = [
    "create_node_user",
    "delete_node_user",
    "disable_node_scheduling",
    "enable_node_scheduling",
    "get_node",
    "get_node_extension",
    "get_node_remote_login_settings",
    "list_node_extensions",
    "list_nodes",
    "reboot_node",
    "reimage_node",
    "replace_node_user",
]

_LOGIN = "Microsoft.Azure.Batch.Protocol.Entities.RemoteLoginSettings"


def _node(backend: Backend, request: Request) -> tuple[PoolRecord, NodeRecord]:
    pool = backend.pools.find(request.names["pool"])
    return pool, backend.nodes.find(pool, request.names["node"])


def _url(request: Request, node: NodeRecord) -> str:
    return f"{request.base}/pools/{node.pool_id}/nodes/{node.id}"


async def list_nodes(backend: Backend, request: Request) -> Response:
    """List the nodes of a pool."""
    pool = backend.pools.find(request.names["pool"])
    return list_response(
        request, "nodes", from_collection(pool.nodes), lambda node: serialize_node(request, pool, node), NODES
    )


async def get_node(backend: Backend, request: Request) -> Response:
    """Show a node."""
    pool, node = _node(backend, request)
    body = select(serialize_node(request, pool, node), request.query.get("$select"))
    return Response(body=with_metadata(request, "nodes/@Element", body))


async def reboot_node(backend: Backend, request: Request) -> Response:
    """Restart a node."""
    pool, node = _node(backend, request)
    await backend.nodes.reboot(pool, node, request.json("Reboot", optional=True))
    return accepted(_url(request, node))


async def reimage_node(backend: Backend, request: Request) -> Response:
    """Refuse to reimage: the service does so too for pools of virtual machines."""
    _node(backend, request)
    raise BatchServiceError(
        "OperationNotValidOnNode",
        Reason="The specified operation is not valid on pools with virtual machine configuration",
    )


async def disable_node_scheduling(backend: Backend, request: Request) -> Response:
    """Disable the scheduling of tasks on a node."""
    _, node = _node(backend, request)
    await backend.nodes.disable_scheduling(node, request.json("DisableScheduling", optional=True))
    return accepted(_url(request, node), 200)


async def enable_node_scheduling(backend: Backend, request: Request) -> Response:
    """Enable the scheduling of tasks on a node."""
    _, node = _node(backend, request)
    backend.nodes.enable_scheduling(node)
    return accepted(_url(request, node), 200)


async def get_node_remote_login_settings(backend: Backend, request: Request) -> Response:
    """Show the address and port for logging in to a node."""
    pool, node = _node(backend, request)
    backend.nodes.check_booted(node)
    port = next((e["frontendPort"] for e in inbound_endpoints(pool, node) if e["backendPort"] == 22), 22)
    body = with_metadata(request, _LOGIN, {"remoteLoginIPAddress": node.address, "remoteLoginPort": port})
    return Response(body=body, headers={"DataServiceId": f"{_url(request, node)}/remoteloginsettings"})


async def list_node_extensions(backend: Backend, request: Request) -> Response:
    """List the VM extensions of a node: Batch's own, then those of the pool."""
    pool, _ = _node(backend, request)
    return list_response(request, "extensions", from_sequence(extensions(pool)), dict, {})


async def get_node_extension(backend: Backend, request: Request) -> Response:
    """Show a VM extension of a node."""
    pool, _ = _node(backend, request)
    for extension in extensions(pool):
        if extension["vmExtension"]["name"].lower() == request.names["extension"].lower():
            chosen = select(extension, request.query.get("$select"))
            return Response(body=with_metadata(request, "extensions/@Element", chosen))
    raise BatchServiceError("ResourceNotFound")


async def create_node_user(backend: Backend, request: Request) -> Response:
    """Create a user on a node."""
    _, node = _node(backend, request)
    name = backend.nodes.create_user(node, request.json("NodeUser"))
    url = f"{_url(request, node)}/users/{name}"
    return Response(status=201, headers={"DataServiceId": url, "Location": url})


async def replace_node_user(backend: Backend, request: Request) -> Response:
    """Change a user of a node."""
    _, node = _node(backend, request)
    backend.nodes.replace_user(node, request.names["user"], request.json("NodeUserUpdate"))
    return accepted(f"{_url(request, node)}/users/{request.names['user']}", 200)


async def delete_node_user(backend: Backend, request: Request) -> Response:
    """Delete a user of a node."""
    _, node = _node(backend, request)
    backend.nodes.delete_user(node, request.names["user"])
    return Response()
