"""The Azure clouds: which hosts belong to which, and where each signs in.

The names are those of the Azure provider's connection extra ``cloud_environment``; the hosts are those of the Azure CLI
(``az cloud list``). Storage has one audience in all clouds, ``https://storage.azure.com/``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One Azure cloud.

    :param name: as ``cloud_environment`` has it.
    :param authority: the host of Microsoft Entra ID.
    :param arm: the URL of Azure Resource Manager.
    :param batch_audience: what a token for Azure Batch is for.
    :param storage_suffix: the domain of the storage service.
    :param domains: what its hosts end in.
    :param portal: the URL of the portal.
    """

    name: str
    authority: str
    arm: str
    batch_audience: str
    storage_suffix: str
    domains: tuple[str, ...]
    portal: str

    @property
    def batch_scope(self) -> str:
        """What to ask Entra ID for: the audience, with the slash that is part of it."""
        return f"{self.batch_audience}/.default"


PUBLIC = Cloud(
    name="AzurePublicCloud",
    authority="login.microsoftonline.com",
    arm="https://management.azure.com",
    batch_audience="https://batch.core.windows.net/",
    storage_suffix="core.windows.net",
    domains=("azure.com", "windows.net", "azure.net", "microsoftonline.com"),
    portal="https://portal.azure.com",
)
CLOUDS = (
    PUBLIC,
    Cloud(
        name="AzureChinaCloud",
        authority="login.chinacloudapi.cn",
        arm="https://management.chinacloudapi.cn",
        batch_audience="https://batch.chinacloudapi.cn/",
        storage_suffix="core.chinacloudapi.cn",
        domains=("chinacloudapi.cn", "azure.cn", "microsoftonline.cn"),
        portal="https://portal.azure.cn",
    ),
    Cloud(
        name="AzureUSGovernment",
        authority="login.microsoftonline.us",
        arm="https://management.usgovcloudapi.net",
        batch_audience="https://batch.core.usgovcloudapi.net/",
        storage_suffix="core.usgovcloudapi.net",
        domains=("usgovcloudapi.net", "azure.us", "microsoftonline.us"),
        portal="https://portal.azure.us",
    ),
)


def cloud_by_name(name: str | None) -> Cloud | None:
    """Return the cloud of this name; None where there is none."""
    return next((cloud for cloud in CLOUDS if cloud.name == name), None)


def cloud_of_url(url: str | None) -> Cloud | None:
    """Return the cloud that a URL or a host belongs to; None for a host that belongs to none, such as loopback."""
    if not url:
        return None
    try:
        host = urlsplit(url if "://" in url else f"https://{url}").hostname or ""
    except ValueError:
        return None
    name = "." + host.rstrip(".").lower()
    return next((cloud for cloud in CLOUDS if any(name.endswith("." + domain) for domain in cloud.domains)), None)


def first_cloud(name: str | None, urls: Iterable[str | None]) -> Cloud:
    """Return the cloud that a setting names, else that of an endpoint, else the one where this process signs in."""
    found = [cloud_by_name(name), *map(cloud_of_url, urls), cloud_of_url(os.environ.get("AZURE_AUTHORITY_HOST"))]
    return next((cloud for cloud in found if cloud is not None), PUBLIC)


def authority_of(cloud: Cloud) -> str | None:
    """Return the host to sign in at; None to leave it to ``AZURE_AUTHORITY_HOST``, which is no other known cloud's."""
    host = os.environ.get("AZURE_AUTHORITY_HOST")
    return None if host and cloud_of_url(host) in (None, cloud) else cloud.authority


def is_private_authority() -> bool:
    """Return whether ``AZURE_AUTHORITY_HOST`` is the host of no cloud that we know."""
    host = os.environ.get("AZURE_AUTHORITY_HOST")
    return bool(host) and cloud_of_url(host) is None
