"""Entra ID end to end: the real azure-identity signs in at the local stack, and no key is in the credentials."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_aztk.client import Client, _naming, models
from airflow_provider_aztk.client._azure.storage import ContainerMetadata
from airflow_provider_aztk.client.errors import AuthenticationError, ServiceError
from airflow_provider_aztk.hooks.credentials import secrets_from_connection
from tests.client.live import entra
from tests.client.live.entra import entra_secrets, run_program, service_principal, trust, workload_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.client._runners import Runner
    from airflow_provider_aztk.local.testing import LocalStack

BATCH = "https://batch.core.windows.net//.default"
ARM = "https://management.azure.com/.default"
STORAGE = "https://storage.azure.com/.default"


@pytest.fixture
def entra_stack(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStack]:
    """The session's stack, which this process trusts and signs in at; its requests are recorded."""
    for name in entra.IDENTITY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in trust(stack).items():
        monkeypatch.setenv(name, value)
    stack.admin.record()
    stack.admin.forget_requests()
    yield stack
    stack.admin.record(enabled=False)


def asked(stack: LocalStack) -> list[dict[str, Any]]:
    """Return who has asked the issuer for what."""
    return [call["asked"] for call in stack.admin.requests() if "asked" in call]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "way"), [("sync", "secret"), ("async", "workload identity")])
def test_a_cluster_lives_without_any_key(
    entra_stack: LocalStack, cluster_id: str, write_program: Callable[..., str], kind: str, way: str
) -> None:
    names = ("batch_account_resource_id", "storage_account_resource_id", "resource_manager_url")
    fields = {name: entra_stack.entra[name] for name in names}
    fields |= service_principal(entra_stack) if way == "secret" else {}
    variables = {} if way == "secret" else workload_identity(entra_stack)
    found = run_program(
        entra_stack, variables, kind, json.dumps(fields), cluster_id, write_program("print('no key')\n")
    )
    assert found["ready"]
    assert found["deleted"]
    assert "no key" in found["log"]
    calls = entra_stack.admin.requests()
    (job,) = [json.loads(call["body"]) for call in calls if call["operation"] == "create_job"]
    files = job["jobManagerTask"]["resourceFiles"]
    assert files
    for url in (file.get("httpUrl") or file["storageContainerUrl"] for file in files):
        assert url.startswith(entra_stack.entra["blob_endpoint"])
        assert "skoid" in parse_qs(urlsplit(url).query), "the node's SAS is signed by a user delegation key"
    by = "client_secret" if way == "secret" else "client_assertion"
    assert {(call["scope"], call["by"]) for call in asked(entra_stack)} == {
        (scope, by) for scope in (ARM, BATCH, STORAGE)
    }


def ways(stack: LocalStack) -> dict[str, tuple[dict[str, str], dict[str, str], str, str | None]]:
    """Return each way to sign in: fields, variables, by what the token was asked for, and as whom."""
    e = stack.entra
    app_service = {"IDENTITY_ENDPOINT": e["identity_endpoint"], "IDENTITY_HEADER": e["identity_header"]}
    machine = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": e["metadata_host"]}
    secret = {
        "AZURE_TENANT_ID": e["tenant_id"],
        "AZURE_CLIENT_ID": e["client_id"],
        "AZURE_CLIENT_SECRET": e["client_secret"],
    }
    mine, user_assigned = e["client_id"], e["managed_identity_client_id"]
    without_client = {**workload_identity(stack)}
    without_client.pop("AZURE_CLIENT_ID")
    return {
        "service principal": (service_principal(stack), app_service, "client_secret", mine),
        "environment": ({}, {**secret, **app_service}, "client_secret", mine),
        "workload identity": ({}, {**workload_identity(stack), **app_service}, "client_assertion", mine),
        "workload identity by client_id": ({"client_id": mine}, without_client, "client_assertion", mine),
        "app service": ({}, app_service, "app service", None),
        "app service by client_id": ({"client_id": user_assigned}, app_service, "app service", user_assigned),
        "app service by AZURE_CLIENT_ID": (
            {}, {**app_service, "AZURE_CLIENT_ID": user_assigned}, "app service", user_assigned,
        ),
        "machine": ({}, machine, "machine", None),
        "machine by client_id": ({"client_id": user_assigned}, machine, "machine", user_assigned),
    }  # fmt: skip


def test_the_stacks_own_connection_signs_in(entra_stack: LocalStack) -> None:
    connection = json.loads(entra_stack.entra["airflow_conn"])
    given = {name: connection.get(name) for name in ("host", "login", "password", "extra")}
    with Client(secrets_from_connection(**given)) as client:
        client.test_connection()


WAYS = (
    *("service principal", "environment", "workload identity", "workload identity by client_id"),
    *("app service", "app service by client_id", "app service by AZURE_CLIENT_ID", "machine", "machine by client_id"),
)


@pytest.mark.parametrize("way", WAYS)
def test_who_signs_in_is_chosen_as_azure_identity_does(
    entra_stack: LocalStack, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    fields, variables, by, client_id = ways(entra_stack)[way]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with Client(entra_secrets(entra_stack, **fields)) as client:
        client.test_connection()
    found = asked(entra_stack)
    assert {(call["by"], call["client_id"]) for call in found} == {(by, client_id)}
    resources = {call.get("resource") or call["scope"].removesuffix("/.default") for call in found}
    wanted = {"https://batch.core.windows.net/", "https://management.azure.com", "https://storage.azure.com"}
    assert resources == wanted


@pytest.mark.slow
def test_the_async_client_signs_in_each_way(entra_stack: LocalStack) -> None:
    wanted = ways(entra_stack)
    names = ("batch_account_resource_id", "storage_account_resource_id", "resource_manager_url")
    account = {name: entra_stack.entra[name] for name in names}
    given = [({**account, **fields}, variables) for fields, variables, _, _ in wanted.values()]
    assert run_program(entra_stack, {}, "sign-in", json.dumps(given)) == len(wanted)
    found = [(call["by"], call["client_id"]) for call in asked(entra_stack)]
    assert list(dict.fromkeys(found)) == list(dict.fromkeys(way[2:] for way in wanted.values()))


CLOUDS = {
    "AzurePublicCloud": ("https://batch.core.windows.net/", "https://management.azure.com"),
    "AzureChinaCloud": ("https://batch.chinacloudapi.cn/", "https://management.chinacloudapi.cn"),
    "AzureUSGovernment": ("https://batch.core.usgovcloudapi.net/", "https://management.usgovcloudapi.net"),
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_tokens_are_asked_for_the_clouds_services(entra_stack: LocalStack, cloud: str) -> None:
    with Client(entra_secrets(entra_stack, cloud_environment=cloud, **service_principal(entra_stack))) as client:
        client.test_connection()
    wanted = {f"{audience}/.default" for audience in CLOUDS[cloud]} | {STORAGE}
    assert {call["scope"] for call in asked(entra_stack)} == wanted


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"claims": {"aud": "https://batch.core.windows.net"}}, "wrong audience"),
        ({"lifetime": -600}, "expired"),
        ({"error": "invalid_client"}, "AADSTS7000222"),
    ],
    ids=["audience", "expired", "no token"],
)
def test_a_token_that_is_refused_is_no_lasting_trouble(
    entra_stack: LocalStack, order: dict[str, Any], said: str
) -> None:
    secrets = entra_secrets(
        entra_stack, **service_principal(entra_stack), batch_service_url=entra_stack.entra["batch_endpoint"]
    )
    entra_stack.admin.tokens(scope="https://batch.*", **order)
    with Client(secrets) as client, pytest.raises(AuthenticationError, match=said):
        client.list_clusters()
    entra_stack.admin.clear()
    with Client(secrets) as client:
        assert client.list_clusters() == []


def test_the_delegated_sas_is_asked_for_as_long_as_the_cluster_may_live(
    entra_stack: LocalStack, cluster_id: str
) -> None:
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1, max_lifetime=timedelta(days=2))
    with Client(entra_secrets(entra_stack, **service_principal(entra_stack))) as client:
        client.create_cluster(conf)
        client.delete_cluster(cluster_id)
    (call,) = [call for call in entra_stack.admin.requests() if call["operation"] == "get_user_delegation_key"]
    times = [part.partition("</")[0] for part in call["body"].split(">") if part[:2] == "20"]
    start, expiry = (datetime.fromisoformat(text) for text in times)
    assert timedelta(days=3) <= expiry - start <= timedelta(days=3, hours=1)


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("batch", "Azure Batch refused.*'Azure Batch Data Contributor' on the Batch account 'aztklocal'"),
        ("storage", "Azure Storage refused.*'Storage Blob Data Contributor' on the whole storage account 'aztklocalb"),
        ("arm", "Azure Resource Manager refused.*'Reader' on /subscriptions/.*/batchAccounts/aztklocal, or give the"),
    ],
)
def test_a_missing_role_is_named_with_its_scope(entra_stack: LocalStack, service: str, said: str) -> None:
    secrets = entra_secrets(entra_stack, **service_principal(entra_stack))
    entra_stack.admin.missing_role(service)
    with Client(secrets) as client, pytest.raises(AuthenticationError, match=said):
        client.test_connection()


def test_a_role_missing_for_the_delegation_key_leaves_nothing(
    entra_stack: LocalStack, runner: Runner, cluster_id: str
) -> None:
    """The role on a container is not enough: the container can be filled, and its SAS cannot be signed."""
    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1, max_lifetime=timedelta(days=1))
    with Client(entra_secrets(entra_stack, **service_principal(entra_stack))) as client:
        entra_stack.admin.missing_role("delegation")
        with pytest.raises(AuthenticationError, match="not only on a container"):
            client.create_cluster(conf)
        assert client.list_clusters() == []
    with pytest.raises(ServiceError) as error:
        runner.run(ContainerMetadata(_naming.container_name(cluster_id)))
    assert error.value.status == 404
