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

#: As field reports of late 2026 describe it: on Linux only ubuntu-hpc is verified and runs containers.
SUPPORTED_IMAGES: list[Json] = [
    _image("canonical", "ubuntu-24_04-lts", "server", "batch.node.ubuntu 24.04"),
    _image("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts", "batch.node.ubuntu 22.04"),
    _image("debian", "debian-12", "12", "batch.node.debian 12", verified=False),
    _image("microsoft-dsvm", "ubuntu-hpc", "2404", "batch.node.ubuntu 24.04", *_DOCKER),
    {
        **_image("microsoft-dsvm", "ubuntu-hpc", "2204", "batch.node.ubuntu 22.04", *_DOCKER, verified=False),
        "batchSupportEndOfLife": "2027-06-30T00:00:00Z",
    },
    _image("microsoftwindowsserver", "windowsserver", "2022-datacenter", "batch.node.windows amd64"),
    _image(
        "microsoftwindowsserver",
        "windowsserver",
        "2019-datacenter-with-containers",
        "batch.node.windows amd64",
        "DockerCompatible",
    ),
]
