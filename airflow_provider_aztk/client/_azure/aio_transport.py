"""The asynchronous twin of ``transport.py``."""

from __future__ import annotations

import asyncio
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from azure.core.exceptions import AzureError, ServiceResponseError
from azure.core.pipeline.transport import AioHttpTransport

from airflow_provider_aztk.client._azure.answers import check_answer, seconds_for
from airflow_provider_aztk.client._azure.transport import PIECE, READ_TIMEOUT, body_size, transport_options
from airflow_provider_aztk.client._loopback import is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client._azure.clock import ServiceClock


class AsyncWholeAnswerTransport(AioHttpTransport):  # type: ignore[misc]  # azure-core exports it lazily
    """azure-core's transport over aiohttp, with whole answers.

    :param url: the service's URL.
    :param clock: notes the time of every answer.
    """

    def __init__(self, url: str, clock: ServiceClock) -> None:
        super().__init__(**transport_options(url))
        self._clock = clock

    async def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request and read its whole answer.

        :raises AzureError: whatever was wrong with it.
        """
        kwargs["stream"] = True  # read below
        kwargs["read_timeout"] = seconds_for(body_size(request), kwargs.get("read_timeout", READ_TIMEOUT))
        kwargs.setdefault("proxy", _proxy_of_all(request.url))
        try:
            with _in_pieces(request):
                response = await super().send(request, **kwargs)
            length = str(response.headers.get("Content-Length") or "")
            limit = seconds_for(int(length) if length.isdigit() else 0, READ_TIMEOUT)
            body = await asyncio.wait_for(response.read(), limit)
        except AzureError:
            raise
        except (OSError, aiohttp.ClientError) as error:  # what azure-core does not know
            raise ServiceResponseError(str(error) or type(error).__name__, error=error) from error
        check_answer(request.method, response.status_code, response.headers, body)
        self._clock.note(response.headers.get("Date"))
        return response


@contextmanager
def _in_pieces(request: Any) -> Iterator[None]:
    """Let aiohttp send a large body in pieces: as one text of bytes it would hold up the event loop."""
    body = request.data
    if not isinstance(body, bytes) or len(body) <= PIECE:
        yield
        return
    request.data = io.BytesIO(body)
    try:
        yield
    finally:
        request.data = body  # it may be sent again


def _proxy_of_all(url: str) -> str | None:
    """Return what ``ALL_PROXY`` says, which aiohttp does not read; what it does read counts more."""
    proxies, parts = getproxies(), urlsplit(url)
    proxy = proxies.get("all")
    if not proxy or parts.scheme in proxies or is_loopback_url(url) or proxy_bypass(parts.netloc):
        return None
    return proxy if proxy.startswith("http") else None  # aiohttp speaks no SOCKS
