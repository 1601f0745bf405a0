"""Operations on nodes and their users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.api.call import Answer, Call
from airflow_provider_aztk.local.api.fields import NODES
from airflow_provider_aztk.local.api.listing import from_collection, from_sequence, list_answer, select
from airflow_provider_aztk.local.api.replies import accepted
from airflow_provider_aztk.local.api.views import extensions, inbound_endpoints, node_view, with_metadata
from airflow_provider_aztk.local.common.errors import BatchServiceError

if TYPE_CHECKING:
    from airflow_provider_aztk.local.services.backend import Backend
    from airflow_provider_aztk.local.store.records import NodeRecord, PoolRecord

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


def _node(backend: Backend, call: Call) -> tuple[PoolRecord, NodeRecord]:
    pool = backend.pools.find(call.names["pool"])
    return pool, backend.nodes.find(pool, call.names["node"])


def _url(call: Call, node: NodeRecord) -> str:
    return f"{call.base}/pools/{node.pool_id}/nodes/{node.id}"


async def list_nodes(backend: Backend, call: Call) -> Answer:
    """List the nodes of a pool."""
    pool = backend.pools.find(call.names["pool"])
    return list_answer(call, "nodes", from_collection(pool.nodes), lambda node: node_view(call, pool, node), NODES)


async def get_node(backend: Backend, call: Call) -> Answer:
    """Show a node."""
    pool, node = _node(backend, call)
    body = select(node_view(call, pool, node), call.query.get("$select"))
    return Answer(body=with_metadata(call, "nodes/@Element", body))


async def reboot_node(backend: Backend, call: Call) -> Answer:
    """Restart a node."""
    pool, node = _node(backend, call)
    await backend.nodes.reboot(pool, node, call.json("Reboot", optional=True))
    return accepted(_url(call, node))


async def reimage_node(backend: Backend, call: Call) -> Answer:
    """Refuse to reimage: the service does so too for pools of virtual machines."""
    _node(backend, call)
    raise BatchServiceError(
        "OperationNotValidOnNode",
        Reason="The specified operation is not valid on pools with virtual machine configuration",
    )


async def disable_node_scheduling(backend: Backend, call: Call) -> Answer:
    """Give a node no more tasks."""
    _, node = _node(backend, call)
    await backend.nodes.disable_scheduling(node, call.json("DisableScheduling", optional=True))
    return accepted(_url(call, node), 200)


async def enable_node_scheduling(backend: Backend, call: Call) -> Answer:
    """Give a node tasks again."""
    _, node = _node(backend, call)
    backend.nodes.enable_scheduling(node)
    return accepted(_url(call, node), 200)


async def get_node_remote_login_settings(backend: Backend, call: Call) -> Answer:
    """Tell by which address and port a node could be logged in to."""
    pool, node = _node(backend, call)
    backend.nodes.check_booted(node)
    port = next((e["frontendPort"] for e in inbound_endpoints(pool, node) if e["backendPort"] == 22), 22)
    body = with_metadata(call, _LOGIN, {"remoteLoginIPAddress": node.address, "remoteLoginPort": port})
    return Answer(body=body, headers={"DataServiceId": f"{_url(call, node)}/remoteloginsettings"})


async def list_node_extensions(backend: Backend, call: Call) -> Answer:
    """List the VM extensions of a node: Batch's own, then those of the pool."""
    pool, _ = _node(backend, call)
    return list_answer(call, "extensions", from_sequence(extensions(pool)), dict, {})


async def get_node_extension(backend: Backend, call: Call) -> Answer:
    """Show a VM extension of a node."""
    pool, _ = _node(backend, call)
    for extension in extensions(pool):
        if extension["vmExtension"]["name"].lower() == call.names["extension"].lower():
            chosen = select(extension, call.query.get("$select"))
            return Answer(body=with_metadata(call, "extensions/@Element", chosen))
    raise BatchServiceError("ResourceNotFound")


async def create_node_user(backend: Backend, call: Call) -> Answer:
    """Put a user on a node."""
    _, node = _node(backend, call)
    name = backend.nodes.create_user(node, call.json("NodeUser"))
    url = f"{_url(call, node)}/users/{name}"
    return Answer(status=201, headers={"DataServiceId": url, "Location": url})


async def replace_node_user(backend: Backend, call: Call) -> Answer:
    """Change a user of a node."""
    _, node = _node(backend, call)
    backend.nodes.replace_user(node, call.names["user"], call.json("NodeUserUpdate"))
    return accepted(f"{_url(call, node)}/users/{call.names['user']}", 200)


async def delete_node_user(backend: Backend, call: Call) -> Answer:
    """Take a user off a node."""
    _, node = _node(backend, call)
    backend.nodes.delete_user(node, call.names["user"])
    return Answer()
