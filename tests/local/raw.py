"""Requests without an SDK in between, to see the bytes that come back."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_aztk.local.batch.common.signing import sign, string_to_sign
from airflow_provider_aztk.local.batch.common.times import format_http, utcnow

if TYPE_CHECKING:
    from airflow_provider_aztk.local.testing import LocalStack

API = "api-version=2025-06-01"


@dataclass
class Reply:
    """An answer as it came."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def raw(
    stack: LocalStack,
    method: str,
    target: str,
    body: Any = None,
    *,
    key: str | None = None,
    headers: dict[str, str] | None = None,
    unsigned: bool = False,
) -> Reply:
    """Send one request; *body* is sent as JSON, or as it is when it is bytes."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {"ocp-date": format_http(utcnow()), "content-type": "application/json; odata=minimalmetadata"}
    if method not in ("GET", "HEAD"):
        sent["content-length"] = str(len(data))
    sent |= headers or {}
    if not unsigned:
        signature = sign(key or stack.batch_key, string_to_sign(stack.batch_account, method, target, sent))
        sent.setdefault("authorization", f"SharedKey {stack.batch_account}:{signature}")
    connection = http.client.HTTPConnection(urlsplit(stack.batch_endpoint).netloc, timeout=30)
    try:
        connection.putrequest(method, target, skip_host="host" in sent)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(data)
        answer = connection.getresponse()
        return Reply(answer.status, answer.reason, answer.headers, answer.read())
    finally:
        connection.close()
