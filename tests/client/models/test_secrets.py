"""Credentials: exactly one way of signing in, and never shown."""

from __future__ import annotations

import base64

import pytest

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import (
    DockerConfiguration,
    SecretsConfiguration,
    ServicePrincipalConfiguration,
    SharedKeyConfiguration,
)

KEY = base64.b64encode(b"a very secret key of an account").decode()
ARM = "/subscriptions/s/resourceGroups/r/providers/Microsoft.{}/{}Accounts/{}"


def shared_key(**changes: str) -> SharedKeyConfiguration:
    values = {
        "batch_account_name": "batch",
        "batch_account_key": KEY,
        "batch_service_url": "https://batch.westeurope.batch.azure.com",
        "storage_account_name": "store",
        "storage_account_key": KEY,
    }
    return SharedKeyConfiguration(**{**values, **changes})


def service_principal(**changes: str | None) -> ServicePrincipalConfiguration:
    values: dict[str, str | None] = {
        "tenant_id": "t",
        "client_id": "c",
        "credential": "hush-hush",
        "batch_account_resource_id": ARM.format("Batch", "batch", "mybatch"),
        "storage_account_resource_id": ARM.format("Storage", "storage", "mystore"),
    }
    return ServicePrincipalConfiguration(**{**values, **changes})  # type: ignore[arg-type]


def test_exactly_one_of_shared_key_and_service_principal() -> None:
    for given in ({}, {"shared_key": shared_key(), "service_principal": service_principal()}):
        with pytest.raises(InvalidConfigurationError, match="exactly one of the two"):
            SecretsConfiguration(**given)  # type: ignore[arg-type]


def test_no_secret_in_any_repr() -> None:
    docker = DockerConfiguration(username="u", password="hush-hush")
    for holder in (
        SecretsConfiguration(shared_key=shared_key(), docker=docker, ssh_priv_key="hush-hush"),
        SecretsConfiguration(service_principal=service_principal()),
    ):
        assert KEY not in repr(holder)
        assert "hush-hush" not in repr(holder)


def test_a_key_that_is_no_key_is_named_but_not_shown() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        shared_key(batch_account_key="not base64!", storage_account_key="also not!")
    assert {fault.field for fault in error.value.faults} == {"batch_account_key", "storage_account_key"}
    assert "not base64!" not in str(error.value)


def test_plain_http_is_for_loopback_only() -> None:
    with pytest.raises(InvalidConfigurationError, match="use https"):
        shared_key(batch_service_url="http://batch.westeurope.batch.azure.com")
    assert shared_key(batch_service_url="http://127.0.0.1:8080").batch_service_url == "http://127.0.0.1:8080"


def test_blob_endpoint_follows_the_account_unless_given() -> None:
    assert shared_key().blob_endpoint == "https://store.blob.core.windows.net"
    azurite = shared_key(storage_service_url="http://127.0.0.1:10000/store/")
    assert azurite.blob_endpoint == "http://127.0.0.1:10000/store"


def test_half_a_service_principal_is_refused() -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        service_principal(client_id=None)
    assert [fault.field for fault in error.value.faults] == ["client_id"]


def test_account_names_come_from_resource_ids() -> None:
    principal = service_principal(tenant_id=None, client_id=None, credential=None)
    assert (principal.batch_account_name, principal.storage_account_name) == ("mybatch", "mystore")
    with pytest.raises(InvalidConfigurationError, match="ARM id"):
        service_principal(batch_account_resource_id="mybatch")
