"""Azure Resource Manager of the local stack: what it shows, what can be ordered, whom it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.entra import ARM_SCOPE, BATCH_SCOPE, Answer, access_token, ask

if TYPE_CHECKING:
    from airflow_provider_aztk.local.testing import LocalStack


def look_up(stack: LocalStack, path: str, *, scope: str = ARM_SCOPE, version: str = "2024-07-01") -> Answer:
    url = f"{stack.entra['resource_manager_url']}{path}" + (f"?api-version={version}" if version else "")
    return ask(stack, url, token=access_token(stack, scope) if scope else None)


@pytest.fixture
def batch_id(aztk_local: LocalStack) -> str:
    return aztk_local.entra["batch_account_resource_id"]


@pytest.fixture
def storage_id(aztk_local: LocalStack) -> str:
    return aztk_local.entra["storage_account_resource_id"]


def test_the_two_accounts_are_shown(aztk_local: LocalStack, batch_id: str, storage_id: str) -> None:
    batch = look_up(aztk_local, batch_id.upper().replace("/SUBSCRIPTIONS", "/subscriptions")).json
    assert f"https://{batch['properties']['accountEndpoint']}" == aztk_local.entra["batch_endpoint"]
    assert batch["properties"]["poolAllocationMode"] == "BatchService"
    storage = look_up(aztk_local, storage_id).json
    assert storage["properties"]["primaryEndpoints"]["blob"] == aztk_local.entra["blob_endpoint"] + "/"
    blobs = look_up(aztk_local, f"{storage_id}/blobServices/default").json
    assert blobs["properties"]["isVersioningEnabled"] is False


def test_sizes_are_listed_for_the_accounts_location(aztk_local: LocalStack, batch_id: str) -> None:
    location = look_up(aztk_local, batch_id).json["location"]
    path = f"{'/'.join(batch_id.split('/')[:3])}/providers/Microsoft.Batch/locations/{location}/virtualMachineSkus"
    sizes = {size["name"]: size for size in look_up(aztk_local, path).json["value"]}
    disk = {entry["name"]: entry["value"] for entry in sizes["Standard_D4s_v5"]["capabilities"]}
    assert disk["MaxResourceVolumeMB"] == "0"
    assert "batchSupportEndOfLife" in sizes["Standard_NC6s_v3"]


@pytest.mark.parametrize("service", ["batch", "storage"])
def test_permissions_are_those_of_the_roles(
    aztk_local: LocalStack, batch_id: str, storage_id: str, service: str
) -> None:
    path = {"batch": batch_id, "storage": storage_id}[service] + "/providers/Microsoft.Authorization/permissions"
    assert sum(bool(entry["dataActions"]) for entry in look_up(aztk_local, path).json["value"]) == 1
    aztk_local.admin.missing_role(service)
    assert [entry["actions"] for entry in look_up(aztk_local, path).json["value"]] == [["*/read"]]
    aztk_local.admin.missing_role("arm")
    assert look_up(aztk_local, path).json["value"] == []


def test_what_is_shown_can_be_ordered(aztk_local: LocalStack, batch_id: str, storage_id: str) -> None:
    aztk_local.admin.arm(path="*/batchaccounts/*", merge={"properties": {"poolQuota": 0, "autoStorage": {"a": [1]}}})
    aztk_local.admin.arm(path="*/blobServices/*", merge={"properties": {"deleteRetentionPolicy": {"days": 7}}})
    batch = look_up(aztk_local, batch_id).json["properties"]
    assert (batch["poolQuota"], batch["autoStorage"], batch["lowPriorityCoreQuota"]) == (0, {"a": [1]}, 500)
    policy = look_up(aztk_local, f"{storage_id}/blobServices/default").json["properties"]["deleteRetentionPolicy"]
    assert policy == {"allowPermanentDelete": False, "enabled": False, "days": 7}
    aztk_local.admin.clear()
    assert look_up(aztk_local, batch_id).json["properties"]["poolQuota"] == 100


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [({"status": 403}, 403, "AuthorizationFailed"), ({"status": 404}, 404, "ResourceNotFound"),
     ({"status": 409, "code": "ReadOnlyDisabledSubscription"}, 409, "ReadOnlyDisabledSubscription")],
)  # fmt: skip
def test_a_refusal_can_be_ordered(
    aztk_local: LocalStack, batch_id: str, order: dict[str, Any], status: int, code: str
) -> None:
    aztk_local.admin.arm(path="*Microsoft.Batch*", **order)
    answer = look_up(aztk_local, batch_id)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)


def test_without_the_reader_role_nothing_is_shown(aztk_local: LocalStack, batch_id: str) -> None:
    aztk_local.admin.missing_role("arm")
    error = look_up(aztk_local, batch_id).json["error"]
    assert error["code"] == "AuthorizationFailed"
    assert f"perform action 'Microsoft.Batch/batchAccounts/read' over scope '{batch_id}'" in error["message"]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"scope": ""}, 401, "AuthenticationFailed"),
        ({"scope": BATCH_SCOPE}, 401, "InvalidAuthenticationTokenAudience"),
        ({"version": ""}, 400, "MissingApiVersionParameter"),
    ],
)
def test_other_requests_are_refused(
    aztk_local: LocalStack, batch_id: str, given: dict[str, str], status: int, code: str
) -> None:
    answer = look_up(aztk_local, batch_id, **given)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)


def test_an_expired_token_is_refused(aztk_local: LocalStack, batch_id: str) -> None:
    aztk_local.admin.tokens(lifetime=-600)
    answer = look_up(aztk_local, batch_id)
    assert (answer.status, answer.json["error"]["code"]) == (401, "ExpiredAuthenticationToken")


@pytest.mark.parametrize(
    ("change", "code"),
    [(("/subscriptions/5", "/subscriptions/6"), "SubscriptionNotFound"),
     (("/aztk-local/", "/other/"), "ResourceGroupNotFound"), (("aztklocal", "other"), "ResourceNotFound")],
)  # fmt: skip
def test_what_is_not_there_is_not_found(
    aztk_local: LocalStack, batch_id: str, change: tuple[str, str], code: str
) -> None:
    head, _, name = batch_id.rpartition("/")
    path = f"{head}/{name.replace(*change)}" if code == "ResourceNotFound" else batch_id.replace(*change)
    answer = look_up(aztk_local, path)
    assert (answer.status, answer.json["error"]["code"]) == (404, code)
