"""Plain HTTP requests, for what is neither of the two accounts: signed URLs and container registries."""

from __future__ import annotations

import os
import ssl
import urllib.request
from functools import cache
from typing import TYPE_CHECKING

from airflow_provider_aztk.client._loopback import is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPMessage

__all__ = ["LIMIT", "request"]

#: Seconds for a connection, and for each part of an answer.
LIMIT = 10.0
_MOST_BYTES = 1 << 20
#: Where the requests library looks for certificates to trust, which the requests to Azure are sent with.
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A header with a credential goes where it was sent to, and no further."""

    def redirect_request(self, *_: object) -> None:
        return None


@cache
def _tls(certificates: str | None) -> ssl.SSLContext:
    """Return a context that checks certificates; to read all of the system's takes a while."""
    return ssl.create_default_context(cafile=certificates)


def request(method: str, url: str, headers: Mapping[str, str] | None = None) -> tuple[HTTPMessage, bytes]:
    """Send a request, and return the headers and the first MiB of its answer.

    :raises urllib.error.HTTPError: the answer is not of 2xx.
    :raises OSError: there is none.
    """
    if not url.startswith("https://") and not is_loopback_url(url):
        raise OSError("not asked without TLS")
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if url.startswith("https://"):
        certificates = next(filter(None, map(os.environ.get, _CERTIFICATES)), None)
        handlers.append(urllib.request.HTTPSHandler(context=_tls(certificates)))
    if is_loopback_url(url):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    asked = urllib.request.Request(url, method=method, headers=dict(headers or {}))
    with opener.open(asked, timeout=LIMIT) as answer:
        return answer.headers, answer.read(_MOST_BYTES)
