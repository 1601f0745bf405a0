"""Operations on pools, node counts and supported images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.api.conditions import check_conditions
from airflow_provider_aztk.local.batch.api.filter_fields import IMAGES, NODE_COUNTS, POOLS
from airflow_provider_aztk.local.batch.api.images import SUPPORTED_IMAGES
from airflow_provider_aztk.local.batch.api.listing import from_collection, from_sequence, list_response, select
from airflow_provider_aztk.local.batch.api.responses import accepted, changed, created, found
from airflow_provider_aztk.local.batch.api.serializers import serialize_node_counts, serialize_pool, with_metadata
from airflow_provider_aztk.local.batch.api.strict import check_pool_strictly, check_resize_strictly

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.api.messages import Request, Response
    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.batch.store.records import PoolRecord

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


def _url(request: Request, pool_id: str) -> str:
    return f"{request.base}/pools/{pool_id}"


def _find(backend: Backend, request: Request) -> PoolRecord:
    pool = backend.pools.find(request.names["pool"])
    check_conditions(request, pool)
    return pool


def _find_open(backend: Backend, request: Request) -> PoolRecord:
    """Return the pool that a change is meant for: one that is being deleted takes none."""
    pool = backend.pools.find_open(request.names["pool"])
    check_conditions(request, pool)
    return pool


async def create_pool(backend: Backend, request: Request) -> Response:
    """Create a pool."""
    body = request.json("Pool")
    check_pool_strictly(backend, request, body)
    pool = backend.pools.create(body)
    return created(pool, _url(request, pool.id))


async def list_pools(backend: Backend, request: Request) -> Response:
    """List pools."""
    source = from_collection(backend.account.pools)
    return list_response(request, "pools", source, lambda pool: serialize_pool(request, pool), POOLS)


async def get_pool(backend: Backend, request: Request) -> Response:
    """Show a pool."""
    pool = _find(backend, request)
    body = select(serialize_pool(request, pool), request.query.get("$select"))
    return found(pool, with_metadata(request, "pools/@Element", body))


async def pool_exists(backend: Backend, request: Request) -> Response:
    """Return success if there is a pool."""
    pool = _find(backend, request)
    return found(pool, None)


async def update_pool(backend: Backend, request: Request) -> Response:
    """Change some properties of a pool."""
    pool = _find_open(backend, request)
    backend.pools.update(pool, request.json("PoolUpdate"))
    return changed(pool, _url(request, pool.id))


async def replace_pool_properties(backend: Backend, request: Request) -> Response:
    """Replace all changeable properties of a pool."""
    pool = _find_open(backend, request)
    backend.pools.replace_properties(pool, request.json("PoolProperties"))
    return changed(pool, _url(request, pool.id), 204)


async def delete_pool(backend: Backend, request: Request) -> Response:
    """Delete a pool."""
    pool = _find_open(backend, request)
    backend.pools.delete(pool)
    return accepted()


async def resize_pool(backend: Backend, request: Request) -> Response:
    """Resize a pool."""
    pool = _find_open(backend, request)
    body = request.json("Resize")
    check_resize_strictly(backend, pool, body)
    backend.resizes.resize(pool, body)
    return changed(pool, _url(request, pool.id), 202)


async def stop_pool_resize(backend: Backend, request: Request) -> Response:
    """Stop a resize."""
    pool = _find_open(backend, request)
    backend.resizes.stop(pool)
    return changed(pool, _url(request, pool.id), 202)


async def remove_nodes(backend: Backend, request: Request) -> Response:
    """Remove named nodes."""
    pool = _find_open(backend, request)
    backend.resizes.remove_nodes(pool, request.json("NodeRemoval"))
    return changed(pool, _url(request, pool.id), 202)


async def list_pool_node_counts(backend: Backend, request: Request) -> Response:
    """Count nodes by state."""
    source = from_collection(backend.account.pools)
    return list_response(request, "poolnodecounts", source, serialize_node_counts, NODE_COUNTS)


async def list_supported_images(backend: Backend, request: Request) -> Response:
    """List the images that nodes could have."""
    images = list(backend.settings.recording.images) or SUPPORTED_IMAGES
    return list_response(request, "supportedimages", from_sequence(images), dict, IMAGES)
