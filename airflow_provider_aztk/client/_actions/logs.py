"""Read the logs of drivers: while they run, afterwards, and after a deletion that has kept them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client import _log_blobs, _naming
from airflow_provider_aztk.client._actions.applications import get_task
from airflow_provider_aztk.client._azure.storage import GetBlob, GetRange
from airflow_provider_aztk.client.errors import ApplicationNotFoundError
from airflow_provider_aztk.client.models import Application, ApplicationLog, ApplicationState, LogChunk
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Action


def read_log(
    cluster_id: str, application_name: str, offset: int = 0, max_bytes: int = _log_blobs.MAX_READ
) -> Action[LogChunk]:
    """Read bytes of a driver's log as they were written: one request; no bytes where there is nothing new.

    :param offset: in bytes.
    :param max_bytes: 4 MiB at most.
    """
    return (yield from read_part(cluster_id, application_name, offset, max_bytes))[0]


def read_part(
    cluster_id: str, name: str, offset: int, max_bytes: int = _log_blobs.MAX_READ
) -> Action[tuple[LogChunk, bool]]:
    """Read some bytes, and return with them whether the log had more when they were read."""
    where = _log_blobs.part_at(name, offset, max_bytes)
    container = _naming.container_name(cluster_id)
    found = yield from GetRange(container, where.blob, where.offset, where.length)
    if found is None or not found.data:
        return LogChunk(offset=offset, data=b""), False
    return LogChunk(offset=offset, data=found.data), _log_blobs.has_more(where, found.data, found.total)


def get_application_log(
    cluster_id: str, application_name: str, tail: bool = False, current_bytes: int = 0
) -> Action[ApplicationLog]:
    """Get a driver's log: while it runs, afterwards, and after ``delete_cluster(keep_logs=True)``.

    :param tail: only what is new behind ``current_bytes``, at most 4 MiB: one request.
    :param current_bytes: how many bytes are known already, ``total_bytes`` of the last call.
    :raises ApplicationNotFoundError: when there is none of this name, nor a log of it.
    """
    name = application_name
    data = yield from (_new_bytes if tail else _all_bytes)(cluster_id, name, current_bytes)
    whole = _log_blobs.whole_characters(data) if tail else data
    if tail and whole:  # it was running when it wrote this; a later call without new bytes asks for the state
        return _log(cluster_id, name, whole, current_bytes, None)
    application = yield from _last_state(cluster_id, name)
    if not application.state.is_terminal:
        data = whole  # the beginning of a character waits for its rest, which may come
    if not data and application.name != name:  # Azure Batch ignores the case of names, Azure Storage does not
        return (yield from get_application_log(cluster_id, application.name, tail, current_bytes))
    return _log(cluster_id, name, data, current_bytes, application)


def get_job_application_log(job_id: str, application_name: str) -> Action[ApplicationLog]:
    """Get the log of a job's application; see :meth:`get_application_log`."""
    return get_application_log(job_id, application_name)


def _all_bytes(cluster_id: str, name: str, offset: int) -> Action[bytes]:
    pieces = []
    more = True
    while more:
        chunk, more = yield from read_part(cluster_id, name, offset)
        pieces.append(chunk.data)
        offset = chunk.next_offset
    return b"".join(pieces)


def _new_bytes(cluster_id: str, name: str, offset: int) -> Action[bytes]:
    """Read once what is new; a character that two segments share comes whole."""
    chunk = yield from read_log(cluster_id, name, offset)
    if not _log_blobs.breaks_character(chunk, _log_blobs.whole_characters(chunk.data)):
        return chunk.data
    rest = yield from read_log(cluster_id, name, chunk.next_offset, _log_blobs.LONGEST_CHARACTER - 1)
    return chunk.data + rest.data


def _last_state(cluster_id: str, name: str) -> Action[Application]:
    """Get the application, or what is kept of it after the cluster was deleted with keep_logs."""
    try:
        return (yield from get_task(cluster_id, name))
    except ApplicationNotFoundError:
        blob = contract.ApplicationBlobs(name).result
        kept = yield from GetBlob(_naming.container_name(cluster_id), blob)
        if not kept:
            raise
    exit_code = contract.Result.from_bytes(kept, blob).exit_code
    return Application(name=name, state=ApplicationState.COMPLETED, exit_code=exit_code)


def _log(cluster_id: str, name: str, data: bytes, offset: int, application: Application | None) -> ApplicationLog:
    """Make the model of a log's bytes.

    :param application: None where it has written since the last call, so it runs.
    """
    total = offset + len(data)
    if not total and application and application.state.is_terminal:
        data = _log_blobs.text_without_log(application.failure).encode()
    return ApplicationLog(
        name=name,
        cluster_id=cluster_id,
        log=data.decode("utf-8", errors="replace"),
        total_bytes=total,
        application_state=application.state if application else ApplicationState.RUNNING,
        exit_code=application.exit_code if application else None,
    )
