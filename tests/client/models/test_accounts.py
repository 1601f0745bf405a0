"""Accounts: what is copied from the portal with too much or too little around it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_aztk.client.errors import InvalidConfigurationError
from airflow_provider_aztk.client.models import ServicePrincipalConfiguration, SharedKeyConfiguration

GOOD = {
    "batch_account_name": "b",
    "batch_account_key": "QUJD",
    "batch_service_url": "https://b.region.batch.azure.com",
    "storage_account_name": "st",
    "storage_account_key": "QUJE",
}
ARM = "/subscriptions/s/resourceGroups/r/providers"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("storage_account_suffix", f"{kind}.core.windows.net")
            for kind in ("blob", "dfs", "file", "queue", "table", "Blob")
        ),
        *(
            ("storage_account_suffix", value)
            for value in (
                "https://core.windows.net",
                "core.windows.net/",
                ".core.windows.net",
                "core windows.net",
                "st.blob.core.windows.net/c",
                "net",
                "",
                "st.blob.core.windows.net",
                "privatelink.blob.core.windows.net",
                "z01.blob.storage.azure.net",
                "z01.storage.azure.net",
                "web.core.windows.net",
            )
        ),
        *(
            ("storage_account_name", value)
            for value in ("https://st.blob.core.windows.net", "st.blob.core.windows.net", "St", "st/", "s t", "a-b", "")
        ),
        *(("batch_account_name", value) for value in ("https://b.region.batch.azure.com", "b.region", "B", "b b", "")),
        *(
            ("batch_service_url", value)
            for value in (
                "https://b.x.batch.azure.com/pools",
                "https://b.x.batch.azure.com?a=b",
                "https://b.x.batch.azure.com#x",
                "https://u:p@b.x",
                "b.x.batch.azure.com",
            )
        ),
        ("storage_service_url", "https://st.blob.core.windows.net/?sv=1&sig=s3cr3t"),
        ("storage_service_url", "https://st.blob.core.windows.net/container"),
        ("storage_service_url", "https://st.dfs.core.windows.net"),
        ("storage_service_url", "https://st.z01.web.core.windows.net"),
        ("batch_account_key", "QU JD"),
    ],
)
def test_what_cannot_be_an_account_is_refused(field: str, value: str) -> None:
    with pytest.raises(InvalidConfigurationError) as error:
        SharedKeyConfiguration(**{**GOOD, field: value})
    assert {fault.field for fault in error.value.faults} == {field}
    assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("batch_account_key", "QUJD\n", "QUJD"),
        ("storage_account_key", " QUJE\r\n", "QUJE"),
        ("batch_service_url", "https://b.region.batch.azure.com/\n", "https://b.region.batch.azure.com"),
        ("storage_service_url", "http://127.0.0.1:10000/st/", "http://127.0.0.1:10000/st"),
        ("storage_account_suffix", " core.windows.net\n", "core.windows.net"),
        ("storage_account_name", "st\n", "st"),
        ("batch_account_name", " b ", "b"),
    ],
)
def test_what_copying_brings_along_is_taken_off(field: str, value: str, taken: str) -> None:
    assert getattr(SharedKeyConfiguration(**{**GOOD, field: value}), field) == taken  # type: ignore[arg-type]


def test_the_same_of_a_service_principal() -> None:
    given: dict[str, Any] = {
        "batch_account_resource_id": f"{ARM}/Microsoft.Batch/batchAccounts/b",
        "storage_account_resource_id": f"{ARM}/Microsoft.Storage/storageAccounts/s",
        "tenant_id": "t",
        "client_id": "c",
        "credential": "secret\n",
        "batch_service_url": "https://b.x/",
    }
    made = ServicePrincipalConfiguration(**given)
    assert (made.credential, made.batch_service_url) == ("secret", "https://b.x")
    one, other = "batch_account_resource_id", "storage_account_resource_id"
    with pytest.raises(InvalidConfigurationError, match=rf"{one}.*{other}"):
        ServicePrincipalConfiguration(**{**given, one: given[other], other: given[one]})
    with pytest.raises(InvalidConfigurationError, match="batch_service_url"):
        ServicePrincipalConfiguration(**{**given, "batch_service_url": "https://b.x/pools"})


@pytest.mark.parametrize(
    "url",
    [
        "https://st.privatelink.blob.core.windows.net",
        "https://st.z01.blob.storage.azure.net",
        "https://st-secondary.blob.core.windows.net",
        "https://blobs.example.org/st",
        "http://127.0.0.1:10000/st",
    ],
)
def test_addresses_of_a_blob_service(url: str) -> None:
    assert SharedKeyConfiguration(**GOOD, storage_service_url=url).blob_endpoint == url


def test_the_fix_of_a_blob_service_shows_one() -> None:
    with pytest.raises(InvalidConfigurationError, match=r"'https://ACCOUNT\.blob\.core\.windows\.net'"):
        SharedKeyConfiguration(**GOOD, storage_service_url="st.blob.core.windows.net")


def test_blanks_around_the_ids_of_a_service_principal() -> None:
    given = {
        "tenant_id": " t\n",
        "client_id": "c\r\n",
        "credential": "s\n",
        "batch_account_resource_id": f"{ARM}/Microsoft.Batch/batchAccounts/b\n",
        "storage_account_resource_id": f" {ARM}/Microsoft.Storage/storageAccounts/st",
    }
    found = ServicePrincipalConfiguration(**given)
    assert (found.tenant_id, found.client_id, found.credential) == ("t", "c", "s")
    assert (found.batch_account_name, found.storage_account_name) == ("b", "st")
