"""Where links lead: to the Azure portal, or to the pages of the local stack; never with anything secret in them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.links.aztk import AztkBatchJobLink, batch_job_url, batch_pool_url, log_url
from airflow_provider_aztk.triggers.log_checkpoint import LOG_OFFSETS_KEY
from tests.support.fake_client import defer

KEY = "c2VjcmV0LWtleQ=="


def shared_key(endpoint: str) -> models.SecretsConfiguration:
    """Credentials of an account with a shared key."""
    return models.SecretsConfiguration(
        shared_key=models.SharedKeyConfiguration(
            batch_account_name="mybatch",
            batch_account_key=KEY,
            batch_service_url=endpoint,
            storage_account_name="mystore",
            storage_account_key=KEY,
        )
    )


def entra_id(endpoint: str | None = None) -> models.SecretsConfiguration:
    """Credentials of accounts whose resource ids are known."""
    group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers"
    return models.SecretsConfiguration(
        service_principal=models.ServicePrincipalConfiguration(
            tenant_id="t",
            client_id="c",
            credential=KEY,
            batch_account_resource_id=f"{group}/Microsoft.Batch/batchAccounts/mybatch",
            storage_account_resource_id=f"{group}/Microsoft.Storage/storageAccounts/mystore",
            batch_service_url=endpoint,
        )
    )


def all_urls(secrets: models.SecretsConfiguration) -> list[str]:
    """Every kind of link."""
    return [
        batch_job_url(secrets, "pi-1"),
        batch_pool_url(secrets, "aztk pool"),
        log_url(secrets, "aztk-pi-1-abc", "pi"),
    ]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4711", "http://localhost:4711/"])
def test_on_the_local_stack_they_lead_to_its_pages(endpoint: str) -> None:
    base = endpoint.rstrip("/") + "/ui"
    assert all_urls(shared_key(endpoint)) == [
        f"{base}/jobs/pi-1", f"{base}/pools/aztk%20pool", f"{base}/logs/aztk-pi-1-abc/pi",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("endpoint", "portal"),
    [
        ("https://mybatch.westeurope.batch.azure.com", "https://portal.azure.com/"),
        ("https://mybatch.chinaeast2.batch.chinacloudapi.cn", "https://portal.azure.cn/"),
        ("https://mybatch.usgovvirginia.batch.usgovcloudapi.net", "https://portal.azure.us/"),
    ],
)
def test_on_azure_they_lead_to_the_portal_of_the_cloud(endpoint: str, portal: str) -> None:
    job, pool, log = all_urls(entra_id(endpoint))
    assert all(url.startswith(portal) for url in (job, pool, log))
    assert job.endswith("/batchAccounts/mybatch/accountJobs")
    assert pool.endswith("/batchAccounts/mybatch/accountPools")
    assert "storageAccounts%2Fmystore" in log


def test_without_a_resource_id_they_lead_as_far_as_can_be_known() -> None:
    job, _, log = all_urls(shared_key("https://mybatch.westeurope.batch.azure.com"))
    assert job == "https://portal.azure.com/#browse/Microsoft.Batch%2FbatchAccounts"
    assert log == "https://mystore.blob.core.windows.net/aztk-pi-1-abc/apps/pi/log/000000"


@pytest.mark.parametrize("secrets", [shared_key("http://127.0.0.1:1"), entra_id("https://a.b.batch.azure.com")])
def test_no_link_holds_a_secret(secrets: models.SecretsConfiguration) -> None:
    for url in all_urls(secrets):
        assert KEY.rstrip("=") not in url
        assert "sig=" not in url


def test_no_container_no_log() -> None:
    assert log_url(shared_key("http://127.0.0.1:1"), None, "pi") == ""


def test_no_link_is_looked_for_that_nobody_has_pushed(
    client: Any, app: Any, make_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("airflow.providers.common.compat.sdk.XCom.get_value", lambda ti_key, key: asked.append(key))
    monkeypatch.setattr("airflow_provider_aztk.links.aztk.XCom.get_value", lambda ti_key, key: asked.append(key))
    context = make_context()
    remote = defer(app, context)
    for link in app.operator_extra_links:  # as Airflow does when the worker ends
        link.get_link(app, ti_key=None)
    assert asked == [], "Airflow logs an error for each that is not there"
    key = AztkBatchJobLink.key
    assert AztkBatchJobLink().get_link(app, ti_key=None) == app.pushed_links[key]
    again = copy.copy(app)
    again.pushed_links, again.links_are_known = {}, False  # the process that the event wakes
    AztkBatchJobLink().get_link(again, ti_key=None)
    assert asked == [key]
    assert context.xcoms[LOG_OFFSETS_KEY] == {"of": remote["cluster_id"], "offsets": {}}
