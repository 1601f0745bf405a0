"""The image of a cluster's nodes, chosen from what a real account lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_aztk.client._vm_images import choose_image
from airflow_provider_aztk.local.batch.api.images import SUPPORTED_IMAGES

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def image(sku: str, agent: str, **changes: object) -> dict[str, Any]:
    reference = {"publisher": "p", "offer": "o", "sku": sku, "version": "latest"}
    found = {"osType": "linux", "verificationType": "verified", "capabilities": ["DockerCompatible"]}
    return {**found, "imageReference": reference, "nodeAgentSKUId": agent, **changes}


def chosen(images: list[dict[str, Any]], vm_size: str = "standard_d4ds_v5") -> str | None:
    found = choose_image(images, vm_size, NOW)
    return found.sku if found else None


def test_the_newest_verified_image_with_docker_is_chosen() -> None:
    images = [
        image("2204", "batch.node.ubuntu 22.04"),
        image("2404", "batch.node.ubuntu 24.04"),
        image("2604", "batch.node.ubuntu 26.04", verificationType="unverified"),
        image("2610", "batch.node.ubuntu 26.10", capabilities=["SupportsRDMAOnly"]),
        image("9", "batch.node.el 9"),
        image("2025", "batch.node.windows amd64", osType="windows"),
    ]
    found = choose_image(images, "standard_d4ds_v5", NOW)
    assert found is not None
    assert (found.sku, found.node_agent) == ("2404", "batch.node.ubuntu 24.04")
    assert choose_image(images[2:4], "standard_d4ds_v5", NOW) is None


@pytest.mark.parametrize(
    ("size", "sku"),
    [
        ("standard_d4ds_v5", "2404"),
        ("standard_nc24ads_a100_v4", "2404"),
        ("standard_nc6s_v3", "2404-v100"),
        ("standard_d4pds_v5", "2404-arm64"),
        ("mine", "2404"),
    ],
)
def test_it_fits_the_size(size: str, sku: str) -> None:
    assert chosen(SUPPORTED_IMAGES, size) == sku


def test_one_whose_support_ends_soon_is_not_chosen() -> None:
    images = [
        image("2204", "batch.node.ubuntu 22.04", batchSupportEndOfLife="2027-06-30T00:00:00Z"),
        image("2404", "batch.node.ubuntu 24.04", batchSupportEndOfLife="2027-01-20T00:00:00Z"),
    ]
    assert chosen(images) == "2204"
    assert chosen(images[1:]) is None
