"""What the stand-in's programs say to each other: JSON lines over TCP, after a proof that both know the secret.

The side that is called sends ``{"nonce": N}``; the caller answers ``{"proof": HMAC(secret, N), ...its message}``; the
reply is ``{"ok": true, ...}`` or ``{"ok": false, "error": TEXT}``. The connection stays open: its end means that the
caller is gone. A request that begins with ``GET`` on a web port gets JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 5.0


def log(text: str) -> None:
    """Write one line as Spark's own log would."""
    sys.stderr.write(time.strftime("%y/%m/%d %H:%M:%S") + f" INFO fake-spark: {text}\n")
    sys.stderr.flush()


def read_properties(path: str) -> dict[str, str]:
    """Read a file of Java properties with one property a line."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = re.match(r"\s*((?:\\.|[^=:\s\\])+)\s*[=:\s]\s*(.*?)\s*$", line)
            if match and line.lstrip()[:1] not in ("#", "!"):
                found[_plain(match.group(1))] = _plain(match.group(2))
    return found


def options(argv: list[str], flags: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Take ``--name value`` pairs off the front of a command line."""
    given = {}
    rest = list(argv)
    while len(rest) >= 2 and rest[0].startswith("--"):
        if rest[0] not in flags:
            sys.exit(f"fake-spark: unknown option {rest[0]}")
        given[rest[0].lstrip("-")] = rest[1]
        rest = rest[2:]
    return given, rest


class Line:
    """One connection, spoken in JSON lines."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rwb")

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        self._file.write(json.dumps(message).encode() + b"\n")
        self._file.flush()

    def receive(self) -> dict[str, Any] | None:
        """Receive one message; None at the end."""
        line = self._file.readline()
        return dict(json.loads(line)) if line else None

    def wait_for_end(self) -> None:
        """Wait until the other side is gone."""
        with contextlib.suppress(OSError, ValueError):
            self._connection.settimeout(None)
            while self._file.readline():
                pass

    def close(self) -> None:
        """End the connection."""
        for closable in (self._file, self._connection):
            with contextlib.suppress(OSError):
                closable.close()


def call(
    address: tuple[str, int], secret: str, message: dict[str, Any], own_host: str = ""
) -> tuple[Line, dict[str, Any]]:
    """Connect, prove to know the secret, send the message, and return the open line with the reply."""
    source = (own_host, 0) if own_host else None
    line = Line(socket.create_connection(address, TIMEOUT, source))
    try:
        hello = line.receive() or {}
        line.send({"proof": proof(secret, str(hello.get("nonce"))), **message})
        reply = line.receive()
        if reply is None:
            raise ConnectionError("closed without a word")
    except BaseException:
        line.close()
        raise
    return line, reply


def serve(listener: socket.socket, secret: str, handle: Callable[[Line, dict[str, Any]], None]) -> None:
    """Answer calls in threads; a caller without the secret is refused."""

    def one(connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT)
        line = Line(connection)
        try:
            nonce = os.urandom(16).hex()
            line.send({"nonce": nonce})
            message = line.receive()
            if message is None:
                return
            if not hmac.compare_digest(str(message.get("proof", "")), proof(secret, nonce)):
                line.send({"ok": False, "error": "authentication failed"})
                return
            handle(line, message)
        except (OSError, ValueError):
            pass
        finally:
            line.close()

    accept(listener, one)


def serve_web(listener: socket.socket, pages: Callable[[str], Any]) -> None:
    """Answer GET requests with JSON; None is 404."""

    def one(connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT)
        with connection, connection.makefile("rwb") as file:
            words = file.readline().split()
            while file.readline().strip():
                pass
            page = pages(words[1].decode()) if len(words) > 1 and words[0] == b"GET" else None
            body = json.dumps(page).encode()
            status = b"404 Not Found" if page is None else b"200 OK"
            file.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n" % status)
            file.write(b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)

    accept(listener, one)


def accept(listener: socket.socket, one: Callable[[socket.socket], None]) -> None:
    """Serve each connection in a thread of its own, in the background."""

    def guarded(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            one(connection)

    def loop() -> None:
        while True:
            connection = listener.accept()[0]
            threading.Thread(target=guarded, args=(connection,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def listen(host: str, port: int) -> socket.socket:
    """Listen, or end as a JVM that cannot bind its port does."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        sys.exit(f"fake-spark: java.net.BindException: {host}:{port}: {error.strerror}")
    listener.listen(64)
    return listener


def proof(secret: str, nonce: str) -> str:
    """Prove to know the secret without saying it."""
    return hmac.new(secret.encode(), nonce.encode(), hashlib.sha256).hexdigest()


def secret_of(values: dict[str, str]) -> str:
    """Return the secret of the properties; without authentication there is none."""
    return values.get("spark.authenticate.secret", "") if values.get("spark.authenticate") == "true" else ""


def parse_url(url: str) -> tuple[str, int]:
    """Read spark://HOST:PORT."""
    host, _, port = url[len("spark://") :].rpartition(":")
    return host, int(port)


def _plain(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match.group(1)
        if len(code) == 5:
            return chr(int(code[1:], 16))
        return {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}.get(code, code)

    plain = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, text)
    return plain.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
