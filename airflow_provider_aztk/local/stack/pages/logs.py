"""Drivers' logs, read from Azurite for people who look at them in a browser."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from airflow_provider_aztk.local.batch.common.times import format_http, utcnow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["LogReader", "log_blob"]

_API_VERSION = "2021-08-06"
_CHUNK = 256 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII)


def log_blob(application: str, segment: int) -> str:
    """Name one piece of a driver's log; where the node code writes it, see docs/node.md."""
    return f"apps/{application}/log/{segment:06d}"


class LogReader:
    """Reads drivers' logs and nothing else: containers hold secrets, too.

    :param endpoint: the blob service with the account in its path, as Azurite has it.
    :param account: its name.
    :param key: its key, base64.
    """

    def __init__(self, endpoint: str, account: str, key: str) -> None:
        self._endpoint = endpoint
        self._account = account
        self._key = key

    async def read(self, container: str, application: str) -> AsyncIterator[bytes]:
        """Read a log from its first piece to its last; nothing comes where there is none."""
        if not (_NAME.match(container) and _NAME.match(application)):
            return
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            segment = 0
            while True:
                url = f"{self._endpoint}/{container}/{log_blob(application, segment)}"
                async with session.get(url, headers=self._signed(url)) as response:
                    if response.status == 404:
                        return
                    response.raise_for_status()
                    async for chunk in response.content.iter_chunked(_CHUNK):
                        yield chunk
                segment += 1

    def _signed(self, url: str) -> dict[str, str]:
        """Sign a GET (learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key)."""
        headers = {"x-ms-date": format_http(utcnow()), "x-ms-version": _API_VERSION}
        standard = "\n" * 11  # none of the eleven standard headers is sent
        own = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
        text = f"GET\n{standard}{own}/{self._account}{urlsplit(url).path}"
        digest = hmac.new(base64.b64decode(self._key), text.encode(), hashlib.sha256).digest()
        return {**headers, "Authorization": f"SharedKey {self._account}:{base64.b64encode(digest).decode()}"}
