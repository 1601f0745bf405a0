"""The blob client: against Azurite, and against a server that fails in many ways."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.node.errors import BlobError, BlobPositionError
from airflow_provider_aztk.node.storage.blobs import Policy
from airflow_provider_aztk.node.storage.http_blobs import HttpBlobs
from tests.node.harness import Account, container_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SAS = "sv=2021-12-02&sig=TopSecretSignature"
QUICK = Policy(timeout=5.0, patience=20.0, first_pause=0.01, longest_pause=0.05)


@pytest.fixture
def blobs(account: Account) -> HttpBlobs:
    """Return a container of its own, opened with a SAS."""
    return HttpBlobs(container_url(account, f"blobs-{uuid.uuid4().hex}"), QUICK)


def test_a_blob_that_was_put_can_be_read_looked_up_and_listed(blobs: HttpBlobs) -> None:
    assert blobs.get("no/thing") is None
    assert blobs.head("no/thing") is None
    blobs.put("a/ü b#%?.txt", b"0123456789")
    blobs.put("a/empty", b"")
    assert blobs.get("a/ü b#%?.txt") == b"0123456789"
    assert blobs.get("a/ü b#%?.txt", 3, 4) == b"3456"
    assert blobs.get("a/ü b#%?.txt", 7) == b"789"
    assert blobs.get("a/ü b#%?.txt", 10) == b""
    assert blobs.get("a/empty") == b""
    info = blobs.head("a/ü b#%?.txt")
    assert info is not None
    assert (info.size, info.age < 60) == (10, True)
    assert [(found.name, found.size) for found in blobs.list("a/")] == [("a/empty", 0), ("a/ü b#%?.txt", 10)]


def test_an_append_can_be_repeated_but_not_overwritten(blobs: HttpBlobs) -> None:
    blobs.create_append("log")
    blobs.append("log", b"one", 0)
    blobs.append("log", b"one", 0)  # as after an answer that was lost
    blobs.append("log", b"two", 3)
    blobs.create_append("log")
    assert blobs.get("log") == b"onetwo"
    with pytest.raises(BlobPositionError):
        blobs.append("log", b"three", 3)
    info = blobs.head("log")
    assert info is not None
    assert info.blocks == 2


def test_a_download_is_whole_and_checked(blobs: HttpBlobs, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    blobs.put("big", data)
    assert blobs.download("big", str(tmp_path / "big")) == hashlib.sha256(data).hexdigest()
    assert (tmp_path / "big").read_bytes() == data


class Trouble(http.server.ThreadingHTTPServer):
    """A server that gives the ordered answers, one for each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan: list[Callable[[Handler], None]] = []
        self.seen: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/container?{SAS}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Take the next step of the plan."""

    server: Trouble

    def _step(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.headers.get("x-ms-range")))
        self.server.plan.pop(0)(self)

    do_GET = do_PUT = do_HEAD = _step

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def answer(status: int, body: bytes = b"", claim: int | None = None, **headers: str) -> Callable[[Handler], None]:
    """Answer so, perhaps claiming more bytes than come."""

    def do(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body) if claim is None else claim))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return do


def reset(handler: Handler) -> None:
    """Hang up without a word."""
    handler.close_connection = True


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    """Run the server."""
    server = Trouble()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("bad", [answer(500), answer(503), answer(429), reset], ids=["500", "503", "429", "reset"])
def test_a_request_is_repeated_after_an_error_that_may_pass(trouble: Trouble, bad: Callable[[Handler], None]) -> None:
    trouble.plan = [bad, bad, answer(200, b"there")]
    assert HttpBlobs(trouble.url, QUICK).get("x") == b"there"
    assert len(trouble.seen) == 3


def test_retry_after_is_honoured(trouble: Trouble) -> None:
    slept: list[float] = []
    trouble.plan = [answer(503, Retry_After="7"), answer(201)]
    HttpBlobs(trouble.url, QUICK, slept.append).put("x", b"y")
    assert slept == [7.0]


def test_a_request_fails_when_the_patience_is_over(trouble: Trouble) -> None:
    trouble.plan = [answer(503)] * 3
    with pytest.raises(BlobError) as caught:
        HttpBlobs(trouble.url, Policy(patience=0.0)).get("x")
    assert caught.value.status == 503


@pytest.mark.parametrize("status", [400, 403, 409])
def test_a_refused_request_is_not_repeated_and_its_error_has_no_sas(trouble: Trouble, status: int) -> None:
    trouble.plan = [answer(status, x_ms_error_code="Refused")]
    blobs = HttpBlobs(trouble.url, QUICK)
    with pytest.raises(BlobError) as caught:
        blobs.put("x", b"y")
    assert (caught.value.status, caught.value.code) == (status, "Refused")
    shown = [repr(blobs), str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not any("TopSecret" in text for text in shown)
    assert len(trouble.seen) == 1


def test_the_error_of_a_request_without_an_answer_has_no_sas() -> None:
    blobs = HttpBlobs(f"http://127.0.0.1:1/container?{SAS}", Policy(patience=0.0))
    with pytest.raises(BlobError) as caught:
        blobs.get("x")
    assert caught.value.status == 0
    assert "TopSecret" not in str(caught.value)


def test_a_download_that_breaks_continues_where_it_was(trouble: Trouble, tmp_path: Path) -> None:
    trouble.plan = [answer(200, b"01234", claim=10), answer(206, b"56789")]
    digest = HttpBlobs(trouble.url, QUICK).download("x", str(tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == b"0123456789"
    assert digest == hashlib.sha256(b"0123456789").hexdigest()
    assert trouble.seen == [("GET", None), ("GET", "bytes=5-")]


def test_a_listing_has_the_blobs_of_all_pages(trouble: Trouble) -> None:
    page = "<E><Blobs><Blob><Name>{}</Name><Properties><Content-Length>1</Content-Length></Properties></Blob></Blobs>"
    first, second = page.format("a") + "<NextMarker>m</NextMarker></E>", page.format("b") + "<NextMarker/></E>"
    trouble.plan = [answer(200, first.encode()), answer(200, second.encode())]
    assert [blob.name for blob in HttpBlobs(trouble.url, QUICK).list("")] == ["a", "b"]


BROKEN = [
    answer(404, b"<html><p>Sign in to the network</html>", Content_Type="text/html"),
    answer(404, b"<?xml version='1.0'?><Error><Code>BlobNo", claim=200, x_ms_error_code="BlobNotFound"),
    answer(404),
    answer(200, b"half", claim=100),
    answer(206, b"half", Content_Range="bytes 0-9/10"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=["page", "cut-404", "nameless-404", "cut", "short-range"])
def test_a_request_is_repeated_after_a_broken_answer(trouble: Trouble, broken: Callable[[Handler], None]) -> None:
    trouble.plan = [broken, broken, answer(200, b"there")]
    assert HttpBlobs(trouble.url, QUICK).get("x") == b"there"
    trouble.plan = [broken]
    with pytest.raises(BlobError) as caught:
        HttpBlobs(trouble.url, Policy(patience=0.0)).get("x")
    assert caught.value.status == 0


def test_a_listing_that_is_incomplete_is_requested_again(trouble: Trouble) -> None:
    whole = b"<E><Blobs><Blob><Name>a</Name></Blob></Blobs><NextMarker/></E>"
    trouble.plan = [answer(200, whole[:30]), answer(200, b"<html/>"), answer(200, whole)]
    assert [blob.name for blob in HttpBlobs(trouble.url, QUICK).list("")] == ["a"]


def test_a_body_may_take_longer_than_an_answer(trouble: Trouble) -> None:
    def slow(handler: Handler) -> None:
        answer(201)(handler)

    class Slow(Handler):
        def _step(self) -> None:
            left = int(self.headers["Content-Length"])
            while left:
                time.sleep(0.02)
                left -= len(self.rfile.read(min(left, 256 * 1024)))
            self.server.plan.pop(0)(self)

        do_PUT = _step

    trouble.RequestHandlerClass = Slow
    trouble.plan = [slow]
    HttpBlobs(trouble.url, Policy(timeout=0.5, patience=0.0)).put("x", bytes(12 * 1024 * 1024))
    assert trouble.plan == []
