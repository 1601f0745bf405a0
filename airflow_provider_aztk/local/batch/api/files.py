"""Operations on the files of tasks and nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_aztk.local.batch.api.conditions import check_times
from airflow_provider_aztk.local.batch.api.filter_fields import FILES
from airflow_provider_aztk.local.batch.api.listing import from_sequence, list_response
from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.api.serializers import serialize_file
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.times import format_http

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.batch.services.files import FileEntry

__all__ = [
    "delete_node_file",
    "delete_task_file",
    "download_node_file",
    "download_task_file",
    "get_node_file_properties",
    "get_task_file_properties",
    "list_node_files",
    "list_task_files",
]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z", re.ASCII)


def _task_place(backend: Backend, request: Request) -> tuple[Path, str]:
    job = backend.jobs.find(request.names["job"])
    task = backend.tasks.find(job, request.names["task"])
    return backend.files.task_root(task), f"{request.base}/jobs/{job.id}/tasks/{task.id}/files"


def _node_place(backend: Backend, request: Request) -> tuple[Path, str]:
    pool = backend.pools.find(request.names["pool"])
    node = backend.nodes.find(pool, request.names["node"])
    return backend.files.node_root(node), f"{request.base}/pools/{pool.id}/nodes/{node.id}/files"


async def list_task_files(backend: Backend, request: Request) -> Response:
    """List a task's files."""
    return _list(backend, request, *_task_place(backend, request))


async def list_node_files(backend: Backend, request: Request) -> Response:
    """List a node's files."""
    return _list(backend, request, *_node_place(backend, request))


async def download_task_file(backend: Backend, request: Request) -> Response:
    """Read a task's file, or a range of it."""
    return _get(backend, request, *_task_place(backend, request))


async def download_node_file(backend: Backend, request: Request) -> Response:
    """Read a node's file, or a range of it."""
    return _get(backend, request, *_node_place(backend, request))


async def get_task_file_properties(backend: Backend, request: Request) -> Response:
    """Show the properties of a task's file."""
    return _head(backend, request, *_task_place(backend, request))


async def get_node_file_properties(backend: Backend, request: Request) -> Response:
    """Show the properties of a node's file."""
    return _head(backend, request, *_node_place(backend, request))


async def delete_task_file(backend: Backend, request: Request) -> Response:
    """Delete a task's file."""
    return _delete(backend, request, _task_place(backend, request)[0])


async def delete_node_file(backend: Backend, request: Request) -> Response:
    """Delete a node's file."""
    return _delete(backend, request, _node_place(backend, request)[0])


def _list(backend: Backend, request: Request, root: Path, url: str) -> Response:
    entries = backend.files.listing(root, recursive=request.flag("recursive"))
    return list_response(request, "files", from_sequence(entries), lambda entry: serialize_file(url, entry), FILES)


def _get(backend: Backend, request: Request, root: Path, url: str) -> Response:
    entry = backend.files.find(root, request.names["file"])
    if entry.is_directory:
        raise BatchServiceError("OperationInvalidForCurrentState", Reason="The path names a directory.")
    check_times(request, entry.modified)
    start, length = _range(request.headers.get("ocp-range"), entry.size)
    return Response(
        headers=_headers(entry, url),
        stream=backend.files.read(entry, start, length),
        content_type=entry.content_type,
    )


def _head(backend: Backend, request: Request, root: Path, url: str) -> Response:
    entry = backend.files.find(root, request.names["file"])
    check_times(request, entry.modified)
    size = 0 if entry.is_directory else entry.size
    return Response(headers={**_headers(entry, url), "Content-Length": str(size)}, content_type=entry.content_type)


def _delete(backend: Backend, request: Request, root: Path) -> Response:
    backend.files.delete(root, request.names["file"], recursive=request.flag("recursive"))
    return Response()


def _headers(entry: FileEntry, url: str) -> dict[str, str]:
    headers = {
        "Last-Modified": format_http(entry.modified),
        "ocp-creation-time": format_http(entry.created),
        "ocp-batch-file-isdirectory": str(entry.is_directory),
        "ocp-batch-file-url": quote(f"{url}/{entry.name}", safe="", errors="surrogateescape"),
    }
    if not entry.is_directory:
        headers["ocp-batch-file-mode"] = entry.mode
    return headers


def _range(header: str | None, size: int) -> tuple[int, int]:
    """Find start and length. An end beyond the file is fine, a start beyond it is not."""
    if not header:
        return 0, size
    match = _RANGE.match(header.strip())
    if match is None or not (match[1] or match[2]):
        raise BatchServiceError("InvalidHeaderValue", HeaderName="ocp-range", HeaderValue=header)
    if not match[1]:
        length = min(int(match[2]), size)
        return size - length, length
    start = int(match[1])
    end = min(int(match[2]), size - 1) if match[2] else size - 1
    if start >= size or end < start:
        raise BatchServiceError("InvalidRange")
    return start, end - start + 1
