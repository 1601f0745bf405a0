"""The VM images that the emulated region offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.common.values import Json

__all__ = ["SUPPORTED_IMAGES"]


def _image(publisher: str, offer: str, sku: str, agent: str, *capabilities: str, verified: bool = True) -> Json:
    image: Json = {
        "nodeAgentSKUId": agent,
        "imageReference": {"publisher": publisher, "offer": offer, "sku": sku, "version": "latest"},
        "osType": "windows" if agent.endswith("amd64") else "linux",
        "verificationType": "verified" if verified else "unverified",
    }
    if capabilities:
        image["capabilities"] = list(capabilities)
    return image


_DOCKER = ("DockerCompatible", "SupportsRDMAOnly", "NvidiaTeslaDriverInstalled")
_ROCM = ("DockerCompatible", "SupportsRDMAOnly")


def _hpc(sku: str, ubuntu: str, *capabilities: str, end: str = "", verified: bool = True) -> Json:
    """Describe an image of ubuntu-hpc, and when Batch's support for it ends."""
    agent = f"batch.node.ubuntu {ubuntu}"
    image = _image("microsoft-dsvm", "ubuntu-hpc", sku, agent, *(capabilities or _DOCKER), verified=verified)
    return {**image, "batchSupportEndOfLife": f"{end}T00:00:00Z"} if end else image


#: What a real account lists, as field reports of 2025 and 2026 have it (Azure/Batch #185, Azure/azhpc-images #603):
#: on Linux only ubuntu-hpc runs containers, in variants for special hardware beside the plain one.
SUPPORTED_IMAGES: list[Json] = [
    _image("canonical", "ubuntu-24_04-lts", "server", "batch.node.ubuntu 24.04"),
    _image("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts", "batch.node.ubuntu 22.04"),
    _image("debian", "debian-12", "12", "batch.node.debian 12", verified=False),
    _image("almalinux", "almalinux-x86_64", "9-gen2", "batch.node.el 9"),
    _hpc("2004", "20.04", end="2025-05-31"),
    _hpc("2204", "22.04", end="2027-06-30"),
    _hpc("2404", "24.04"),
    _hpc("2404-arm64", "24.04"),
    _hpc("2404-rocm", "24.04", *_ROCM),
    _hpc("2404-v100", "24.04"),
    _hpc("2604", "26.04", verified=False),
    _image("microsoftwindowsserver", "windowsserver", "2022-datacenter", "batch.node.windows amd64"),
    _image(
        "microsoftwindowsserver",
        "windowsserver",
        "2019-datacenter-with-containers",
        "batch.node.windows amd64",
        "DockerCompatible",
    ),
]
