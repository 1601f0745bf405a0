"""The blob service over https: checks who asks, and passes the request on to Azurite."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from airflow_provider_aztk.local.batch.common.loopback import LOOPBACK, names_this_machine
from airflow_provider_aztk.local.stack.entra.storage_access import StorageAccess, StorageRefusalError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from airflow_provider_aztk.local.batch.services.recorder import Recorder

__all__ = ["BlobFront"]

_SHUTDOWN_SECONDS = 1.0
_CHUNK = 256 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
#: Headers that are for one connection only.
_OF_A_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"),
        *("transfer-encoding", "host", "authorization", "expect"),
    }
)
_AUTOMATIC = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
_LONGEST_KEY_REQUEST = 64 * 1024


class BlobFront:
    """Serves one storage account.

    :param azurite: its URL, with the account in its path.
    :param recorder: notes who asked for a user delegation key.
    """

    def __init__(self, azurite: str, recorder: Recorder, context: ssl.SSLContext) -> None:
        parts = urlsplit(azurite)
        self._azurite = f"{parts.scheme}://{parts.netloc}"
        self._recorder = recorder
        self._context = context
        self._listener = socket.create_server((LOOPBACK, 0))
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self.access: StorageAccess | None = None
        self.url = f"https://{LOOPBACK}:{self._listener.getsockname()[1]}{parts.path}"

    async def start(self, access: StorageAccess) -> None:
        """Begin to listen.

        :param access: decides who may use the account.
        """
        self.access = access
        self._session = aiohttp.ClientSession(
            timeout=_TIMEOUT, auto_decompress=False, skip_auto_headers=_AUTOMATIC, cookie_jar=aiohttp.DummyCookieJar()
        )
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener, ssl_context=self._context).start()

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()
        self._listener.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        name, _, _ = headers.get("host", "").rpartition(":")
        if not names_this_machine(name) or "origin" in headers or "sec-fetch-site" in headers:
            return web.Response(status=403, text="Requests of web pages are refused.")
        try:
            if request.query.get("comp") == "userdelegationkey":
                return await self._delegation_key(request, headers)
            return await self._pass_on(request, headers)
        except StorageRefusalError as error:
            async for _ in request.content.iter_chunked(_CHUNK):  # else the client sees a reset, and not the answer
                pass
            body = b"" if request.method == "HEAD" else error.body()
            return web.Response(status=error.status, body=body, headers=error.headers())
        except aiohttp.ClientError:
            return web.Response(status=503, headers={"x-ms-error-code": "ServerBusy"})

    async def _delegation_key(self, request: web.BaseRequest, headers: dict[str, str]) -> web.Response:
        assert self.access is not None
        body = await request.content.read(_LONGEST_KEY_REQUEST)
        record = {"operation": "get_user_delegation_key", "method": request.method, "path": request.path}
        self._recorder.note({**record, "query": "", "headers": {}, "body": body.decode(errors="replace"), "status": 0})
        version = headers.get("x-ms-version", "")
        found = self.access.delegation_key(headers.get("authorization", ""), version, body)
        return web.Response(body=found, content_type="application/xml", headers={"x-ms-version": version})

    async def _pass_on(self, request: web.BaseRequest, headers: dict[str, str]) -> web.StreamResponse:
        assert self.access is not None
        assert self._session is not None
        raw_path, _, raw_query = request.raw_path.partition("?")
        passed = self.access.admit(request.method, raw_path, raw_query, headers)
        sent = {name: value for name, value in headers.items() if name not in _OF_A_CONNECTION}
        target = self._azurite + raw_path + (f"?{passed.query}" if passed.query else "")
        async with self._session.request(
            request.method,
            URL(target, encoded=True),
            headers={**sent, **passed.headers},
            data=_read(request.content) if request.body_exists else None,
            allow_redirects=False,
        ) as found:
            response = web.StreamResponse(status=found.status, reason=found.reason)
            for name, value in found.headers.items():
                if name.lower() not in _OF_A_CONNECTION:
                    response.headers.add(name, value)
            await response.prepare(request)
            if request.method != "HEAD":
                async for chunk in found.content.iter_chunked(_CHUNK):
                    await response.write(chunk)
            await response.write_eof()
            return response


async def _read(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    async for chunk in content.iter_chunked(_CHUNK):
        yield chunk
