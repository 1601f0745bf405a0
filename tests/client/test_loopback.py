"""Which addresses are this machine, to the client and to the nodes; and that no proxy leads there."""

from __future__ import annotations

import asyncio
import http.server
import threading
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors
from airflow_provider_aztk.client._azure.aio import AsyncBatchGateway, AsyncStorageGateway
from airflow_provider_aztk.client._azure.batch import get_pool
from airflow_provider_aztk.client._azure.credentials import Accounts
from airflow_provider_aztk.client._azure.gateways import BatchGateway, StorageGateway
from airflow_provider_aztk.client._azure.retries import Retries
from airflow_provider_aztk.client._azure.storage import GetRange
from airflow_provider_aztk.client._loopback import is_loopback
from airflow_provider_aztk.node.errors import BlobError
from airflow_provider_aztk.node.storage import wire
from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.http_blobs import HttpBlobs

if TYPE_CHECKING:
    from collections.abc import Iterator

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
GATEWAYS = (BatchGateway, StorageGateway, AsyncBatchGateway, AsyncStorageGateway)


@pytest.mark.parametrize("rule", [is_loopback, wire.is_loopback], ids=["client", "node"])
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("LOCALHOST", True), ("localhost.", True), ("127.0.0.1", True), ("127.8.9.10", True),
        ("::1", True), ("[::1]", True), ("::ffff:127.0.0.1", True),
        ("localhost.evil", False), ("127.0.0.1.evil.com", False), ("127.evil", False), ("notlocalhost", False),
        ("10.0.0.1", False), ("0.0.0.0", False), ("::", False), ("", False), ("b.x.batch.azure.com", False),
    ],
)  # fmt: skip
def test_the_rule(rule: Any, host: str, *, expected: bool) -> None:
    assert rule(host) is expected


class Proxy(http.server.ThreadingHTTPServer):
    """Notes what it is asked for, and says no."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Refusal(http.server.BaseHTTPRequestHandler):
    server: Proxy

    def _refuse(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_PUT = do_DELETE = _refuse

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(kind: type, host: str) -> None:
    """Ask a gateway for something, whatever comes of it."""
    accounts = Accounts(
        batch_name="b", batch_url=f"http://{host}", storage_name="s", blob_url=f"http://{host}/s",
        batch_key="QUJD", storage_key="QUJD",
    )  # fmt: skip
    request: Any = get_pool("p") if "Batch" in kind.__name__ else GetRange("c", "b", 0, 1)

    async def both() -> None:
        gateway = kind(accounts, retries=Retries(tries=1))
        try:
            found = gateway.send(request)
            if asyncio.iscoroutine(found):
                await found
        finally:
            closed = gateway.close()
            if asyncio.iscoroutine(closed):
                await closed

    with pytest.raises(errors.ConnectionFailedError):
        asyncio.run(both())


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("kind", GATEWAYS)
def test_loopback_goes_direct_and_the_world_through_the_proxy(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, kind: type, variable: str
) -> None:
    monkeypatch.setenv(variable.lower(), proxy.url)
    for host in ("127.0.0.1:9", "localhost:9", "[::1]:9"):
        ask(kind, host)
    assert proxy.asked == []
    ask(kind, "account.example.invalid")
    assert len(proxy.asked) == 1
    assert proxy.asked[0].startswith("http://account.example.invalid/")


@pytest.mark.parametrize("kind", GATEWAYS)
def test_no_proxy_is_respected(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    monkeypatch.setenv("all_proxy", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", "example.invalid")
    ask(kind, "account.example.invalid")
    assert proxy.asked == []


def test_a_nodes_storage_follows_the_same_rule(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    once = Policy(timeout=5, patience=0)
    for host in ("127.0.0.1:9", "localhost:9", "[::1]:9"):
        with pytest.raises(BlobError, match="no answer"):
            HttpBlobs(f"http://{host}/c?sig=x", once).get("b")
    assert proxy.asked == []
    with pytest.raises(BlobError, match="broken answer"):
        HttpBlobs("http://localhost.evil.invalid/c?sig=x", once).get("b")
    assert len(proxy.asked) == 1
