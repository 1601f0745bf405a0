"""The blobs of a container on Azure Storage or Azurite, over HTTP with the container's SAS.

The retry policy: no answer, and the statuses 408, 429, 500, 502, 503 and 504, are tried again with a growing pause, or
the server's own ``Retry-After``, until the policy's patience ends. Each call can be repeated without harm: a put
replaces, and an append states its position.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import hashlib
import http.client
import io
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from airflow_provider_aztk.node.errors import BlobError, BlobPositionError
from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.wire import (
    BlobInfo,
    error_code,
    is_loopback,
    listing,
    read_info,
    retry_after,
    short_by,
)

__all__ = ["HttpBlobs"]

API_VERSION = "2021-12-02"
RETRIED = frozenset({0, 408, 429, 500, 502, 503, 504})
# The slowest line that is waited for, in bytes a second.
SLOWEST_LINE = 16 * 1024
DOWNLOAD_PIECE = 256 * 1024


class HttpBlobs:
    """The blobs of one container over HTTP.

    :param container_url: URL of the container with its SAS
    :param policy: how patient to be
    :param sleep: waits between retries; may raise, to end a call that waits
    """

    def __init__(
        self, container_url: str, policy: Optional[Policy] = None, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        parts = urllib.parse.urlsplit(container_url)
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self._base = urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._sas = parts.query
        self._policy = policy or Policy()
        self._sleep = sleep
        # A proxy of the environment is for the world outside, never for this machine.
        local = is_loopback(parts.hostname or "")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({} if local else None))

    def __repr__(self) -> str:
        return f"HttpBlobs(host={self.host!r})"

    def with_policy(self, policy: Policy, sleep: Callable[[float], object] = time.sleep) -> HttpBlobs:
        """Return the same container with another policy."""
        return HttpBlobs(f"{self._base}?{self._sas}", policy, sleep)

    def get(self, name: str, offset: int = 0, length: Optional[int] = None) -> Optional[bytes]:
        headers = {}
        if offset or length is not None:
            headers["x-ms-range"] = f"bytes={offset}-" + ("" if length is None else str(offset + length - 1))
        try:
            body: bytes = self._call("GET", name, headers=headers).body
            return body
        except BlobError as error:
            if error.status == 404:
                return None
            if error.status == 416:
                return b""
            raise

    def put(self, name: str, data: bytes) -> None:
        self._call("PUT", name, headers={"x-ms-blob-type": "BlockBlob"}, body=data)

    def head(self, name: str) -> Optional[BlobInfo]:
        try:
            return read_info(name, self._call("HEAD", name).headers)
        except BlobError as error:
            if error.status == 404:
                return None
            raise

    def list(self, prefix: str) -> List[BlobInfo]:
        found: List[BlobInfo] = []
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "include": "metadata", "prefix": prefix, "marker": marker}
            asked = {key: value for key, value in query.items() if value}
            page, marker = self._call("GET", "", query=asked, read=lambda reply: listing(reply.body, reply.headers))
            found.extend(page)
            if not marker:
                return found

    def create_append(self, name: str) -> None:
        try:
            self._call("PUT", name, headers={"x-ms-blob-type": "AppendBlob", "If-None-Match": "*"}, body=b"")
        except BlobError as error:
            if error.status not in (409, 412):
                raise

    def append(self, name: str, data: bytes, position: int) -> None:
        headers = {"x-ms-blob-condition-appendpos": str(position)}
        try:
            self._call("PUT", name, query={"comp": "appendblock"}, headers=headers, body=data)
        except BlobError as error:
            if error.status != 412:
                raise
            # Either an earlier try got through and only its answer was lost, or somebody else writes here.
            info = self.head(name)
            if info is None or info.size != position + len(data):
                raise BlobPositionError(f"blob {name} does not end at {position}", 412, error.code) from None

    def download(self, name: str, path: str) -> str:
        digest = hashlib.sha256()
        with open(path, "wb") as file:

            def keep(piece: bytes) -> None:
                file.write(piece)
                digest.update(piece)

            self._retried("GET", name, lambda: self._stream(name, file.tell(), keep))
        return digest.hexdigest()

    def _stream(self, name: str, offset: int, keep: Callable[[bytes], object]) -> None:
        headers = {"x-ms-range": f"bytes={offset}-"} if offset else {}
        with self._open("GET", name, {}, headers, None) as response:
            if offset and response.status != 206:
                raise http.client.HTTPException("the whole blob where its rest was asked for")
            expected = int(response.headers.get("Content-Length") or 0)
            got = 0
            while True:
                piece = response.read(DOWNLOAD_PIECE)
                if not piece:
                    break
                keep(piece)
                got += len(piece)
            if got < expected:
                raise http.client.IncompleteRead(b"", expected - got)

    def _call(
        self,
        method: str,
        name: str,
        query: Optional[Mapping[str, str]] = None,
        headers: Optional[Mapping[str, str]] = None,
        body: Optional[bytes] = None,
        read: Callable[[_Reply], Any] = lambda reply: reply,
    ) -> Any:
        def once() -> Any:
            with self._open(method, name, query or {}, headers or {}, body) as response:
                data = response.read()
                if short_by(response.headers, len(data)):
                    raise http.client.IncompleteRead(data, short_by(response.headers, len(data)))
                return read(_Reply(data, dict(response.headers.items())))

        return self._retried(method, name, once)

    def _retried(self, method: str, name: str, once: Callable[[], Any]) -> Any:
        started = time.monotonic()
        attempt = 0
        while True:
            try:
                return once()
            except (OSError, http.client.HTTPException) as error:
                failure, wait = _error(method, name, error)
            if failure.status not in RETRIED or time.monotonic() - started >= self._policy.patience:
                raise failure
            self._sleep(self._policy.pause(attempt, wait))
            attempt += 1

    def _open(
        self, method: str, name: str, query: Mapping[str, str], headers: Mapping[str, str], body: Optional[bytes]
    ) -> Any:
        path = "/" + urllib.parse.quote(name) if name else ""
        asked = urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
        url = f"{self._base}{path}?" + "&".join(part for part in (asked, self._sas) if part)
        sent: Dict[str, str] = {"x-ms-version": API_VERSION, **headers}
        if body is not None:
            sent["Content-Type"] = "application/octet-stream"
            sent["Content-Length"] = str(len(body))
        # A stream is sent in small pieces, so the limit is for each of them and not for the whole body.
        stream = None if body is None else io.BytesIO(body)
        request = urllib.request.Request(url, data=stream, headers=sent, method=method)
        return self._opener.open(request, timeout=self._policy.timeout + len(body or b"") / SLOWEST_LINE)


@dataclass(frozen=True)
class _Reply:
    body: bytes
    headers: Dict[str, str]


def _is_whole(error: urllib.error.HTTPError, code: str) -> bool:
    """Return whether an error is storage's own and complete: the page of a proxy is no answer about a blob."""
    try:
        error.read()
    except (OSError, http.client.HTTPException):
        return False
    return bool(code) or error.code in RETRIED or error.code in (401, 403, 413)


def _error(method: str, name: str, error: Exception) -> Tuple[BlobError, Optional[float]]:
    """Return our own error, without the URL, for one of urllib, and the seconds that the server asks to wait."""
    what = f"{method} of blob {name or '(list)'}"
    if isinstance(error, urllib.error.HTTPError):
        with error:
            code = error_code(error.headers)
            wait = retry_after(error.headers)
            broken = not _is_whole(error, code)
        if broken:
            return BlobError(f"{what}: a broken answer of status {error.code}"), wait
        return BlobError(f"{what}: status {error.code} {code}".rstrip(), error.code, code), wait
    reason = getattr(error, "reason", error)
    detail = getattr(reason, "strerror", None) or type(reason).__name__
    return BlobError(f"{what}: no answer ({detail})"), None
