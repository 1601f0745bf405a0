"""The connection: as JSON and as URI, complete and not, and what of it is masked."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.get_provider_info import get_provider_info
from airflow_provider_aztk.hooks.aztk import AztkHook
from airflow_provider_aztk.hooks.credentials import batch_url, secret_values, secrets_from_connection
from airflow_provider_aztk.hooks.form_labels import field_label, with_form_labels
from tests.support.airflow_home import CONNECTION, KEY

RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft."
ENTRA_ID = {
    "batch_account_resource_id": f"{RESOURCE}Batch/batchAccounts/acc",
    "storage_account_resource_id": f"{RESOURCE}Storage/storageAccounts/store",
}


def test_json_connection(connection: dict[str, Any]) -> None:
    shared = AztkHook().secrets.shared_key
    assert shared is not None
    assert shared.batch_account_name == "acc"
    assert shared.batch_service_url == "https://acc.westeurope.batch.azure.com"
    assert shared.storage_account_key == KEY


@pytest.mark.parametrize("host", ["acc.westeurope.batch.azure.com", "https://acc.westeurope.batch.azure.com"])
def test_uri_connection(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    extra = f"storage_account_name=store&storage_access_key={quote(KEY, safe='')}"
    uri = f"aztk://acc:{quote(KEY, safe='')}@{quote(host, safe='')}/?{extra}"
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", uri)

    shared = AztkHook().secrets.shared_key

    assert shared is not None
    assert shared.batch_account_key == KEY
    assert shared.batch_service_url == "https://acc.westeurope.batch.azure.com"
    assert shared.blob_endpoint == "https://store.blob.core.windows.net"


def test_service_principal_and_docker_and_ssh() -> None:
    resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.{}/{}Accounts/{}"
    found = secrets_from_connection(
        host=None,
        login=None,
        password=None,
        extra={
            "tenant_id": "t",
            "client_id": "c",
            "client_secret": "cs",
            "batch_account_resource_id": resource.format("Batch", "batch", "acc"),
            "storage_account_resource_id": resource.format("Storage", "storage", "store"),
            "docker_endpoint": "reg.azurecr.io",
            "docker_username": "u",
            "docker_password": "p",
            "ssh_pub_key": "ssh-ed25519 AAAA",
            "ssh_private_key": "private",
            "sas_lifetime": "7d",
            "deletion_timeout": "30m",
        },
    )
    assert found.service_principal is not None
    assert found.service_principal.credential == "cs"
    assert found.docker is not None
    assert (found.docker.endpoint, found.docker.password) == ("reg.azurecr.io", "p")
    assert (found.ssh_pub_key, found.ssh_priv_key) == ("ssh-ed25519 AAAA", "private")
    assert (found.sas_lifetime, found.deletion_timeout) == (timedelta(days=7), timedelta(minutes=30))


def test_what_is_missing_is_named_as_in_the_connection() -> None:
    with pytest.raises(errors.InvalidConfigurationError) as raised:
        secrets_from_connection(host="", login="", password=KEY, extra={})
    named = {fault.field for fault in raised.value.faults}
    assert named == {
        "Batch service URL (host)",
        "Batch account name (login)",
        "Storage account name (extra.storage_account_name)",
        "Storage access key (extra.storage_access_key)",
    }


def test_a_name_that_airflow_would_show_is_refused_without_its_value() -> None:
    with pytest.raises(errors.InvalidConfigurationError, match="storage_access_key") as raised:
        secrets_from_connection(host="h", login="l", password=KEY, extra={"storage_account_key": "hush"})
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("a.b.batch.azure.com", None, "https://a.b.batch.azure.com"),
        ("https://a.b.batch.azure.com", 443, "https://a.b.batch.azure.com:443"),
        ("127.0.0.1", 1234, "http://127.0.0.1:1234"),
        ("http://127.0.0.1:1234", 9, "http://127.0.0.1:1234"),
        ("https://a.b.batch.azure.com/", 443, "https://a.b.batch.azure.com:443/"),
        ("https://acc:", 443, "https://acc:443"),
        ("acc:port", 443, "https://acc:port"),
        ("acc:99999", 443, "https://acc:99999"),
        ("", None, None),
    ],
)
def test_batch_url(host: str, port: int | None, url: str | None) -> None:
    assert batch_url(host, port) == url


@pytest.mark.parametrize("host", ["acc:port", "https://acc:port", "acc:99999", "acc:-1", "http://["])
@pytest.mark.parametrize("port", [None, 443])
@pytest.mark.parametrize("password", [KEY, None])
def test_a_host_that_is_no_url_is_named(host: str, port: int | None, password: str | None) -> None:
    extra = CONNECTION["extra"] if password else ENTRA_ID
    with pytest.raises(errors.InvalidConfigurationError, match=r"\(host\)='http.*give a URL") as raised:
        secrets_from_connection(host=host, login="acc", password=password, port=port, extra=extra)
    assert [fault.field for fault in raised.value.faults] == ["Batch service URL (host)"]


@pytest.mark.parametrize("extra", [CONNECTION["extra"], {"storage_account_name": "store"}, {}])
def test_a_forgotten_password_is_asked_for(extra: dict[str, Any]) -> None:
    with pytest.raises(
        errors.InvalidConfigurationError, match=r"Batch account key \(password\)=missing: give the Batch account key"
    ) as raised:
        secrets_from_connection(host="acc", login="acc", password=None, extra=extra)
    assert "Entra ID" in str(raised.value)
    assert KEY not in str(raised.value)


def test_entra_id_needs_no_password() -> None:
    with pytest.raises(errors.InvalidConfigurationError, match="storage_account_resource_id") as raised:
        secrets_from_connection(
            host="acc", login="acc", password=None, extra={**ENTRA_ID, "storage_account_resource_id": ""}
        )
    assert "password" not in str(raised.value)
    assert secrets_from_connection(host="acc", login="acc", password=None, extra=ENTRA_ID).service_principal


def test_every_secret_is_masked(connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    extra = {**CONNECTION["extra"], "client_secret": "cs", "docker_password": "dp", "docker_username": "du"}
    monkeypatch.setenv(
        "AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**CONNECTION, "extra": {**extra, "ssh_private_key": "pk"}})
    )

    def note(secret: Any, *names: Any) -> None:
        if isinstance(secret, str) and not names:  # Airflow itself masks whole extras, and fields with their names
            masked.append(secret)

    monkeypatch.setattr("airflow.sdk.log.mask_secret", note)

    _ = AztkHook().secrets

    assert set(masked) == {KEY, "cs", "dp", "pk"}
    assert KEY not in repr(AztkHook().secrets)


def test_misspelt_secrets_are_masked_before_they_are_refused() -> None:
    assert list(secret_values(None, {"storage_account_key": "x", "other": "y"})) == ["x"]


def test_test_connection_says_what_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**CONNECTION, "login": ""}))
    works, message = AztkHook().test_connection()
    assert not works
    assert "login" in message
    assert KEY not in message


@pytest.mark.parametrize("host", ["acc:port", "http://["])
def test_test_connection_says_that_the_host_is_wrong(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**CONNECTION, "host": host, "port": 443}))
    works, message = AztkHook().test_connection()
    assert not works
    assert "Batch service URL (host)=" in message


def test_test_connection_gives_any_wrong_value_as_its_verdict(
    connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = AztkHook()
    _ = hook.secrets

    def broken() -> None:
        raise ValueError(f"cannot use {KEY}")

    monkeypatch.setattr(hook, "get_client", broken)
    works, message = hook.test_connection()
    assert not works
    assert message.startswith("cannot use ")
    assert KEY not in message


@pytest.mark.parametrize("kind", ["http", "azure_batch", "azure", "generic", "wasb", ""])
@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_connection_of_another_type_is_told_by_its_type_alone(
    monkeypatch: pytest.MonkeyPatch, kind: str, how: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps({"conn_type": kind, "password": KEY}))
    hook = AztkHook("other")
    with pytest.raises(errors.InvalidConfigurationError) as raised:
        _ = hook.secrets if how == "sync" else asyncio.run(hook.aget_secrets())
    (fault,) = raised.value.faults
    assert fault.fix.startswith(f"its type is {kind}, not aztk" if kind else "it has no type, not aztk")
    assert "the Airflow connection 'other'" in str(raised.value)
    works, message = AztkHook("other").test_connection()
    assert not works
    assert "not aztk" in message


SHARED_KEY = {field.name for field in dataclasses.fields(models.SharedKeyConfiguration)}
SERVICE_PRINCIPAL = {field.name for field in dataclasses.fields(models.ServicePrincipalConfiguration)}
DOCKER = {field.name for field in dataclasses.fields(models.DockerConfiguration)}


@pytest.mark.parametrize("name", sorted(SHARED_KEY | SERVICE_PRINCIPAL | DOCKER | {"ssh_pub_key", "ssh_priv_key"}))
def test_every_field_of_the_client_has_the_label_of_the_form(name: str) -> None:
    info = get_provider_info()["connection-types"][0]
    labels = {*info["ui-field-behaviour"]["relabeling"].values(), *(f["label"] for f in info["conn-fields"].values())}
    label, _, place = field_label(name).partition(" (")
    assert label in labels
    assert place


@pytest.mark.parametrize("name", sorted((SHARED_KEY | SERVICE_PRINCIPAL) - {"credential"}))
def test_texts_of_the_client_are_told_in_the_words_of_the_form(name: str) -> None:
    told = with_form_labels(f"check {name}, extra.{name} and x{name}y in /a/{name}")
    assert told == f"check {field_label(name)}, {field_label(name)} and x{name}y in /a/{name}"


CLIENTS_WORDS = re.compile(r"batch_account_key|batch_account_name|batch_service_url|storage_account_key|ssh_priv_key")


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"password": "no base64!"}, "Batch account key (password)"),
        ({"login": ""}, "Batch account name (login)"),
        ({"host": "http://["}, "Batch service URL (host)"),
        (
            {"extra": {**CONNECTION["extra"], "storage_access_key": "?"}},
            "Storage access key (extra.storage_access_key)",
        ),
        (
            {"extra": {**CONNECTION["extra"], "storage_account_key": KEY}},
            "Storage access key (extra.storage_access_key)",
        ),
        ({"extra": {**CONNECTION["extra"], "batch_account_key": KEY}}, "Batch account key (password)"),
        (
            {"extra": {**CONNECTION["extra"], "storage_service_url": "x"}},
            "Blob service URL (extra.storage_service_url)",
        ),
    ],
)
def test_what_is_wrong_is_told_in_the_words_of_the_form(
    changes: dict[str, Any], label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**CONNECTION, **changes}))
    works, message = AztkHook().test_connection()
    assert not works
    assert label in message
    asked = {name for name in ("batch_account_key", "storage_account_key") if f"extra.{name}" in message}
    assert {found[0] for found in CLIENTS_WORDS.finditer(message)} <= asked, "but where that is what was written"
    assert KEY not in message


def test_a_refused_key_is_told_in_the_words_of_the_form(
    connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = errors.AuthenticationError("check batch_account_name, batch_account_key and batch_service_url")

    class Client:
        def __enter__(self) -> Any:
            raise refused

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(AztkHook, "get_client", lambda _: Client())
    works, message = AztkHook().test_connection()
    assert not works
    assert message == "check Batch account name (login), Batch account key (password) and Batch service URL (host)"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("storage_acount_name", "storage_account_name"),
        ("storage_acess_key", "storage_access_key"),
        ("clientid", "client_id"),
        ("cloud-environment", "cloud_environment"),
        ("Tenant_ID", "tenant_id"),
    ],
)
def test_an_extra_that_is_a_slip_is_refused_with_the_name_that_is_meant(given: str, meant: str) -> None:
    extra = {"storage_account_name": "store", "storage_access_key": KEY, given: "hush"}
    with pytest.raises(errors.InvalidConfigurationError) as error:
        secrets_from_connection(host="acc", login="acc", password=KEY, extra=extra)
    assert [(fault.field, meant in fault.fix) for fault in error.value.faults] == [(f"extra.{given}", True)]
    assert "hush" not in str(error.value)
    assert meant not in ("storage_access_key",) or "hush" in set(secret_values(KEY, extra))


def test_what_is_in_the_forms_words_stays_as_it_is() -> None:
    with pytest.raises(errors.InvalidConfigurationError) as error:
        secrets_from_connection(host="acc", login="", password=KEY, extra={})
    once = str(error.value)
    assert "Storage account name (extra.storage_account_name)" in once
    assert with_form_labels(once) == once


@pytest.mark.parametrize("extra", ["{not json", "[1]", '"hush"'])
def test_an_extra_that_is_no_json_object_is_told(
    extra: str, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZTK_DEFAULT", json.dumps({**connection, "extra": extra}))
    with pytest.raises(errors.InvalidConfigurationError, match=r"Extra \(extra\)='\*\*\*': give a JSON object"):
        AztkHook().secrets  # noqa: B018 - it is read


def test_an_extra_that_nobody_reads_is_told(caplog: pytest.LogCaptureFixture) -> None:
    extra = {"storage_account_name": "store", "storage_access_key": KEY, "team": "data"}
    assert secrets_from_connection(host="acc", login="acc", password=KEY, extra=extra).shared_key
    assert "extra.team is not read" in caplog.text


def test_the_cloud_of_the_connection_is_the_clients() -> None:
    extra = {**ENTRA_ID, "cloud_environment": "AzureChinaCloud"}
    found = secrets_from_connection(host=None, login=None, password=None, extra=extra).service_principal
    assert found is not None
    assert found.cloud.authority == "login.chinacloudapi.cn"
    host = "acc.chinaeast2.batch.chinacloudapi.cn"
    keys = {"storage_account_name": "store", "storage_access_key": KEY}
    shared = secrets_from_connection(host=host, login="acc", password=KEY, extra=keys).shared_key
    assert shared is not None
    assert shared.blob_endpoint == "https://store.blob.core.chinacloudapi.cn"
    with pytest.raises(errors.InvalidConfigurationError) as error:
        secrets_from_connection(host="acc.x.batch.azure.com", login=None, password=None, extra=extra)
    assert [fault.field for fault in error.value.faults] == ["Batch service URL (host)"]


def test_resource_manager_can_be_elsewhere() -> None:
    extra = {**ENTRA_ID, "resource_manager_url": "https://127.0.0.1:8443"}
    found = secrets_from_connection(host=None, login=None, password=None, extra=extra).service_principal
    assert found is not None
    assert found.resource_manager_url == "https://127.0.0.1:8443"
    with pytest.raises(errors.InvalidConfigurationError) as error:
        secrets_from_connection(
            host=None, login=None, password=None, extra={**ENTRA_ID, "resource_manager_url": "http://arm.example"}
        )
    assert [fault.field for fault in error.value.faults] == ["Resource Manager URL (extra.resource_manager_url)"]
