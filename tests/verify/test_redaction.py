"""What a report must not hold is replaced, by the same word everywhere."""

from __future__ import annotations

import base64
import json
from html import escape
from urllib.parse import quote

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.verify.redaction import Redactor

KEY = base64.b64encode(bytes(range(100, 164))).decode()
OTHER_KEY = base64.b64encode(bytes(range(10, 74))).decode()
SUBSCRIPTION = "2c9d7d3a-1f44-4c1e-9a55-0d2b6b1b7c11"
TENANT = "7e1cd6d5-93ab-41a2-8d4e-0f0f5e0a9f10"


@pytest.fixture
def redactor() -> Redactor:
    key = models.SharedKeyConfiguration(
        batch_account_name="contosobatch",
        batch_account_key=KEY,
        batch_service_url="https://contosobatch.westeurope.batch.azure.com",
        storage_account_name="contosodata",
        storage_account_key=OTHER_KEY,
    )
    docker = models.DockerConfiguration(endpoint="contoso.azurecr.io", username="puller", password="pass word/1")
    return Redactor(models.SecretsConfiguration(shared_key=key, docker=docker))


SUBNET = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/contoso-rg/providers/Microsoft.Network/virtualNetworks/vn/subnets/s1"
)
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2JhdGNoIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (f"key {KEY}", [KEY]),
        ("?sv=2024&sig=ab%2Bcd%3D&se=2027", ["ab%2Bcd"]),
        ("url?sig%3Dabcd%26x", ["abcd"]),
        ("https%3A%2F%2Fcontosobatch.westeurope.batch.azure.com%2Fjobs", ["contoso"]),
        ("http%253A%252F%252F10.0.0.4%253A80%252Fjobs", ["10.0.0.4"]),
        (f"Authorization: Bearer {JWT}", [JWT, "eyJ"]),
        (SUBNET, [SUBSCRIPTION, "contoso-rg", "/vn/", "/s1"]),
        ("https://contosobatch.westeurope.batch.azure.com/jobs", ["contosobatch"]),
        ("https://CONTOSODATA.blob.core.windows.net/aztk-x?restype=container", ["CONTOSODATA"]),
        ("from 10.0.0.4:22 to 20.31.4.5, 2603:1020:201:9::2d", ["10.0.0.4", "20.31.4.5", "2603"]),
        ("node tvmps_0123456789abcdef0123456789abcdef_d failed", ["0123456789abcdef"]),
        (
            "node TVMPS_0123456789ABCDEF0123456789ABCDEF_D, tvm-3257026573_1-20260102t030405z",
            ["0123456789", "3257026573"],
        ),
        ("contoso.azurecr.io/spark:4.1 as puller", ["contoso", "puller"]),
        ("somebody@contoso.example.com did", ["somebody"]),
    ],
)
def test_gone(redactor: Redactor, text: str, gone: list[str]) -> None:
    found = redactor.text(text)
    print(found)
    for word in gone:
        assert word not in found


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T12:30:45.1234567Z",
        "ubuntu 24.04.2026092501 and Spark 4.1.4",
        "aztk-verify-261125123045-ab12-cluster",
        "https://learn.microsoft.com/azure/batch/batch-docker-container-workloads",
        "microsoft-dsvm:ubuntu-hpc:2404",
        "Max::min, Thing::other",
        "--network host --rm",
    ],
)
def test_kept(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text


def test_the_same_word_for_the_same_value(redactor: Redactor) -> None:
    first = redactor.text(f"{SUBSCRIPTION} {TENANT} {SUBSCRIPTION.upper()}")
    assert first == "GUID-1 GUID-2 GUID-1"
    assert redactor.text(TENANT) == "GUID-2"
    assert redactor.text(first) == first


def test_members_whose_name_says_that_they_are_secret(redactor: Redactor) -> None:
    body = {"registries": [{"password": "short", "userName": "x"}], "accountKey": "k", "n": 1, "list": [None, True]}
    found = redactor.everything(body)
    assert found["registries"][0]["password"].startswith("SECRET-")
    assert found["accountKey"].startswith("SECRET-")
    assert (found["n"], found["list"]) == (1, [None, True])


def test_a_secret_within_a_word_is_scrubbed(redactor: Redactor) -> None:
    for leak in (KEY, quote(OTHER_KEY, safe=""), "pass word/1"):
        assert redactor.scrub(f"...x{leak}x...") == "...xSECRETx..."


def test_a_secret_is_scrubbed_as_json_and_xml_write_it() -> None:
    secret = 'pa"ss\\w\u00f6rd<9'
    key = models.SharedKeyConfiguration(
        batch_account_name="a", batch_account_key=KEY, batch_service_url="https://a.westeurope.batch.azure.com",
        storage_account_name="b", storage_account_key=KEY,
    )  # fmt: skip
    docker = models.DockerConfiguration(endpoint="contoso.azurecr.io", username="puller", password=secret)
    redactor = Redactor(models.SecretsConfiguration(shared_key=key, docker=docker))
    for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), json.dumps(json.dumps(secret))):
        assert "SECRET" in redactor.scrub(f"x{text}x"), text
    assert redactor.scrub(escape(secret)) == "SECRET"


def test_images_are_kept_for_an_account_that_is_called_like_them() -> None:
    key = models.SharedKeyConfiguration(
        batch_account_name="ubuntu", batch_account_key=KEY, batch_service_url="https://ubuntu.westeurope.batch.azure.com",
        storage_account_name="batch", storage_account_key=KEY,
    )  # fmt: skip
    reference = {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404"}
    image = {"nodeAgentSKUId": "batch.node.ubuntu 24.04", "imageReference": reference}
    assert Redactor(models.SecretsConfiguration(shared_key=key)).everything(image) == image


def test_ordinary_names_stay_where_an_account_is_called_like_one() -> None:
    key = models.SharedKeyConfiguration(
        batch_account_name="images", batch_account_key=KEY, batch_service_url="https://images.westeurope.batch.azure.com",
        storage_account_name="address", storage_account_key=KEY,
    )  # fmt: skip
    redactor = Redactor(models.SecretsConfiguration(shared_key=key))
    found = redactor.everything({"images": ["images"], "address": "https://address.blob.core.windows.net"})
    assert found.keys() == {"images", "address"}
    assert found["images"] == ["BATCH-ACCOUNT-NAME"]
    assert found["address"] == "https://STORAGE-ACCOUNT-NAME.blob.core.windows.net"


def test_a_service_principal() -> None:
    batch = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg9/providers/Microsoft.Batch/batchAccounts/fabrikambatch"
    storage = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg9/providers/Microsoft.Storage/storageAccounts/fabrikamdata"
    )
    principal = models.ServicePrincipalConfiguration(
        tenant_id=TENANT, client_id=SUBSCRIPTION, credential="very~secret", batch_account_resource_id=batch,
        storage_account_resource_id=storage,
    )  # fmt: skip
    redactor = Redactor(models.SecretsConfiguration(service_principal=principal))
    found = redactor.text(f"{batch} {storage} {TENANT} very~secret https://fabrikambatch.westeurope.batch.azure.com")
    print(found)
    for word in (SUBSCRIPTION, "rg9", "fabrikam", TENANT, "very~secret"):
        assert word not in found
