"""The cloud follows the endpoint or the setting: audience, authority, Resource Manager, storage domain."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client._azure import credentials
from airflow_provider_aztk.client.errors import InvalidConfigurationError

BATCH_ID = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Batch/batchAccounts/b"
STORAGE_ID = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/s"
KEY = "QUJD"
PUBLIC_BATCH = "https://b.x.batch.azure.com"
CHINESE_STORAGE = "https://s.blob.core.chinacloudapi.cn"
CLOUDS = {
    "AzurePublicCloud": (
        "b.westeurope.batch.azure.com", "core.windows.net", "login.microsoftonline.com",
        "https://management.azure.com", "https://batch.core.windows.net//.default",
    ),
    "AzureChinaCloud": (
        "b.chinaeast2.batch.chinacloudapi.cn", "core.chinacloudapi.cn", "login.chinacloudapi.cn",
        "https://management.chinacloudapi.cn", "https://batch.chinacloudapi.cn//.default",
    ),
    "AzureUSGovernment": (
        "b.usgovvirginia.batch.usgovcloudapi.net", "core.usgovcloudapi.net", "login.microsoftonline.us",
        "https://management.usgovcloudapi.net", "https://batch.core.usgovcloudapi.net//.default",
    ),
}  # fmt: skip
IDENTITY = ("AZURE_AUTHORITY_HOST", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")


@pytest.fixture(autouse=True)
def no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY:
        monkeypatch.delenv(name, raising=False)


def principal(**changes: Any) -> models.ServicePrincipalConfiguration:
    values = {"batch_account_resource_id": BATCH_ID, "storage_account_resource_id": STORAGE_ID, **changes}
    return models.ServicePrincipalConfiguration(**values)


def shared_key(**changes: Any) -> models.SharedKeyConfiguration:
    values = {
        "batch_account_name": "b", "batch_account_key": KEY, "storage_account_name": "s", "storage_account_key": KEY,
        **changes,
    }  # fmt: skip
    return models.SharedKeyConfiguration(**values)


class Recorder:
    """Stands where azure-identity has a credential, and keeps what it was made with."""

    def __init__(self, **options: Any) -> None:
        self.options = options


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Recorder)
    monkeypatch.setattr("azure.identity.ClientSecretCredential", Recorder)


@pytest.mark.usefixtures("identity")
@pytest.mark.parametrize("known_by", ["setting", "batch_service_url", "storage_service_url"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_all_follows_the_cloud(cloud: str, known_by: str) -> None:
    host, suffix, authority, arm, scope = CLOUDS[cloud]
    given = {
        "setting": {"cloud_environment": cloud},
        "batch_service_url": {"batch_service_url": f"https://{host}"},
        "storage_service_url": {"storage_service_url": f"https://s.blob.{suffix}"},
    }[known_by]
    conf = principal(tenant_id="t", client_id="c", credential="hush", **given)
    assert credentials.token_credential(conf).options["authority"] == authority
    assert (conf.cloud.arm, conf.cloud.batch_scope) == (arm, scope)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_tokens_are_asked_for_with_the_clouds_audience(cloud: str) -> None:
    from tests.client._azure.test_sign_in import Token, Wire

    host, suffix, _, arm, scope = CLOUDS[cloud]
    token = Token()
    wire = Wire(
        (200, f'{{"properties": {{"accountEndpoint": "{host}"}}}}'),
        (200, f'{{"properties": {{"primaryEndpoints": {{"blob": "https://s.blob.{suffix}/"}}}}}}'),
    )
    accounts = credentials.look_up_accounts(principal(cloud_environment=cloud), token, transport=wire)
    assert set(token.scopes) == {f"{arm}/.default"}
    assert all(request.url.startswith(arm + "/subscriptions/") for request in wire.requests)
    assert accounts.batch_scope == scope


def test_resource_manager_can_be_elsewhere() -> None:
    from tests.client._azure.test_sign_in import Token, Wire

    token = Token()
    wire = Wire((200, '{"properties": {"accountEndpoint": "b.x.batch.chinacloudapi.cn"}}'))
    given = {
        "cloud_environment": "AzureChinaCloud",
        "storage_service_url": CHINESE_STORAGE,
        "resource_manager_url": "https://arm.stack.example/",
    }
    credentials.look_up_accounts(principal(**given), token, transport=wire)
    assert wire.requests[0].url.startswith("https://arm.stack.example/subscriptions/")
    assert token.scopes == ["https://management.chinacloudapi.cn/.default"]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_cloud_is_that_of_a_given_resource_manager(cloud: str) -> None:
    _, _, authority, arm, _ = CLOUDS[cloud]
    assert principal(resource_manager_url=arm).cloud.authority == authority


@pytest.mark.parametrize(
    "url", ["http://management.azure.com", "management.azure.com", "https://management.azure.com/subscriptions/s"]
)
def test_another_resource_manager_is_refused(url: str) -> None:
    with pytest.raises(InvalidConfigurationError, match="resource_manager_url"):
        principal(resource_manager_url=url)
    assert principal(resource_manager_url="http://127.0.0.1:1").resource_manager_url == "http://127.0.0.1:1"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_storage_account_of_a_key_is_looked_for_in_the_batch_accounts_cloud(cloud: str) -> None:
    host, suffix, *_ = CLOUDS[cloud]
    assert shared_key(batch_service_url=f"https://{host}").blob_endpoint == f"https://s.blob.{suffix}"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"cloud_environment": "AzureChina"}, "cloud_environment"),
        ({"cloud_environment": "AzureChinaCloud", "batch_service_url": PUBLIC_BATCH}, "batch_service_url"),
        ({"batch_service_url": PUBLIC_BATCH, "storage_service_url": CHINESE_STORAGE}, "storage_service_url"),
    ],
)
@pytest.mark.parametrize("make", [principal, shared_key])
def test_what_contradicts_is_refused(make: Any, given: dict[str, str], field: str) -> None:
    if make is shared_key:
        given = {"batch_service_url": "https://127.0.0.1:1", **given}
    with pytest.raises(InvalidConfigurationError) as error:
        make(**given)
    assert [fault.field for fault in error.value.faults] == [field]


def test_a_storage_suffix_of_another_cloud_is_refused() -> None:
    with pytest.raises(InvalidConfigurationError, match="storage_account_suffix"):
        shared_key(batch_service_url="https://b.x.batch.azure.com", storage_account_suffix="core.usgovcloudapi.net")


@pytest.mark.usefixtures("identity")
def test_what_is_not_given_is_left_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.stack.example")
    private = {"disable_instance_discovery": True}
    assert credentials.token_credential(principal()).options == private
    mine = credentials.token_credential(principal(client_id="me")).options
    assert mine == {"managed_identity_client_id": "me", **private}
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "login.microsoftonline.us")
    assert principal().cloud.name == "AzureUSGovernment"
    assert credentials.token_credential(principal()).options == {}
    in_china = principal(cloud_environment="AzureChinaCloud")
    assert credentials.token_credential(in_china).options == {"authority": "login.chinacloudapi.cn"}
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.partner.microsoftonline.cn")  # its newer host
    assert principal().cloud.name == "AzureChinaCloud"
    assert credentials.token_credential(in_china).options == {}
