"""What makes an answer of Azure a whole one: shared by the sync and the async transport.

A broken answer is no answer: a 404 whose body is half there, or is the page of a proxy, does not say that a thing is
missing. Such an answer becomes azure-core's ``ServiceResponseError``, as a connection that was cut does.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from azure.core.exceptions import ServiceResponseError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Statuses that say "not now"; they are tried again whatever the body is.
NOT_NOW = frozenset({408, 429, 500, 502, 503, 504})
#: Statuses whose meaning is clear without a code: front ends give them before the service sees the request.
_CLEAR = frozenset({401, 403, 413})
#: The slowest line that is waited for, in bytes a second: time limits grow with a body by it.
SLOWEST_LINE = 16 * 1024
_RANGE = re.compile(r"bytes (\d+)-(\d+)/")


def seconds_for(size: int, base: float) -> float:
    """Return how long a body of this size may take, when an answer without one may take ``base`` seconds."""
    return base + size / SLOWEST_LINE


def check_answer(method: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Check that an answer is whole, and the service's.

    :raises ServiceResponseError: it is not.
    """
    fault = _fault(method, status, {name.lower(): value for name, value in headers.items()}, body)
    if fault:
        raise ServiceResponseError(f"a broken answer to {method} (status {status}): {fault}")


def _fault(method: str, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    if method == "HEAD":
        return None if status < 400 or status in NOT_NOW or _is_coded(headers, status) else "without an error code"
    if status >= 400:
        return None if status in NOT_NOW else _error_fault(status, headers, body)
    length, encoded = headers.get("content-length", ""), "content-encoding" in headers
    if length.isdigit() and not encoded and status not in (204, 304) and len(body) != int(length):
        return f"{len(body)} of {length} bytes"
    part = _RANGE.match(headers.get("content-range", ""))
    if status == 206 and part and not encoded and len(body) != int(part[2]) - int(part[1]) + 1:
        return f"{len(body)} bytes for the range {part[0]}"
    kind = headers.get("content-type", "")
    if "html" in kind and not ("x-ms-request-id" in headers or "request-id" in headers):
        return "a web page, not the service's"
    if method == "GET" and status == 200 and not body and ("json" in kind or "xml" in kind):
        return "without a body"
    return None


def _error_fault(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    if not body:
        return None if _is_coded(headers, status) or status in _CLEAR else "an error without a body"
    try:
        code = error_code(body)
    except ValueError:
        return "an error whose body is cut short or not the service's"
    return None if code or _is_coded(headers, status) else "an error without a code"


def _is_coded(headers: Mapping[str, str], status: int) -> bool:
    return "x-ms-error-code" in headers or status in _CLEAR


def error_code(body: bytes) -> str | None:
    """Read the code of an error's body: Batch's and Resource Manager's JSON, Storage's XML.

    :raises ValueError: the body is neither, or is cut short.
    """
    text = body.decode("utf-8-sig", errors="strict").strip()
    if text.startswith("{"):
        found: Any = json.loads(text)
        for part in (found, found.get("error"), found.get("odata.error")):
            if isinstance(part, dict) and part.get("code"):
                return str(part["code"])
        return None
    if re.match(r"<(!doctype\s+)?html", text, re.IGNORECASE):
        raise ValueError("a web page")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    return root.findtext("Code") or root.findtext(".//{*}Code") or None
