"""A man in the middle for tests: forwards HTTP to a server and does to requests and answers what lines do to them.

It is put in front of the emulator or of Azurite, and told what goes wrong by :class:`Fault`; the time it takes by
``bytes_per_second``. It works on whole requests, one upstream connection for each, in an event loop of its own thread.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["Answer", "Fault", "Misbehaving", "misbehaving"]

_PIECE = 16 * 1024


@dataclass
class Answer:
    """What the server answered, to be changed by a fault."""

    status: str
    headers: dict[str, str]
    body: bytes
    #: Send only so many bytes of the body, and then break off; the length in the headers stays.
    cut_at: int | None = None
    #: Reset the connection instead of an answer.
    reset: bool = False

    def replace(self, body: bytes, **headers: str) -> None:
        """Give it another body, as a proxy does that frames it anew."""
        self.body = body
        self.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        self.headers["content-length"] = str(len(body))


@dataclass
class Fault:
    """What goes wrong, and with which requests.

    :param change: changes the answer; the request has been carried out by then.
    :param when: tells of method and target whether a request is meant.
    :param count: with how many requests; -1 with all.
    :param delay: seconds before the answer.
    """

    change: Callable[[Answer], None] = lambda answer: None
    when: Callable[[str, str], bool] = lambda method, target: True
    count: int = 1
    delay: float = 0.0

    def use(self, method: str, target: str) -> bool:
        if self.count == 0 or not self.when(method, target):
            return False
        self.count -= self.count > 0
        return True


@dataclass
class Misbehaving:
    """The proxy. ``url`` is the server's URL as seen through it."""

    upstream: str
    bytes_per_second: float | None = None
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, int]] = field(default_factory=list)  # method, target, bytes of the body
    url: str = ""

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._free_at = 0.0

    async def _pass(self, size: int) -> None:
        """Wait until the line has taken so many bytes; all connections share it."""
        if self.bytes_per_second:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + size / self.bytes_per_second
            await asyncio.sleep(self._free_at - now)

    async def serve(self) -> None:
        """Listen on a free port."""
        self._server = server = await asyncio.start_server(self._client, "127.0.0.1", 0, limit=_PIECE)
        parts = urlsplit(self.upstream)
        self._netloc = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.url = parts._replace(netloc=self._netloc).geturl()

    async def close(self) -> None:
        """Close what is open."""
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        start, headers = _parse(head)
        method, target, _ = start.split(" ", 2)
        body = await self._read_body(reader, int(headers.get("content-length") or 0))
        self.seen.append((method, target, len(body)))
        answer = await self._ask(
            start, {**headers, "host": urlsplit(self.upstream).netloc, "connection": "close"}, body
        )
        for fault in self.faults:
            if fault.use(method, target):
                await asyncio.sleep(fault.delay)
                fault.change(answer)
                break
        if answer.reset or (answer.cut_at is not None and method == "HEAD"):  # it has no body to cut
            _reset(writer)
            return False
        await self._send(writer, method, answer)
        return answer.cut_at is None

    async def _read_body(self, reader: asyncio.StreamReader, length: int) -> bytes:
        body = b""
        while len(body) < length:
            piece = await reader.readexactly(min(_PIECE, length - len(body)))
            await self._pass(len(piece))
            body += piece
        return body

    async def _ask(self, start: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        lines = [start, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()
        raw = await reader.read(-1)
        writer.close()
        head, _, content = raw.partition(b"\r\n\r\n")
        status, found = _parse(head + b"\r\n\r\n")
        found.pop("connection", None)
        if found.pop("transfer-encoding", "") == "chunked":
            content = _dechunk(content)
        links = content.replace(parts.netloc.encode(), self._netloc.encode())  # the next page is ours, too
        if links != content or "content-length" not in found:
            content = links
            if not start.startswith("HEAD") and " 204 " not in status:
                found["content-length"] = str(len(content))
        return Answer(status.partition(" ")[2], found, content)

    async def _send(self, writer: asyncio.StreamWriter, method: str, answer: Answer) -> None:
        lines = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in answer.headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        body = answer.body if answer.cut_at is None else answer.body[: answer.cut_at]
        for at in range(0, 0 if method == "HEAD" else len(body), _PIECE):
            piece = body[at : at + _PIECE]
            await self._pass(len(piece))
            writer.write(piece)
            await writer.drain()
        await writer.drain()


def _parse(head: bytes) -> tuple[str, dict[str, str]]:
    start, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    return start, {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _dechunk(data: bytes) -> bytes:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if not length:
            return body
        body, data = body + data[:length], data[length + 2 :]


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def misbehaving(upstream: str, bytes_per_second: float | None = None) -> Iterator[Misbehaving]:
    """Run the proxy in front of a server."""
    proxy = Misbehaving(upstream, bytes_per_second)
    loop = proxy._loop
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(proxy.serve(), loop).result(10)
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
