"""A container registry with a token service, as Docker Hub has it."""

from __future__ import annotations

import base64
import http.server
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "not-a-real-password-of-the-registry"


@dataclass
class Registry:
    """What there is, and what to answer.

    :param images: ``repository:tag``.
    :param private: whether anonymous tokens open nothing.
    :param scheme: what the challenge names: Bearer, Basic, or nothing.
    :param status: answer this to every request for a manifest.
    """

    host: str = ""
    images: set[str] = field(default_factory=lambda: {"apache/spark:4", "library/spark:latest"})
    private: bool = False
    scheme: str = "Bearer"
    status: int = 0
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def good(self) -> str:
        """An image that is there."""
        return f"{self.host}/apache/spark:4"


@contextmanager
def registry() -> Iterator[Registry]:
    """Run a registry."""
    state = Registry()
    basic = "Basic " + base64.b64encode(f"user:{PASSWORD}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization") or ""
            state.requests.append((self.command, self.path, given))
            asked = urlsplit(self.path)
            assert asked.path == "/token"
            assert parse_qs(asked.query)["service"] == ["the registry"]
            who = "user" if given == basic else "anonymous"
            self.answer(401 if given and given != basic else 200, f'{{"token": "{who}"}}')

        def do_HEAD(self) -> None:
            given = self.headers.get("Authorization") or ""
            state.requests.append((self.command, self.path, given))
            _, _, rest = self.path.partition("/v2/")
            repository, _, tag = rest.partition("/manifests/")
            known = given == "Bearer user" or given == basic
            if state.status:
                self.answer(state.status, "", **{"ratelimit-remaining": "0;w=21600"})
            elif not (known or given == "Bearer anonymous") or (state.private and not known):
                realm = f'Bearer realm="{state.url}/token",service="the registry",scope="repository:{repository}:pull"'
                challenges: dict[str, Any] = {"Bearer": realm, "Basic": 'Basic realm="the registry"'}
                self.answer(401, "", **{"WWW-Authenticate": challenges[state.scheme]} if state.scheme else {})
            else:
                self.answer(
                    200 if f"{repository}:{tag}" in state.images else 404, "", **{"ratelimit-remaining": "76;w=1"}
                )

        def answer(self, status: int, body: str, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state.host = f"127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()
