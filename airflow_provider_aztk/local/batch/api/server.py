"""The web server: reads requests, and writes responses with the bytes that Azure Batch would send."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from aiohttp import HttpVersion11, web

from airflow_provider_aztk.local.batch.api.admin import PREFIX
from airflow_provider_aztk.local.batch.api.auth import check_origin, check_signature
from airflow_provider_aztk.local.batch.api.bearer import bearer_token, check_bearer
from airflow_provider_aztk.local.batch.api.conditions import NotModifiedError
from airflow_provider_aztk.local.batch.api.messages import Request, Response
from airflow_provider_aztk.local.batch.api.routes import find_route
from airflow_provider_aztk.local.batch.common.errors import BatchServiceError
from airflow_provider_aztk.local.batch.common.times import format_http, format_time, utcnow

if TYPE_CHECKING:
    import socket
    import ssl

    from airflow_provider_aztk.local.batch.api.routes import Handler
    from airflow_provider_aztk.local.batch.common.values import Json
    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.batch.services.faults import HttpFault

__all__ = ["ApiServer", "PageSource"]

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 1.0
_DRAINED = 64 * 1024 * 1024
_ERROR_TYPE = "Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element"


class InjectedResetError(Exception):
    """The connection was reset by an injected fault."""


class PageSource(Protocol):
    """Serves web pages beside the REST service, under paths that Batch does not have."""

    def owns(self, request: Request) -> bool:
        """Return whether a page is requested."""

    async def show(self, request: Request, port: int) -> Response:
        """Return the page."""


class ApiServer:
    """Serves one emulated Batch account on a listening socket.

    :param backend: the account.
    :param listener: where to listen.
    :param pages: web pages to be served beside it.
    :param secure: where to listen for https, with the server's certificate.
    """

    def __init__(
        self,
        backend: Backend,
        listener: socket.socket,
        pages: PageSource | None = None,
        secure: tuple[socket.socket, ssl.SSLContext] | None = None,
    ) -> None:
        self._backend = backend
        self._pages = pages
        self._listener = listener
        self._secure = secure
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=_SHUTDOWN_SECONDS)

    async def start(self) -> None:
        """Begin to listen."""
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()
        if self._secure is not None:
            listener, context = self._secure
            await web.SockSite(self._runner, listener, ssl_context=context).start()

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        await self._runner.cleanup()

    async def _handle(self, http_request: web.BaseRequest) -> web.StreamResponse:
        """Serve a request, whose client may go away at any moment, as a killed process does."""
        try:
            return await self._serve(http_request)
        except ConnectionError:
            log.debug("%s %s: the client went away", http_request.method, http_request.path)
            return web.Response(status=500)  # nobody reads it

    async def _serve(self, http_request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in http_request.headers.items()}
        path, _, query = http_request.raw_path.partition("?")
        request = Request(
            method=http_request.method,
            raw_path=path,
            raw_query=query,
            base=f"{http_request.scheme}://{headers.get('host', '')}",
            headers=headers,
        )
        request_id = str(uuid.uuid4())
        if self._pages is not None and self._pages.owns(request):
            page = await self._pages.show(request, _port(http_request))
            return await _ResponseWriter(http_request, request, page, request_id).send(truncated=False)
        fault: HttpFault | None = None
        try:
            await self._admit(http_request, request)
            match = find_route(request.method, request.raw_path)
            request.operation, request.names = match.operation, match.names
            fault = self._fault(request)
            response = await self._respond(http_request, request, match.handler, fault)
        except NotModifiedError:
            response = Response(status=304)
        except BatchServiceError as error:
            response = _error_response(request, error, request_id)
        except InjectedResetError:
            return web.Response(status=500)  # the connection is gone already
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, path)
            response = _error_response(request, BatchServiceError("InternalError"), request_id)
        if self._backend.recorder.enabled and not request.raw_path.startswith(PREFIX):
            self._backend.recorder.note(request.to_record(response.status))
        stream = _ResponseWriter(http_request, request, response, request_id)
        return await stream.send(truncated=fault is not None and fault.kind == "truncate")

    async def _admit(self, http_request: web.BaseRequest, request: Request) -> None:
        """Check access, and read the body only then."""
        try:
            check_origin(request.headers, _port(http_request))
            self._check_credential(request, http_request.raw_path)
        except BatchServiceError:
            await _read_body(http_request, 0, refuse=False)  # else the client sees a reset, not a 403
            raise
        if request.headers.get("expect", "").lower() == "100-continue" and http_request.transport is not None:
            http_request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = await _read_body(http_request, self._backend.settings.max_body)

    def _check_credential(self, request: Request, raw_target: str) -> None:
        """Check the access token or the signature; what is ordered of the emulator itself needs a signature."""
        settings, token = self._backend.settings, bearer_token(request.headers.get("authorization", ""))
        if token is None or request.raw_path.startswith(PREFIX):
            check_signature(settings, request.method, raw_target, request.headers)
        else:
            check_bearer(settings.tokens, token, has_role=not self._backend.faults.entra.misses("batch"))

    async def _respond(
        self, http_request: web.BaseRequest, request: Request, handler: Handler, fault: HttpFault | None
    ) -> Response:
        request.check_timeout()
        if not request.raw_path.startswith(PREFIX + "/"):
            request.check_version()
        if fault is not None and not fault.after:
            await _apply(fault, http_request)
        response = await handler(self._backend, request)
        if fault is not None and fault.after:
            await _apply(fault, http_request)
        return response

    def _fault(self, request: Request) -> HttpFault | None:
        if request.raw_path.startswith(PREFIX + "/"):
            return None
        return self._backend.faults.for_request(request.operation, request.raw_path)


def _port(http_request: web.BaseRequest) -> int:
    """Return the port that a request came to."""
    transport = http_request.transport
    address = transport.get_extra_info("sockname") if transport is not None else None
    return int(address[1]) if address else 0


async def _read_body(http_request: web.BaseRequest, limit: int, *, refuse: bool = True) -> bytes:
    """Read a body. One that is too large is read to its end all the same, else the client sees a reset, not a 413."""
    kept = bytearray()
    size = 0
    async for chunk in http_request.content.iter_any():
        size += len(chunk)
        if size <= limit:
            kept += chunk
        if size > _DRAINED:
            break
    if size > limit and refuse:
        raise BatchServiceError("RequestBodyTooLarge", MaxLimit=limit, Reason=f"The body has {size} bytes.")
    return bytes(kept)


async def _apply(fault: HttpFault, http_request: web.BaseRequest) -> None:
    """Apply an injected fault to a request."""
    await asyncio.sleep(fault.seconds)
    if fault.kind == "reset":
        if http_request.transport is not None:
            http_request.transport.abort()
        raise InjectedResetError
    if fault.kind == "error":
        codes = {429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy"}
        error = BatchServiceError(fault.code or codes.get(fault.status, "InternalError"), status=fault.status)
        if fault.retry_after is not None:
            error.headers["Retry-After"] = f"{fault.retry_after:g}"
        raise error


def _error_response(request: Request, error: BatchServiceError, request_id: str) -> Response:
    text = f"{error.text}\nRequestId:{request_id}\nTime:{format_time(utcnow())}"
    body: Json = {
        "odata.metadata": f"{request.base}/$metadata#{_ERROR_TYPE}",
        "code": error.code,
        "message": {"lang": "en-US", "value": text},
    }
    if error.values:
        body["values"] = [{"key": key, "value": value} for key, value in error.values]
    return Response(status=error.status, body=body, headers=error.headers, reason=error.text)


class _ResponseWriter:
    """Writes one response: chunked bodies, errors with a length, the headers that every response has."""

    def __init__(self, http_request: web.BaseRequest, request: Request, response: Response, request_id: str) -> None:
        self._http_request = http_request
        self._request = request
        self._response = response
        self._headers = {
            "Server": "Microsoft-HTTPAPI/2.0",
            "request-id": request_id,
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
            "DataServiceVersion": "3.0",
            "Date": format_http(datetime.now(UTC)),
            **response.headers,
        }
        wanted = request.headers.get("return-client-request-id", "").lower() == "true"
        if wanted and "client-request-id" in request.headers:
            self._headers["client-request-id"] = request.headers["client-request-id"]

    async def send(self, *, truncated: bool) -> web.StreamResponse:
        """Write the response; a truncated one breaks off in the middle of its body."""
        response = self._response
        body = b"" if response.body is None else json.dumps(response.body, separators=(",", ":")).encode()
        if body or response.stream is not None:
            self._headers["Content-Type"] = response.content_type
        stream = web.StreamResponse(status=response.status, reason=response.reason, headers=self._headers)
        if self._request.method == "HEAD" or response.status in (204, 304):
            return await self._send_empty(stream)
        if response.status >= 400 and response.stream is None:
            stream.content_length = len(body)
        elif self._http_request.version >= HttpVersion11:
            stream.enable_chunked_encoding()
        await stream.prepare(self._http_request)
        if truncated:
            await stream.write(body[: max(1, len(body) // 2)] or b"\0")
            if self._http_request.transport is not None:
                self._http_request.transport.close()
            return stream
        async for piece in self._pieces(body):
            await stream.write(piece)
        await stream.write_eof()
        return stream

    async def _pieces(self, body: bytes) -> AsyncIterator[bytes]:
        stream = self._response.stream
        if isinstance(stream, AsyncIterator):
            async for piece in stream:
                yield piece
        else:
            for piece in stream if stream is not None else [body] if body else []:
                yield piece

    async def _send_empty(self, stream: web.StreamResponse) -> web.StreamResponse:
        if self._request.method != "HEAD" and self._response.status != 304:
            stream.content_length = 0
        elif "Content-Length" in self._response.headers:
            stream.content_length = int(self._response.headers["Content-Length"])
            stream.headers["Content-Type"] = self._response.content_type
        await stream.prepare(self._http_request)
        await stream.write_eof()
        return stream
