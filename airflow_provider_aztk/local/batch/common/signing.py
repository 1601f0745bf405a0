"""The SharedKey signature of Batch requests: made by AdminClient, checked by the api layer."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SIGNED_HEADERS", "sign", "string_to_sign"]

SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def string_to_sign(account: str, method: str, raw_target: str, headers: Mapping[str, str]) -> str:
    """Build the text that a request's signature covers.

    :param account: the Batch account's name.
    :param raw_target: path and query as on the wire, still percent-encoded.
    :param headers: the request's headers, names in lower case.
    """
    path, _, query = raw_target.partition("?")
    lines = [method.upper(), *(headers.get(name, "") for name in SIGNED_HEADERS)]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("ocp-") and headers[name]]
    lines.append(f"/{account}{path}")
    seen: dict[str, str] = {}
    for name, value in parse_qsl(query):  # blank values are left out, a repeated name counts once: as clients do
        seen.setdefault(name, value)
    lines += [f"{name}:{seen[name]}" for name in sorted(seen)]
    return "\n".join(lines)


def sign(key: str, text: str) -> str:
    """Sign *text* with a base64 account key."""
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
