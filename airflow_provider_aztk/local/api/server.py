"""The web server: from bytes to a call, from an answer to the bytes that Azure Batch would send."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from aiohttp import HttpVersion11, web

from airflow_provider_aztk.local.api.admin import PREFIX
from airflow_provider_aztk.local.api.auth import check_origin, check_signature
from airflow_provider_aztk.local.api.call import Answer, Call
from airflow_provider_aztk.local.api.conditions import NotModifiedError
from airflow_provider_aztk.local.api.routes import find_route
from airflow_provider_aztk.local.common.errors import BatchServiceError
from airflow_provider_aztk.local.common.times import format_http, format_time, utcnow

if TYPE_CHECKING:
    import socket

    from airflow_provider_aztk.local.common.values import Json
    from airflow_provider_aztk.local.services.backend import Backend
    from airflow_provider_aztk.local.services.trouble import HttpFault

__all__ = ["ApiServer", "PageSource"]

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 1.0
_DRAINED = 64 * 1024 * 1024
_ERROR_TYPE = "Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element"


class OrderedResetError(Exception):
    """The connection was reset because somebody ordered it."""


class PageSource(Protocol):
    """Gives web pages for people beside the service, under paths that Batch does not have."""

    def owns(self, call: Call) -> bool:
        """Tell whether a page is asked for."""

    async def show(self, call: Call, port: int) -> Answer:
        """Give the page."""


class ApiServer:
    """Serves one emulated Batch account on a listening socket.

    :param backend: the account.
    :param listener: where to listen.
    :param pages: web pages to be served beside it.
    """

    def __init__(self, backend: Backend, listener: socket.socket, pages: PageSource | None = None) -> None:
        self._backend = backend
        self._pages = pages
        self._listener = listener
        self._port: int = listener.getsockname()[1]
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=_SHUTDOWN_SECONDS)

    async def start(self) -> None:
        """Begin to listen."""
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve a request, whose client may go away at any moment, as a killed process does."""
        try:
            return await self._serve(request)
        except ConnectionError:
            log.debug("%s %s: the client went away", request.method, request.path)
            return web.Response(status=500)  # nobody reads it

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path, _, query = request.raw_path.partition("?")
        call = Call(
            method=request.method,
            raw_path=path,
            raw_query=query,
            base=f"http://{headers.get('host', '')}",
            headers=headers,
        )
        request_id = str(uuid.uuid4())
        if self._pages is not None and self._pages.owns(call):
            page = await self._pages.show(call, self._port)
            return await _Response(request, call, page, request_id).send(truncated=False)
        fault: HttpFault | None = None
        try:
            await self._admit(request, call)
            fault = self._fault(call)
            answer = await self._answer(request, call, fault)
        except NotModifiedError:
            answer = Answer(status=304)
        except BatchServiceError as error:
            answer = _error_answer(call, error, request_id)
        except OrderedResetError:
            return web.Response(status=500)  # the connection is gone already
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s failed", call.method, path)
            answer = _error_answer(call, BatchServiceError("InternalError"), request_id)
        if self._backend.recorder.enabled and not call.raw_path.startswith(PREFIX):
            self._backend.recorder.note(call.to_record(answer.status))
        response = _Response(request, call, answer, request_id)
        return await response.send(truncated=fault is not None and fault.kind == "truncate")

    async def _admit(self, request: web.BaseRequest, call: Call) -> None:
        """Let in only who may, and read the body only then."""
        try:
            check_origin(call.headers, self._port)
            check_signature(self._backend.settings, call.method, request.raw_path, call.headers)
        except BatchServiceError:
            await _read_body(request, 0, refuse=False)  # else the client sees a reset, not a 403
            raise
        if call.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        call.body = await _read_body(request, self._backend.settings.max_body)

    async def _answer(self, request: web.BaseRequest, call: Call, fault: HttpFault | None) -> Answer:
        match = find_route(call.method, call.raw_path)
        call.names = match.names
        call.check_timeout()
        if not call.raw_path.startswith(PREFIX + "/"):
            call.check_version()
        if fault is not None and not fault.after:
            await _apply(fault, request)
        answer = await match.handler(self._backend, call)
        if fault is not None and fault.after:
            await _apply(fault, request)
        return answer

    def _fault(self, call: Call) -> HttpFault | None:
        call.operation = find_route(call.method, call.raw_path).operation
        if call.raw_path.startswith(PREFIX + "/"):
            return None
        return self._backend.trouble.for_request(call.operation, call.raw_path)


async def _read_body(request: web.BaseRequest, limit: int, *, refuse: bool = True) -> bytes:
    """Read a body. One that is too large is read to its end all the same, else the client sees a reset, not a 413."""
    kept = bytearray()
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size <= limit:
            kept += chunk
        if size > _DRAINED:
            break
    if size > limit and refuse:
        raise BatchServiceError("RequestBodyTooLarge", MaxLimit=limit, Reason=f"The body has {size} bytes.")
    return bytes(kept)


async def _apply(fault: HttpFault, request: web.BaseRequest) -> None:
    """Do what was ordered to a request."""
    await asyncio.sleep(fault.seconds)
    if fault.kind == "reset":
        if request.transport is not None:
            request.transport.abort()
        raise OrderedResetError
    if fault.kind == "error":
        codes = {429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy"}
        error = BatchServiceError(fault.code or codes.get(fault.status, "InternalError"), status=fault.status)
        if fault.retry_after is not None:
            error.headers["Retry-After"] = f"{fault.retry_after:g}"
        raise error


def _error_answer(call: Call, error: BatchServiceError, request_id: str) -> Answer:
    text = f"{error.text}\nRequestId:{request_id}\nTime:{format_time(utcnow())}"
    body: Json = {
        "odata.metadata": f"{call.base}/$metadata#{_ERROR_TYPE}",
        "code": error.code,
        "message": {"lang": "en-US", "value": text},
    }
    if error.values:
        body["values"] = [{"key": key, "value": value} for key, value in error.values]
    return Answer(status=error.status, body=body, headers=error.headers, reason=error.text)


class _Response:
    """Writes one answer: chunked bodies, errors with a length, the headers that every answer has."""

    def __init__(self, request: web.BaseRequest, call: Call, answer: Answer, request_id: str) -> None:
        self._request = request
        self._call = call
        self._answer = answer
        self._headers = {
            "Server": "Microsoft-HTTPAPI/2.0",
            "request-id": request_id,
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
            "DataServiceVersion": "3.0",
            "Date": format_http(datetime.now(UTC)),
            **answer.headers,
        }
        wanted = call.headers.get("return-client-request-id", "").lower() == "true"
        if wanted and "client-request-id" in call.headers:
            self._headers["client-request-id"] = call.headers["client-request-id"]

    async def send(self, *, truncated: bool) -> web.StreamResponse:
        """Write the answer; a truncated one breaks off in the middle of its body."""
        answer = self._answer
        body = b"" if answer.body is None else json.dumps(answer.body, separators=(",", ":")).encode()
        if body or answer.stream is not None:
            self._headers["Content-Type"] = answer.content_type
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=self._headers)
        if self._call.method == "HEAD" or answer.status in (204, 304):
            return await self._send_empty(response)
        if answer.status >= 400 and answer.stream is None:
            response.content_length = len(body)
        elif self._request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        await response.prepare(self._request)
        if truncated:
            await response.write(body[: max(1, len(body) // 2)] or b"\0")
            if self._request.transport is not None:
                self._request.transport.close()
            return response
        async for piece in self._pieces(body):
            await response.write(piece)
        await response.write_eof()
        return response

    async def _pieces(self, body: bytes) -> AsyncIterator[bytes]:
        stream = self._answer.stream
        if isinstance(stream, AsyncIterator):
            async for piece in stream:
                yield piece
        else:
            for piece in stream if stream is not None else [body] if body else []:
                yield piece

    async def _send_empty(self, response: web.StreamResponse) -> web.StreamResponse:
        if self._call.method != "HEAD" and self._answer.status != 304:
            response.content_length = 0
        elif "Content-Length" in self._answer.headers:
            response.content_length = int(self._answer.headers["Content-Length"])
            response.headers["Content-Type"] = self._answer.content_type
        await response.prepare(self._request)
        await response.write_eof()
        return response
