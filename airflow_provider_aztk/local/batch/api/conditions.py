"""Conditional requests: ETags and times of change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.times import parse_http

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_aztk.local.batch.api.messages import Request

__all__ = ["NotModifiedError", "Versioned", "check_conditions", "check_times"]


class NotModifiedError(Exception):
    """The client has it already: 304."""


class Versioned(Protocol):
    """A record with an ETag and a time of change."""

    @property
    def etag(self) -> str: ...
    @property
    def modified(self) -> datetime: ...


def check_conditions(request: Request, record: Versioned) -> None:
    """Check the conditions of a request against the record that it speaks of.

    :raises NotModifiedError: a read, and nothing changed.
    :raises BatchServiceError: ``ConditionNotMet`` for a write.
    """
    wanted = request.headers.get("if-match")
    if wanted and not _matches(wanted, record.etag):
        raise BatchServiceError("ConditionNotMet")
    unwanted = request.headers.get("if-none-match")
    if unwanted and _matches(unwanted, record.etag):
        _fail(request)
    check_times(request, record.modified)


def check_times(request: Request, modified: datetime) -> None:
    """Check only the conditions on the time of change; headers know whole seconds."""
    since = _time(request, "if-modified-since")
    if since is not None and modified.replace(microsecond=0) <= since:
        _fail(request)
    until = _time(request, "if-unmodified-since")
    if until is not None and modified.replace(microsecond=0) > until:
        raise BatchServiceError("ConditionNotMet")


def _fail(request: Request) -> None:
    if request.method in ("GET", "HEAD"):
        raise NotModifiedError
    raise BatchServiceError("ConditionNotMet")


def _matches(header: str, etag: str) -> bool:
    # Clients of the 15.x line put quotes around the value, all others do not.
    given = [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]
    return "*" in given or etag in given


def _time(request: Request, name: str) -> datetime | None:
    value = request.headers.get(name)
    if not value:
        return None
    try:
        return parse_http(value)
    except (ValueError, IndexError) as error:
        raise BatchServiceError("InvalidHeaderValue", HeaderName=name, HeaderValue=value) from error
