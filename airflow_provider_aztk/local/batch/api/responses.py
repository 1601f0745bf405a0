"""The kinds of responses that the operations share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.api.messages import Response
from airflow_provider_aztk.local.batch.common.times import format_http

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.api.conditions import Versioned
    from airflow_provider_aztk.local.batch.common.values import Json

__all__ = ["accepted", "changed", "created", "found"]


def version_headers(record: Versioned) -> dict[str, str]:
    """Make ETag (unquoted, as the service sends it) and Last-Modified."""
    return {"ETag": record.etag, "Last-Modified": format_http(record.modified)}


def created(record: Versioned, url: str) -> Response:
    """Return the response for a new pool, job or task."""
    return Response(status=201, headers={**version_headers(record), "DataServiceId": url, "Location": url})


def changed(record: Versioned, url: str, status: int = 200) -> Response:
    """Return the response for a changed record."""
    return Response(status=status, headers={**version_headers(record), "DataServiceId": url})


def found(record: Versioned, body: Json | None) -> Response:
    """Return the response that shows a record."""
    return Response(body=body, headers=version_headers(record))


def accepted(url: str | None = None, status: int = 202) -> Response:
    """Return the response for an accepted request without a version."""
    return Response(status=status, headers={"DataServiceId": url} if url else {})
