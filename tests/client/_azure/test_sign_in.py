"""Signing in with Entra ID, checked at the wire: there is no Azure to run it against yet."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import HttpTransport

from airflow_provider_aztk.client import Client, models
from airflow_provider_aztk.client._azure import credentials
from airflow_provider_aztk.client._azure.gateways import StorageGateway
from airflow_provider_aztk.client._azure.sas import SasIsDelegated, SasUrl, sas_url
from airflow_provider_aztk.client.errors import AuthenticationError, InvalidConfigurationError

BATCH_ID = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Batch/batchAccounts/mybatch"
STORAGE_ID = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/mystore"


class Token:
    """A credential that is asked for a scope and gives a token."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken("the-token", int(time.time()) + 3600)


class Wire(HttpTransport):  # type: ignore[type-arg]
    """Answers requests from a list, and keeps them."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None: ...

    def send(self, request: Any, **_: Any) -> Any:
        from azure.core.pipeline.transport import HttpResponse

        self.requests.append(request)
        status, text = self.answers.pop(0)

        class Answer(HttpResponse):
            def body(self) -> bytes:
                return text.encode()

            def text(self, encoding: str | None = None) -> str:
                return text

            def json(self) -> Any:
                return json.loads(text)

            def raise_for_status(self) -> None:
                if status >= 400:
                    from azure.core.exceptions import HttpResponseError

                    raise HttpResponseError(response=self)

        answer = Answer(request, None)
        answer.status_code = status
        answer.reason = "OK"
        answer.content_type = "application/xml" if text.startswith("<") else "application/json"
        answer.headers = {"content-type": answer.content_type}
        return answer


def principal(**changes: str | None) -> models.ServicePrincipalConfiguration:
    values: dict[str, Any] = {"batch_account_resource_id": BATCH_ID, "storage_account_resource_id": STORAGE_ID}
    return models.ServicePrincipalConfiguration(**{**values, **changes})


def test_accounts_are_looked_up_by_resource_id() -> None:
    token = Token()
    wire = Wire(
        (200, json.dumps({"properties": {"accountEndpoint": "mybatch.westeurope.batch.azure.com"}})),
        (200, json.dumps({"properties": {"primaryEndpoints": {"blob": "https://mystore.blob.core.windows.net/"}}})),
    )
    accounts = credentials.look_up_accounts(principal(), token, transport=wire)
    assert accounts.batch_url == "https://mybatch.westeurope.batch.azure.com"
    assert accounts.blob_url == "https://mystore.blob.core.windows.net"
    assert (accounts.batch_key, accounts.storage_key) == (None, None)
    assert [urlsplit(request.url).path for request in wire.requests] == [BATCH_ID, STORAGE_ID]
    assert all("api-version=" in request.url for request in wire.requests)
    assert all(request.headers["Authorization"] == "Bearer the-token" for request in wire.requests)
    assert set(token.scopes) == {"https://management.azure.com/.default"}


def test_given_endpoints_save_the_look_up() -> None:
    urls = {
        "batch_service_url": "https://b.region.batch.azure.com",
        "storage_service_url": "https://s.blob.core.windows.net",
    }
    accounts = credentials.look_up_accounts(principal(**urls), Token(), transport=Wire())
    assert (accounts.batch_url, accounts.blob_url) == tuple(urls.values())


def test_a_refused_look_up_names_the_service() -> None:
    wire = Wire((403, '{"error":{"code":"AuthorizationFailed","message":"no role"}}'))
    with pytest.raises(AuthenticationError, match=f"Azure Resource Manager refused.*'Reader' on {BATCH_ID}"):
        credentials.look_up_accounts(principal(), Token(), transport=wire)


def test_which_identity_is_used() -> None:
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    whole = principal(tenant_id="11111111-1111-1111-1111-111111111111", client_id="c", credential="hush-hush")
    assert isinstance(credentials.token_credential(whole), ClientSecretCredential)
    assert isinstance(credentials.token_credential(principal()), DefaultAzureCredential)


def delegating(*answers: tuple[int, str]) -> tuple[StorageGateway, Wire]:
    from azure.storage.blob import BlobServiceClient

    accounts = credentials.Accounts(
        batch_name="mybatch",
        batch_url="https://b",
        storage_name="mystore",
        blob_url="https://mystore.blob.core.windows.net",
    )
    wire = Wire(*answers)
    client = BlobServiceClient(accounts.blob_url, Token(), transport=wire)
    return StorageGateway(accounts, Token(), client=client), wire


def delegation_key(expiry: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><UserDelegationKey><SignedOid>oid</SignedOid><SignedTid>tid</SignedTid>'
        f"<SignedStart>2026-11-22T00:00:00Z</SignedStart><SignedExpiry>{expiry}</SignedExpiry><SignedService>b</SignedService>"
        "<SignedVersion>2025-01-05</SignedVersion><Value>QUJD</Value></UserDelegationKey>"
    )


def test_without_a_key_the_sas_is_delegated_and_lives_seven_days_at_most() -> None:
    gateway, wire = delegating((200, delegation_key("2026-11-28T23:00:00Z")))
    assert gateway.send(SasIsDelegated())
    query = parse_qs(urlsplit(gateway.send(SasUrl("c", timedelta(days=30)))).query)
    assert query["skoid"] == ["oid"]
    expiry = datetime.fromisoformat(query["se"][0])
    assert expiry - datetime.fromisoformat(query["st"][0]) <= timedelta(days=7)
    assert "d" not in query["sp"][0]
    request = wire.requests[0]
    assert "comp=userdelegationkey" in request.url
    assert request.headers["Authorization"] == "Bearer the-token"


def test_a_sas_of_a_key_has_no_delete_and_is_for_one_container() -> None:
    accounts = credentials.Accounts(
        batch_name="b",
        batch_url="https://b",
        storage_name="s",
        blob_url="https://s.blob.core.windows.net",
        storage_key="QUJD",
    )
    start, end = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    url = urlsplit(sas_url(accounts, "aztk-c", end, start=start))
    query = parse_qs(url.query)
    assert url.path == "/aztk-c"
    assert (query["sr"], query["sp"], query["spr"]) == (["c"], ["racwl"], ["https"])
    assert (query["st"], query["se"]) == (["2026-12-01T00:00:00Z"], ["2027-01-01T00:00:00Z"])
    assert "QUJD" not in repr(accounts)


@pytest.mark.parametrize("lifetime", [None, timedelta(days=8)])
def test_a_lifetime_longer_than_its_sas_is_refused_before_anything_is_made(lifetime: timedelta | None) -> None:
    secrets = models.SecretsConfiguration(
        service_principal=principal(
            batch_service_url="https://b.region.batch.azure.com", storage_service_url="https://s.blob.core.windows.net"
        )
    )
    with Client(secrets) as client, pytest.raises(InvalidConfigurationError, match="max_lifetime"):
        client.create_cluster(models.ClusterConfiguration(cluster_id="c", vm_count=1, max_lifetime=lifetime))
