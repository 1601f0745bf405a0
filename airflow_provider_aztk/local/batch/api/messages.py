"""A request as the handlers get it, and the response that they return."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from airflow_provider_aztk.local.batch.api.body_check import check_schema
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_query
from airflow_provider_aztk.local.batch.common.values import Json

__all__ = ["Request", "Response"]

_VERSION = re.compile(r"\d{4}-\d\d-\d\d[\w.-]*\Z", re.ASCII)


@dataclass(kw_only=True)
class Request:
    """One request, read and authenticated.

    :param base: scheme, host and port by which the client knows the service.
    :param headers: names in lower case.
    :param names: what the route's pattern found in the path, decoded.
    """

    method: str
    raw_path: str
    raw_query: str
    base: str
    headers: Mapping[str, str]
    body: bytes = b""
    operation: str = ""
    names: dict[str, str] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        """The query's values, decoded; the first of each name."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.raw_query, keep_blank_values=True):
            found.setdefault(name, value)
        return found

    def check_timeout(self) -> None:
        """Check the time that the client grants the server, whichever way its name is written."""
        for name, value in self.query.items():
            if name.lower() == "timeout" and not (value.isascii() and value.isdigit()):
                raise invalid_query(name, value, "A whole number of seconds is expected.")

    def check_version(self) -> None:
        """Check that an api-version is named; any will do."""
        version = self.query.get("api-version")
        if not version:
            raise BatchServiceError("MissingRequiredQueryParameter", QueryParameterName="api-version")
        if not _VERSION.match(version):
            raise invalid_query("api-version", version, "A version such as 2025-06-01 is expected.")

    def json(self, schema: str | None = None, *, optional: bool = False) -> Json:
        """Read the body; members that are null count as absent.

        :param schema: a name in :mod:`schemas`.
        :param optional: an empty body will do.
        :raises BatchServiceError: ``InvalidRequestBody``, ``InvalidPropertyValue``.
        """
        if optional and not self.body.strip():
            return {}
        try:
            body = _without_nulls(json.loads(self.body))
        except (ValueError, RecursionError) as error:
            raise BatchServiceError("InvalidRequestBody", Reason="The body is not JSON.") from error
        if not isinstance(body, dict):
            raise BatchServiceError("InvalidRequestBody", Reason="The body is not a JSON object.")
        return body if schema is None else check_schema(body, schema)

    def flag(self, name: str) -> bool:
        """Read a yes-or-no parameter of the query."""
        value = self.query.get(name, "false").lower()
        if value not in ("true", "false"):
            raise invalid_query(name, value, "true or false is expected.")
        return value == "true"

    def to_record(self, status: int) -> Json:
        """Describe the request for the recorder, without its signature."""
        return {
            "operation": self.operation,
            "method": self.method,
            "path": self.raw_path,
            "query": self.raw_query,
            "headers": {name: value for name, value in self.headers.items() if name != "authorization"},
            "body": self.body.decode(errors="replace"),
            "status": status,
        }


@dataclass(kw_only=True)
class Response:
    """What goes back: a status, headers, and a body as JSON or as a stream."""

    status: int = 200
    body: Json | None = None
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | AsyncIterator[bytes] | None = None
    reason: str | None = None
    content_type: str = "application/json; odata=minimalmetadata"


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_nulls(entry) for entry in value]
    return value
