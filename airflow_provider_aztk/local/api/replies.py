"""The kinds of answers that the operations share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from airflow_provider_aztk.local.api.call import Answer
from airflow_provider_aztk.local.common.times import format_http

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_aztk.local.common.values import Json

__all__ = ["accepted", "changed", "created", "found"]


class _Versioned(Protocol):
    @property
    def etag(self) -> str: ...
    @property
    def modified(self) -> datetime: ...


def version_headers(record: _Versioned) -> dict[str, str]:
    """Make ETag (unquoted, as the service sends it) and Last-Modified."""
    return {"ETag": record.etag, "Last-Modified": format_http(record.modified)}


def created(record: _Versioned, url: str) -> Answer:
    """Answer that a pool, job or task was made."""
    return Answer(status=201, headers={**version_headers(record), "DataServiceId": url, "Location": url})


def changed(record: _Versioned, url: str, status: int = 200) -> Answer:
    """Answer that something was done to a record."""
    return Answer(status=status, headers={**version_headers(record), "DataServiceId": url})


def found(record: _Versioned, body: Json | None) -> Answer:
    """Answer a record."""
    return Answer(body=body, headers=version_headers(record))


def accepted(url: str | None = None, status: int = 202) -> Answer:
    """Answer that something was taken on which has no version."""
    return Answer(status=status, headers={"DataServiceId": url} if url else {})
