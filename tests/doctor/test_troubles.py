"""Doctor on the local stack: healthy, and with each trouble ordered, which gives exactly its lines."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import models
from airflow_provider_aztk.client._azure.batch import BatchRequest, delete_pool, nothing
from airflow_provider_aztk.client._azure.inspection import Inspection
from airflow_provider_aztk.doctor.command import diagnose
from airflow_provider_aztk.doctor.findings import Report, Status
from tests.client.live.conftest import secrets_of
from tests.doctor.registries import PASSWORD, Registry
from tests.support.misbehaving import Answer, Fault, misbehaving

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.local.admin import AdminClient
    from airflow_provider_aztk.local.testing import LocalStack

#: What account keys cannot ask.
UNKNOWN_WITH_KEYS = {"storage-settings": "warning", "quotas": "warning", "vm-size": "warning"}
SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/nodes"
BATCH, STORAGE, SIZES = "*/batchAccounts/*", "*/storageAccounts/*", "*/virtualMachineSkus"


def cluster(registry: Registry, **changes: Any) -> models.ClusterConfiguration:
    given = {"vm_count": 2, "docker_repo": registry.good, "max_lifetime": timedelta(days=1), **changes}
    return models.ClusterConfiguration(cluster_id="doctor", **given)


def troubles(report: Report, secrets: models.SecretsConfiguration) -> dict[str, str]:
    """Return what is not ok, by check, and see that every line has its fix and that no secret is shown."""
    shown = report.text() + report.json()
    keys = secrets.shared_key
    hidden = [keys.batch_account_key, keys.storage_account_key] if keys else []
    hidden += [str(secrets.service_principal.credential)] if secrets.service_principal else []
    for secret in [*hidden, PASSWORD, "eyJ"]:  # the beginning of a token
        assert secret not in shown
    assert "sig=" not in shown.replace("sig=***", "")
    found = [finding for finding in report.findings if finding.status is not Status.OK]
    for finding in found:
        print(finding)
        assert finding.fix
    assert len({finding.check for finding in found}) == len(found)
    return {finding.check: str(finding.status) for finding in found}


def test_a_healthy_stack(stack: LocalStack, entra: models.SecretsConfiguration, running_registry: Registry) -> None:
    conf, containers = cluster(running_registry), containers_of(stack)
    healthy = diagnose(entra, conf)
    assert troubles(healthy, entra) == {}
    assert healthy.exit_code == 0
    keys = secrets_of(stack)
    assert troubles(diagnose(keys, conf), keys) == UNKNOWN_WITH_KEYS
    state = stack.admin.state()
    assert (state["pools"], state["jobs"]) == (0, 0)
    assert containers_of(stack) == containers


def containers_of(stack: LocalStack) -> set[str]:
    """Return the containers of the storage account."""
    from azure.storage.blob import BlobServiceClient

    credential = {"account_name": str(stack.blob_account), "account_key": str(stack.blob_key)}
    with BlobServiceClient(str(stack.blob_endpoint), credential=credential) as client:
        return {container.name for container in client.list_containers()}


def properties(**changes: Any) -> dict[str, Any]:
    return {"properties": changes}


SIGN_IN_TROUBLES: dict[str, tuple[Callable[[AdminClient], None], dict[str, str]]] = {
    "an expired secret": (
        lambda admin: admin.tokens(error="invalid_client"),
        {"entra-sign-in": "error", "not-checked": "warning"},
    ),
    "no role on Batch": (
        lambda admin: admin.missing_role("batch"),
        {"batch-sign-in": "error", "batch-roles": "warning", "not-checked": "warning"},
    ),
    "no role on storage": (
        lambda admin: admin.missing_role("storage"),
        {"storage-sign-in": "error", "storage-roles": "warning", "not-checked": "warning"},
    ),
    "no Reader": (
        lambda admin: admin.missing_role("arm"),
        {"arm-batch": "error", "arm-storage": "error", "not-checked": "warning"},
    ),
    "no right to change pools and to delete jobs": (
        lambda admin: (
            [
                admin.http_fault(operation=operation, status=403, code="AuthorizationFailure", count=-1)
                for operation in ("update_pool", "delete_job")
            ]
            and None
        ),
        {"batch-rights": "error"},
    ),
    "a Batch that is out of order": (
        lambda admin: admin.http_fault(status=500, count=-1),
        {"batch-sign-in": "error", "not-checked": "warning"},
    ),
}


@pytest.mark.parametrize("name", SIGN_IN_TROUBLES)
def test_sign_in_and_roles(
    name: str, stack: LocalStack, entra: models.SecretsConfiguration, running_registry: Registry
) -> None:
    order, expected = SIGN_IN_TROUBLES[name]
    order(stack.admin)
    assert troubles(diagnose(entra, cluster(running_registry)), entra) == expected


def test_entra_id_does_not_answer(
    stack: LocalStack, entra: models.SecretsConfiguration, running_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://127.0.0.1:1")
    report = diagnose(entra, cluster(running_registry))
    assert troubles(report, entra) == {"entra-sign-in": "error", "not-checked": "warning"}
    (line,) = [finding for finding in report.findings if finding.check == "entra-sign-in"]
    assert "AZURE_AUTHORITY_HOST" in line.fix


def test_reader_is_not_needed_where_the_endpoints_are_given(
    stack: LocalStack, entra: models.SecretsConfiguration, running_registry: Registry
) -> None:
    assert entra.service_principal is not None
    urls = {
        "batch_service_url": stack.entra["batch_endpoint"],
        "storage_service_url": stack.entra["blob_endpoint"],
    }
    given = models.SecretsConfiguration(service_principal=dataclasses.replace(entra.service_principal, **urls))
    stack.admin.missing_role("arm")
    assert troubles(diagnose(given, cluster(running_registry)), given) == {
        "arm-batch": "warning",
        "arm-storage": "warning",
        "quotas": "warning",
        "not-checked": "warning",
    }


SETTINGS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[str, str]]] = {
    "quotas that are too small": (
        [
            {
                "path": BATCH,
                "merge": properties(
                    dedicatedCoreQuota=4,
                    dedicatedCoreQuotaPerVMFamily=[{"name": "StandardDDSv5Family", "coreQuota": 4}],
                    poolQuota=0,
                    activeJobAndJobScheduleQuota=0,
                ),
            },
            {
                "path": STORAGE,
                "merge": properties(
                    isHnsEnabled=True, sasPolicy={"sasExpirationPeriod": "1.00:00:00", "expirationAction": "Log"}
                ),
            },
        ],
        {},
        {
            **dict.fromkeys(("quota-cores", "quota-family", "quota-pools", "quota-jobs"), "error"),
            "storage-namespace": "warning",
        },
    ),
    "no Spot cores, a firewall, kept versions, a size without a disk": (
        [
            {"path": BATCH, "merge": properties(lowPriorityCoreQuota=0)},
            {"path": STORAGE, "merge": properties(networkAcls={"defaultAction": "Deny"})},
            {"path": "*/blobServices/*", "merge": properties(isVersioningEnabled=True)},
        ],
        {"vm_count": None, "vm_low_pri_count": 1, "vm_size": "standard_d4s_v5"},
        {
            "quota-spot-cores": "error",
            "storage-firewall": "error",
            "storage-retention": "warning",
            "vm-disk": "warning",
        },
    ),
    "a subscription's quotas, a SAS policy that blocks, a size that is not offered": (
        [
            {"path": BATCH, "merge": properties(poolAllocationMode="UserSubscription")},
            {
                "path": STORAGE,
                "merge": properties(sasPolicy={"sasExpirationPeriod": "1.00:00:00", "expirationAction": "Block"}),
            },
        ],
        {"vm_size": "standard_d4ds_v6", "vm_count": 81},
        {"quotas": "warning", "quota-nodes": "error", "storage-sas-policy": "error", "vm-size": "error"},
    ),
    "sizes that may not be read, a subnet that the firewall knows, no lifetime": (
        [
            {"path": SIZES, "status": 403},
            {
                "path": STORAGE,
                "merge": properties(networkAcls={"defaultAction": "Deny", "virtualNetworkRules": [{"id": SUBNET}]}),
            },
        ],
        {"subnet_id": SUBNET, "max_lifetime": None},
        {"vm-size": "warning", "quota-family": "warning", "subnet": "warning", "lifetime": "error"},
    ),
    "a size at its end, a firewall that does not know the subnet, an image that is not listed": (
        [{"path": STORAGE, "merge": properties(publicNetworkAccess="Disabled")}],
        {
            "vm_size": "standard_nc6s_v3",
            "subnet_id": SUBNET,
            "vm_image": "microsoft-dsvm:ubuntu-hpc:1804@batch.node.ubuntu 18.04",
        },
        {
            "vm-size": "error",
            "quota-family": "error",
            "subnet": "warning",
            "storage-firewall": "warning",
            "vm-image": "error",
        },
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_the_accounts(
    name: str, stack: LocalStack, entra: models.SecretsConfiguration, running_registry: Registry
) -> None:
    orders, changes, expected = SETTINGS[name]
    for order in orders:
        stack.admin.arm(**order)
    assert troubles(diagnose(entra, cluster(running_registry, **changes)), entra) == expected


def test_a_quota_that_is_used_up(
    stack: LocalStack, entra: models.SecretsConfiguration, running_registry: Registry
) -> None:
    stack.admin.arm(path=BATCH, merge=properties(dedicatedCoreQuota=8))
    inspection = Inspection(secrets_of(stack))
    runner = inspection.batch(None)
    id = f"used-{uuid.uuid4().hex[:8]}"
    reference = {"publisher": "microsoft-dsvm", "offer": "ubuntu-hpc", "sku": "2404", "version": "latest"}
    pool = {
        "id": id,
        "vmSize": "standard_d4ds_v5",
        "targetDedicatedNodes": 1,
        "virtualMachineConfiguration": {"imageReference": reference, "nodeAgentSKUId": "batch.node.ubuntu 24.04"},
    }
    runner.run(BatchRequest("POST", "/pools", nothing, pool))
    try:
        report = diagnose(entra, cluster(running_registry))
        assert troubles(report, entra) == {"quota-cores": "error"}
        (line,) = [finding for finding in report.findings if finding.check == "quota-cores"]
        assert "cores: 8 needed, 4 of 8 used" in line.message
    finally:
        runner.run(delete_pool(id))
        inspection.close()


def refused(status: str, code: str) -> Callable[[Answer], None]:
    """Answer with an error of Storage."""

    def change(answer: Answer) -> None:
        answer.status = status
        body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>No.</Message></Error>'
        answer.replace(body.encode(), content_type="application/xml", x_ms_error_code=code)

    return change


def broken(answer: Answer) -> None:
    answer.reset = True


def late(answer: Answer) -> None:
    date = parsedate_to_datetime(answer.headers["date"]) - timedelta(minutes=10)
    answer.headers["date"] = format_datetime(date, usegmt=True)


def versioned(answer: Answer) -> None:
    answer.headers["x-ms-version-id"] = "2026-11-25T00:00:00.0000000Z"


STORAGE_TROUBLES: dict[str, tuple[Fault, dict[str, str]]] = {
    "the firewall": (
        Fault(refused("403 Forbidden", "AuthorizationFailure"), count=-1),
        {"storage-sign-in": "error", "not-checked": "warning"},
    ),
    "keys that are switched off": (
        Fault(refused("403 Forbidden", "KeyBasedAuthenticationNotPermitted"), count=-1),
        {"storage-sign-in": "error", "not-checked": "warning"},
    ),
    "blobs that may not be deleted": (
        Fault(
            refused("403 Forbidden", "AuthorizationPermissionMismatch"),
            when=lambda method, target: method == "DELETE" and "/probe" in target,
            count=-1,
        ),
        {"storage-rights": "error"},
    ),
    "a container that may not be deleted": (
        Fault(
            refused("403 Forbidden", "AuthorizationPermissionMismatch"),
            when=lambda method, target: method == "DELETE" and "restype=container" in target,
            count=-1,
        ),
        {"storage-rights": "error", "storage-left": "warning"},
    ),
    "a line that breaks": (
        Fault(broken, when=lambda method, target: method == "PUT" and "/probe" in target, count=-1),
        {"storage-rights": "error"},
    ),
    "a SAS that is refused": (
        Fault(refused("403 Forbidden", "AuthenticationFailed"), when=lambda _, target: "sig=" in target, count=-1),
        {"storage-sas": "error"},
    ),
    "versions that are kept": (
        Fault(versioned, when=lambda method, target: method == "PUT" and "/probe" in target, count=-1),
        {"storage-retention": "warning"},
    ),
    "a clock that is off": (Fault(late, count=-1), {"clock-storage": "warning"}),
}


@pytest.mark.parametrize("name", STORAGE_TROUBLES)
def test_storage_with_keys(name: str, stack: LocalStack, running_registry: Registry) -> None:
    fault, expected = STORAGE_TROUBLES[name]
    containers = containers_of(stack)
    with misbehaving(str(stack.blob_endpoint)) as line:
        line.faults.append(dataclasses.replace(fault))
        keys = secrets_of(stack, storage_service_url=line.url)
        found = troubles(diagnose(keys, cluster(running_registry)), keys)
    assert found == {**UNKNOWN_WITH_KEYS, **expected}
    assert containers_of(stack) == containers  # the line changes answers only


WRONG_KEY = "d3Jvbmcta2V5LXdyb25nLWtleQ=="


def test_wrong_keys_a_subnet_and_a_missing_tag(stack: LocalStack, running_registry: Registry) -> None:
    keys = secrets_of(stack, batch_account_key=WRONG_KEY, storage_account_key=WRONG_KEY)
    conf = cluster(running_registry, subnet_id=SUBNET, docker_repo=f"{running_registry.host}/apache/spark:5")
    assert troubles(diagnose(keys, conf), keys) == {
        "batch-sign-in": "error",
        "storage-sign-in": "error",
        "subnet": "error",
        "docker-image": "error",
        "storage-settings": "warning",
        "vm-size": "warning",
        "not-checked": "warning",
    }


def test_nobody_answers(stack: LocalStack, running_registry: Registry) -> None:
    nowhere = {"batch_service_url": "http://127.0.0.1:1", "storage_service_url": "http://127.0.0.1:1/account"}
    keys = secrets_of(stack, **nowhere)
    found = troubles(diagnose(keys, cluster(running_registry)), keys)
    assert found == {
        "batch-sign-in": "error",
        "storage-sign-in": "error",
        "storage-settings": "warning",
        "vm-size": "warning",
        "not-checked": "warning",
    }
