"""Nobody without the key, and nothing outside a node's directory."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError

from airflow_provider_aztk.local.batch.api.routes import ROUTES
from airflow_provider_aztk.local.batch.common.settings import new_key
from airflow_provider_aztk.local.batch.common.times import format_http, utcnow
from tests.local.support import API, raw

if TYPE_CHECKING:
    from airflow_provider_aztk.local.testing import LocalStack


@pytest.mark.wire("documented")
def test_a_wrong_key_is_refused_through_the_sdk(aztk_local: LocalStack) -> None:
    credential = AzureNamedKeyCredential(aztk_local.batch_account, new_key())
    with BatchClient(aztk_local.batch_endpoint, credential) as client, pytest.raises(HttpResponseError) as caught:
        list(client.list_pools())
    assert caught.value.status_code == 403
    assert caught.value.error.code == "AuthenticationFailed"


def concrete(path: str) -> str:
    """Fill a route's pattern."""
    return "/".join("x" if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize(("method", "path"), sorted({(method, concrete(path)) for method, path, _ in ROUTES}))
def test_no_route_answers_without_a_signature(aztk_local: LocalStack, method: str, path: str) -> None:
    body = None if method in ("GET", "HEAD") else b"{}"
    unsigned = raw(aztk_local, method, f"{path}?{API}", body, unsigned=True)
    wrong = raw(aztk_local, method, f"{path}?{API}", body, key=new_key())
    assert (unsigned.status, wrong.status) == (403, 403)


@pytest.mark.parametrize(
    "authorization",
    ["", "SharedKey", "SharedKey aztklocal", "SharedKey aztklocal:", "SharedKey other:abc", "Basic eA=="],
)
def test_other_kinds_of_authorization_are_refused(aztk_local: LocalStack, authorization: str) -> None:
    reply = raw(aztk_local, "GET", f"/pools?{API}", headers={"authorization": authorization})
    assert (reply.status, reply.json["code"]) == (403, "AuthenticationFailed")


@pytest.mark.parametrize(
    "date", ["", "yesterday", format_http(utcnow() - timedelta(minutes=20))], ids=["none", "text", "old"]
)
def test_an_old_or_missing_date_is_refused(aztk_local: LocalStack, date: str) -> None:
    reply = raw(aztk_local, "GET", f"/pools?{API}", headers={"ocp-date": date})
    assert (reply.status, reply.json["code"]) == (403, "AuthenticationFailed")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:80"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "127.0.0.1:1"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_what_a_web_page_could_send_is_refused(aztk_local: LocalStack, headers: dict[str, str]) -> None:
    reply = raw(aztk_local, "GET", f"/pools?{API}", headers=headers)
    assert (reply.status, reply.json["code"]) == (403, "Forbidden")


def test_a_changed_query_breaks_the_signature(aztk_local: LocalStack) -> None:
    signed_for = raw(aztk_local, "GET", f"/pools?{API}&maxresults=1")
    assert signed_for.status == 200
    import http.client

    connection = http.client.HTTPConnection(urlsplit(aztk_local.batch_endpoint).netloc)
    from airflow_provider_aztk.local.batch.common.signing import sign, string_to_sign

    sent = {"ocp-date": format_http(utcnow())}
    text = string_to_sign(aztk_local.batch_account, "GET", f"/pools?{API}&maxresults=1", sent)
    sent["authorization"] = f"SharedKey {aztk_local.batch_account}:{sign(aztk_local.batch_key, text)}"
    for target, status in ((f"/pools?{API}&maxresults=1", 200), (f"/pools?{API}&maxresults=2", 403)):
        connection.request("GET", target, headers=sent)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


def test_everything_listens_on_loopback_only(aztk_local: LocalStack) -> None:
    for endpoint in (aztk_local.batch_endpoint, aztk_local.blob_endpoint):
        port = urlsplit(endpoint or "").port
        assert port
        outside = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
        for address in outside - {"127.0.0.1"}:
            with socket.socket() as probe:
                probe.settimeout(2)
                assert probe.connect_ex((address, port)) != 0, f"{address}:{port} answers"


def test_a_key_is_new_at_each_start_and_on_no_command_line(aztk_local: LocalStack) -> None:
    from pathlib import Path

    assert new_key() != new_key()
    family = [aztk_local.pid, *_children(aztk_local.pid)]
    assert len(family) >= 3, "the stack, its guardian and Azurite were expected"
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in family]
    for key in (aztk_local.batch_key, aztk_local.blob_key):
        assert key
        assert not any(key.encode() in line for line in lines)


def _children(pid: int) -> list[int]:
    from pathlib import Path

    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
