"""Single checks and the run of them all, without a stack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_aztk.client import errors, models
from airflow_provider_aztk.doctor import run
from airflow_provider_aztk.doctor.checks import rights, vm_image, vm_size
from airflow_provider_aztk.doctor.findings import Report, error, ok, warning
from airflow_provider_aztk.doctor.vm_sizes import VmSize
from tests.doctor.test_definition import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.doctor.facts import Facts
    from airflow_provider_aztk.doctor.findings import Finding

NOW = datetime(2026, 11, 25, tzinfo=UTC)
JOBS = "Microsoft.Batch/batchAccounts/jobs/write"


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ([], False),
        ([{"dataActions": ["*"]}], True),
        ([{"actions": ["*"]}], False),
        ([{"dataActions": ["microsoft.batch/batchaccounts/JOBS/*"]}], True),
        ([{"dataActions": ["*"], "notDataActions": ["Microsoft.Batch/*/write"]}], False),
        ([{"dataActions": ["*"], "notDataActions": ["*/write"]}, {"dataActions": [JOBS]}], True),
        ([{"dataActions": ["Microsoft.Batch/batchAccounts/jobs/read"]}], False),
    ],
)
def test_permissions(permissions: list[dict[str, list[str]]], allowed: bool) -> None:
    assert rights.allows(permissions, JOBS, data=True) is allowed


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}, ["ok", "warning"]),
        ({"actions": ["*"], "dataActions": ["*"]}, ["ok", "ok"]),
        ({"actions": ["*/read"]}, ["warning", "warning"]),
    ],
    ids=["Contributor", "everything", "Reader"],
)
def test_roles(given: dict[str, list[str]], status: list[str]) -> None:
    facts: Any = SimpleNamespace(
        has_token=True, batch_name="B", storage_name="S", batch_permissions=lambda: [given],
        storage_permissions=lambda: [given],
    )  # fmt: skip
    assert [finding.status for finding in rights.roles(facts)] == status


def image(sku: str = "2404", end: datetime | None = None, *capabilities: str) -> dict[str, Any]:
    return {
        "nodeAgentSKUId": "batch.node.ubuntu 24.04",
        "imageReference": {"publisher": "Microsoft-DSVM", "offer": "ubuntu-hpc", "sku": sku, "version": "latest"},
        "osType": "linux",
        "verificationType": "verified",
        "capabilities": list(capabilities or ["DockerCompatible"]),
        **({"batchSupportEndOfLife": end.isoformat()} if end else {}),
    }


@pytest.mark.parametrize(
    ("images", "agent", "status"),
    [
        ([image()], "24.04", "ok"),
        ([image()], "22.04", "error"),
        ([image("2204")], "24.04", "error"),
        ([image("2404", None, "SupportsRDMAOnly")], "24.04", "error"),
        ([image("2404", NOW + timedelta(days=30))], "24.04", "warning"),
        ([image("2404", NOW - timedelta(days=1))], "24.04", "error"),
    ],
)
def test_an_image_that_is_given(images: list[dict[str, Any]], agent: str, status: str) -> None:
    name = f"microsoft-dsvm:ubuntu-hpc:2404@batch.node.ubuntu {agent}"
    conf = models.ClusterConfiguration(cluster_id="c", vm_count=1, vm_image=name)
    facts: Any = SimpleNamespace(cluster=conf, images=lambda: images, now=NOW)
    (found,) = vm_image.vm_image(facts)
    assert (found.check, found.status) == ("vm-image", status)


def test_no_image_that_fits() -> None:
    conf = models.ClusterConfiguration(cluster_id="c", vm_count=1, vm_size="standard_d4pds_v5")
    facts: Any = SimpleNamespace(cluster=conf, images=lambda: [image()], now=NOW)
    (found,) = vm_image.vm_image(facts)
    assert found.status == "error"
    assert "no verified ARM Linux image" in found.message


@pytest.mark.parametrize(
    ("size", "conf", "expected"),
    [
        ({"ends": NOW + timedelta(days=90)}, {}, {"vm-size": "warning"}),
        ({"ends": NOW + timedelta(days=400)}, {}, {}),
        ({"ends": NOW - timedelta(days=1)}, {}, {"vm-size": "error"}),
        ({"spot": False}, {"vm_count": None, "vm_low_pri_count": 1}, {"vm-size": "error"}),
        ({"disk_mb": 0}, {}, {"vm-disk": "warning"}),
        ({"gpus": 0}, {"vm_size": "standard_nc4as_t4_v3", "gpu_enabled": True}, {"vm-gpu": "error"}),
        ({"gpus": 1}, {"vm_size": "standard_nc4as_t4_v3", "gpu_enabled": True}, {}),
    ],
)
def test_sizes(size: dict[str, Any], conf: dict[str, Any], expected: dict[str, str]) -> None:
    cluster = models.ClusterConfiguration(cluster_id="c", **{"vm_count": 1, **conf})
    capabilities = {
        "MaxResourceVolumeMB": size.get("disk_mb", 1024),
        "LowPriorityCapable": size.get("spot", True),
        "GPUs": size.get("gpus", 0),
        "vCPUs": 4,
    }
    entry = {
        "name": cluster.vm_size.upper(),
        "familyName": "family",
        "capabilities": [{"name": name, "value": str(value)} for name, value in capabilities.items()],
        **({"batchSupportEndOfLife": size["ends"].isoformat()} if "ends" in size else {}),
    }
    facts: Any = SimpleNamespace(
        cluster=cluster, sizes=lambda: [entry], batch_account=lambda: {"location": "westeurope"}, now=NOW
    )
    found = {finding.check: str(finding.status) for finding in vm_size.vm_size(facts) if finding.status != "ok"}
    assert found == expected


def test_the_order_of_a_report_and_its_exit_code() -> None:
    findings = (ok("a", "A", "is"), warning("b", "B", "may be", "look"), error("c", "C", f"is {KEYS}", "mend", "page"))
    report = Report(findings, ("not-to-be-shown",))
    lines = report.text().splitlines()
    assert [line.split()[0] for line in lines if line[:1].isupper()] == ["OK", "WARNING", "ERROR"]
    assert lines[-1] == "1 ok, 1 warning, 1 error"
    assert report.exit_code == 1
    assert Report(findings[:2]).exit_code == 0


@pytest.mark.parametrize("secret", ["not-to-be-shown", 'a+b/c="d'])
def test_secrets_are_not_shown(secret: str) -> None:
    from urllib.parse import quote

    text = f"{secret} {quote(secret, safe='')} https://x/c?sv=1&sig=abc%3D&se=2"
    report = Report((error("c", "C", text, f"mend {secret}"),), (secret,))
    for shown in (report.text(), report.json()):
        for form in (secret, quote(secret, safe=""), "abc%3D"):
            assert form not in shown


def test_a_check_that_breaks_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Facts) -> Iterator[Finding]:
        raise ZeroDivisionError("not-to-be-shown")

    def refused(_: Facts) -> Iterator[Finding]:
        raise errors.ServiceError("no", code="Odd", status=400)

    def fine(_: Facts) -> Iterator[Finding]:
        yield ok("fine", "it", "is fine")

    monkeypatch.setattr(run, "CHECKS", {"one": broken, "two": refused, "three": fine})
    found = run.run(KEYS, models.ClusterConfiguration(cluster_id="c", vm_count=1))
    assert [(finding.check, str(finding.status)) for finding in found] == [
        ("broken-check", "error"),
        ("unanswered", "warning"),
        ("fine", "ok"),
    ]
    assert "not-to-be-shown" not in repr(found)


def test_sizes_are_read_whatever_is_missing() -> None:
    from airflow_provider_aztk.doctor.vm_sizes import sizes_by_name

    facts: Any = SimpleNamespace(sizes=lambda: [{"name": "Standard_X", "capabilities": None}])
    nothing = VmSize(
        name="Standard_X", family="", vcpus=None, disk_mb=None, architecture=None, gpus=0, spot=None, ends=None
    )
    assert sizes_by_name(facts) == {"standard_x": nothing}
