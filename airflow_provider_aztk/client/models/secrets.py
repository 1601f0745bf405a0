"""The credentials of the client: Batch, Storage, Docker registry and SSH."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow_provider_aztk.client.models._base import ConfigModel, Faults

__all__ = [
    "DockerConfiguration",
    "SecretsConfiguration",
    "ServicePrincipalConfiguration",
    "SharedKeyConfiguration",
]

_RESOURCE_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.(Batch|Storage)/\w+Accounts/(?P<name>[^/]+)/?",
    re.I,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def account_of(resource_id: str) -> str:
    """Read an account's name out of its ARM resource id.

    :param resource_id: ``/subscriptions/.../resourceGroups/.../providers/Microsoft.Batch/batchAccounts/NAME``.
    """
    match = _RESOURCE_ID.fullmatch(resource_id)
    return match["name"] if match else ""


def _check_url(faults: Faults, name: str, value: object) -> None:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        _ = parts and parts.port  # read here, since only reading tells that it is no number
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        faults.add(name, value, "give a URL such as 'https://ACCOUNT.REGION.batch.azure.com'")
    elif parts.scheme == "http" and not _is_loopback(parts.hostname):
        faults.add(name, value, "use https; plain http is for the local stack on 127.0.0.1 only")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _check_key(faults: Faults, name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        faults.add(name, value, "give the account's key")
    elif not _BASE64.fullmatch(value) or len(value) % 4:
        faults.add(name, value, "give the account's key as the portal shows it (base64 text)")


@dataclass(frozen=True, kw_only=True)
class SharedKeyConfiguration(ConfigModel):
    """Sign in with account keys.

    :param batch_account_name: name of the Batch account.
    :param batch_account_key: its key, base64.
    :param batch_service_url: its endpoint, e.g. ``https://name.westeurope.batch.azure.com``.
    :param storage_account_name: name of the storage account.
    :param storage_account_key: its key, base64.
    :param storage_account_suffix: domain of the storage service, default ``core.windows.net``.
    :param storage_service_url: the blob endpoint as a whole, where name and suffix do not give it (Azurite,
        private endpoints); default none.
    """

    _secret_fields: ClassVar[tuple[str, ...]] = ("batch_account_key", "storage_account_key")

    batch_account_name: str
    batch_account_key: str = field(repr=False)
    batch_service_url: str
    storage_account_name: str
    storage_account_key: str = field(repr=False)
    storage_account_suffix: str = "core.windows.net"
    storage_service_url: str | None = None

    def __post_init__(self) -> None:
        faults = self._faults()
        faults.require("batch_account_name", self.batch_account_name, "give the name of the Batch account")
        faults.require("storage_account_name", self.storage_account_name, "give the name of the storage account")
        faults.require("storage_account_suffix", self.storage_account_suffix, "give e.g. 'core.windows.net'")
        _check_url(faults, "batch_service_url", self.batch_service_url)
        _check_key(faults, "batch_account_key", self.batch_account_key)
        _check_key(faults, "storage_account_key", self.storage_account_key)
        if self.storage_service_url is not None:
            _check_url(faults, "storage_service_url", self.storage_service_url)
        faults.raise_if_any()

    @property
    def blob_endpoint(self) -> str:
        """The URL of the blob service, without a slash at its end."""
        url = self.storage_service_url or f"https://{self.storage_account_name}.blob.{self.storage_account_suffix}"
        return url.rstrip("/")


@dataclass(frozen=True, kw_only=True)
class ServicePrincipalConfiguration(ConfigModel):
    """Sign in with Microsoft Entra ID, as a service principal or as whoever runs this process.

    :param tenant_id: the directory; with ``client_id`` and ``credential`` a service principal. All three left out:
        :class:`azure.identity.DefaultAzureCredential` (managed identity, workload identity, az login).
    :param client_id: the application's id; alone, the id of a user-assigned managed identity.
    :param credential: the application's secret.
    :param batch_account_resource_id: ARM id of the Batch account; its endpoint is looked up by it.
    :param storage_account_resource_id: ARM id of the storage account; its endpoint is looked up by it.
    :param batch_service_url: the Batch endpoint, which saves the look-up; default none.
    :param storage_service_url: the blob endpoint, which saves the look-up; default none.
    """

    _secret_fields: ClassVar[tuple[str, ...]] = ("credential",)

    tenant_id: str | None = None
    client_id: str | None = None
    credential: str | None = field(default=None, repr=False)
    batch_account_resource_id: str
    storage_account_resource_id: str
    batch_service_url: str | None = None
    storage_service_url: str | None = None

    def __post_init__(self) -> None:
        faults = self._faults()
        if self.credential or self.tenant_id:
            for name in ("tenant_id", "client_id", "credential"):
                faults.require(
                    name, getattr(self, name), "a service principal needs tenant_id, client_id and credential"
                )
        for name in ("batch_account_resource_id", "storage_account_resource_id"):
            if not account_of(str(getattr(self, name))):
                faults.add(
                    name,
                    getattr(self, name),
                    "give the ARM id /subscriptions/../resourceGroups/../providers/../ACCOUNT",
                )
        for name in ("batch_service_url", "storage_service_url"):
            if getattr(self, name) is not None:
                _check_url(faults, name, getattr(self, name))
        faults.raise_if_any()

    @property
    def batch_account_name(self) -> str:
        """The Batch account's name."""
        return account_of(self.batch_account_resource_id)

    @property
    def storage_account_name(self) -> str:
        """The storage account's name."""
        return account_of(self.storage_account_resource_id)


@dataclass(frozen=True, kw_only=True)
class DockerConfiguration(ConfigModel):
    """A private registry for the cluster's image.

    :param endpoint: the registry's server, default ``docker.io``.
    :param username: user name.
    :param password: password.
    """

    _secret_fields: ClassVar[tuple[str, ...]] = ("password",)

    endpoint: str = "docker.io"
    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        faults = self._faults()
        for name in ("endpoint", "username", "password"):
            faults.require(name, getattr(self, name))
        faults.raise_if_any()


@dataclass(frozen=True, kw_only=True)
class SecretsConfiguration(ConfigModel):
    """All credentials: exactly one of ``shared_key`` and ``service_principal``, and what may come with it.

    :param shared_key: sign in with account keys.
    :param service_principal: sign in with Entra ID.
    :param docker: a private registry; default none.
    :param ssh_pub_key: public key for :meth:`Client.create_user`, the key itself; default that of ``ssh_priv_key``.
    :param ssh_priv_key: private key without a passphrase, the key itself or a path to it, of which only the public
        half is ever used; default none.
    """

    _nested: ClassVar[Mapping[str, type[ConfigModel]]] = {
        "shared_key": SharedKeyConfiguration,
        "service_principal": ServicePrincipalConfiguration,
        "docker": DockerConfiguration,
    }
    _secret_fields: ClassVar[tuple[str, ...]] = ("ssh_priv_key", "shared_key", "service_principal", "docker")

    shared_key: SharedKeyConfiguration | None = None
    service_principal: ServicePrincipalConfiguration | None = None
    docker: DockerConfiguration | None = None
    ssh_pub_key: str | None = None
    ssh_priv_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        faults = self._faults()
        if not faults.found and (self.shared_key is None) == (self.service_principal is None):
            given = "both" if self.shared_key else "neither"
            faults.add("shared_key, service_principal", given, "give exactly one of the two")
        faults.raise_if_any()

    @property
    def account_key(self) -> str:
        """A name for the account, safe to log and to share a poll by."""
        account: Any = self.shared_key or self.service_principal
        return f"{account.batch_account_name}|{account.storage_account_name}"

    def secret_values(self) -> list[str]:
        """Give every secret in here, so that a caller can mask them in its logs."""
        holders: tuple[tuple[Any, str], ...] = (
            (self.shared_key, "batch_account_key"),
            (self.shared_key, "storage_account_key"),
            (self.service_principal, "credential"),
            (self.docker, "password"),
            (self, "ssh_priv_key"),
        )
        return [value for holder, name in holders if holder is not None and (value := getattr(holder, name))]
