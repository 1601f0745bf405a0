"""Operations on pools, node counts and supported images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.api.conditions import check_conditions
from airflow_provider_aztk.local.api.fields import IMAGES, NODE_COUNTS, POOLS
from airflow_provider_aztk.local.api.images import SUPPORTED_IMAGES
from airflow_provider_aztk.local.api.listing import from_collection, from_sequence, list_answer, select
from airflow_provider_aztk.local.api.replies import accepted, changed, created, found
from airflow_provider_aztk.local.api.views import node_counts_view, pool_view, with_metadata

if TYPE_CHECKING:
    from airflow_provider_aztk.local.api.call import Answer, Call
    from airflow_provider_aztk.local.services.backend import Backend

__all__ = [
    "create_pool",
    "delete_pool",
    "get_pool",
    "list_pool_node_counts",
    "list_pools",
    "list_supported_images",
    "pool_exists",
    "remove_nodes",
    "replace_pool_properties",
    "resize_pool",
    "stop_pool_resize",
    "update_pool",
]


def _url(call: Call, pool_id: str) -> str:
    return f"{call.base}/pools/{pool_id}"


async def create_pool(backend: Backend, call: Call) -> Answer:
    """Make a pool."""
    pool = backend.pools.create(call.json("Pool"))
    return created(pool, _url(call, pool.id))


async def list_pools(backend: Backend, call: Call) -> Answer:
    """List pools."""
    source = from_collection(backend.account.pools)
    return list_answer(call, "pools", source, lambda pool: pool_view(call, pool), POOLS)


async def get_pool(backend: Backend, call: Call) -> Answer:
    """Show a pool."""
    pool = backend.pools.find(call.names["pool"])
    check_conditions(call, pool)
    body = select(pool_view(call, pool), call.query.get("$select"))
    return found(pool, with_metadata(call, "pools/@Element", body))


async def pool_exists(backend: Backend, call: Call) -> Answer:
    """Tell whether there is a pool."""
    pool = backend.pools.find(call.names["pool"])
    check_conditions(call, pool)
    return found(pool, None)


async def update_pool(backend: Backend, call: Call) -> Answer:
    """Change some properties of a pool."""
    pool = backend.pools.find_open(call.names["pool"])
    check_conditions(call, pool)
    backend.pools.update(pool, call.json("PoolUpdate"))
    return changed(pool, _url(call, pool.id))


async def replace_pool_properties(backend: Backend, call: Call) -> Answer:
    """Replace all changeable properties of a pool."""
    pool = backend.pools.find_open(call.names["pool"])
    check_conditions(call, pool)
    backend.pools.replace_properties(pool, call.json("PoolProperties"))
    return changed(pool, _url(call, pool.id), 204)


async def delete_pool(backend: Backend, call: Call) -> Answer:
    """Take a pool away."""
    pool = backend.pools.find_open(call.names["pool"])
    check_conditions(call, pool)
    backend.pools.delete(pool)
    return accepted()


async def resize_pool(backend: Backend, call: Call) -> Answer:
    """Give a pool another size."""
    pool = backend.pools.find_open(call.names["pool"])
    check_conditions(call, pool)
    backend.resizes.resize(pool, call.json("Resize"))
    return changed(pool, _url(call, pool.id), 202)


async def stop_pool_resize(backend: Backend, call: Call) -> Answer:
    """Stop a resize."""
    pool = backend.pools.find_open(call.names["pool"])
    check_conditions(call, pool)
    backend.resizes.stop(pool)
    return changed(pool, _url(call, pool.id), 202)


async def remove_nodes(backend: Backend, call: Call) -> Answer:
    """Take named nodes away."""
    pool = backend.pools.find_open(call.names["pool"])
    check_conditions(call, pool)
    backend.resizes.remove_nodes(pool, call.json("NodeRemoval"))
    return changed(pool, _url(call, pool.id), 202)


async def list_pool_node_counts(backend: Backend, call: Call) -> Answer:
    """Count nodes by state."""
    source = from_collection(backend.account.pools)
    return list_answer(call, "poolnodecounts", source, node_counts_view, NODE_COUNTS)


async def list_supported_images(backend: Backend, call: Call) -> Answer:
    """List the images that nodes could have."""
    return list_answer(call, "supportedimages", from_sequence(SUPPORTED_IMAGES), dict, IMAGES)
