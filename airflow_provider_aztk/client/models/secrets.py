"""The credentials of the client: Batch, Storage, Docker registry and SSH."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, WrapValidator

from airflow_provider_aztk.client._clouds import CLOUDS, Cloud, cloud_by_name, cloud_of_url, first_cloud
from airflow_provider_aztk.client._loopback import is_loopback
from airflow_provider_aztk.client.models._base import ConfigModel
from airflow_provider_aztk.client.models._types import REQUIRED, Duration, NonEmpty, Text, Trimmed, Url, fitting, fix

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models._faults import Faults

__all__ = [
    "DockerConfiguration",
    "SecretsConfiguration",
    "ServicePrincipalConfiguration",
    "SharedKeyConfiguration",
]

#: Minutes are usual for a job with an auto-pool of container nodes.
DEFAULT_DELETION_TIMEOUT = timedelta(minutes=15)
SHORTEST_SAS = timedelta(hours=1)
_RESOURCE_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.(Batch|Storage)/\w+Accounts/(?P<name>[^/]+)/?",
    re.I,
)
# learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
_BATCH_FIX = "give the account's name alone: lower-case letters and digits, at most 24"
_NAME = re.compile(r"[a-z0-9]{1,24}")
_STORAGE_FIX = "give the account's name alone, without a domain: lower-case letters and digits, at most 24"
# A whole model whose wrong value is not shown: it may be a key at the wrong place.
_SECRET = {"secret": True}
_STORAGE_SERVICES = ("blob", "dfs", "file", "queue", "table")
_BATCH_URL = "'https://ACCOUNT.REGION.batch.azure.com'"
_BLOB_URL = "'https://ACCOUNT.blob.core.windows.net'"
_EXAMPLES = {
    "batch_service_url": _BATCH_URL,
    "storage_service_url": _BLOB_URL,
    "resource_manager_url": "'https://management.azure.com'",
}
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_BASE64 = re.compile(r"(?=(.{4})+$)[A-Za-z0-9+/]+={0,2}")


def account_of(resource_id: str) -> str:
    """Read an account's name out of its ARM resource id.

    :param resource_id: ``/subscriptions/.../resourceGroups/.../providers/Microsoft.Batch/batchAccounts/NAME``.
    """
    match = _RESOURCE_ID.fullmatch(resource_id)
    return match["name"] if match else ""


def _check_suffix(faults: Faults, value: str) -> None:
    name, fix = "storage_account_suffix", "give the domain alone, such as 'core.windows.net'"
    before, *behind = value.lower().split(".")
    of_azure = cloud_of_url(value) is not None and bool({"web", "storage", *_STORAGE_SERVICES} & {before, *behind})
    if before in _STORAGE_SERVICES:
        faults.add(name, value, f"leave {before + '.'!r} out: it is put before the domain")
    elif of_azure or "blob" in behind:  # the domain of one account, or of a DNS zone
        faults.add(name, value, f"{fix}; or the whole address as storage_service_url")
    elif not _DOMAIN.fullmatch(value):
        faults.add(name, value, fix)


def _check_url(faults: Faults, name: str, value: str) -> None:
    is_storage = name == "storage_service_url"
    of_azure = cloud_of_url(value) is not None
    try:
        parts: SplitResult | None = urlsplit(value)
        _ = parts and parts.port  # read here, since only reading tells that it is no number
    except ValueError:
        parts = None
    if parts is None or parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        faults.add(name, value, f"give a URL such as {_EXAMPLES[name]}")
    elif parts.scheme == "http" and not is_loopback(parts.hostname):
        faults.add(name, value, "use https; plain http is for the local stack on 127.0.0.1 only")
    elif is_storage and of_azure and "blob" not in parts.hostname.lower().split("."):
        faults.add(name, value, f"give the address of the blob service, such as {_BLOB_URL}")
    elif _more_than_host(parts, path_counts=of_azure or not is_storage):  # Azurite has the account in the path
        fix = "give the address of the account alone, without a path, a query or a user"
        faults.add(name, f"https://{parts.hostname}/...", fix)


def _more_than_host(parts: SplitResult, *, path_counts: bool) -> bool:
    more = parts.query or parts.fragment or parts.username is not None
    return bool(more or (path_counts and parts.path.strip("/")))


def _check_cloud(faults: Faults, name: str | None, endpoints: Mapping[str, str | None]) -> None:
    """Check that the setting and all endpoints are of one cloud."""
    cloud = cloud_by_name(name)
    if name is not None and cloud is None:
        faults.add("cloud_environment", name, "use one of " + ", ".join(repr(known.name) for known in CLOUDS))
        return
    source = "cloud_environment"
    for field_name, url in endpoints.items():
        found = cloud_of_url(url) if isinstance(url, str) else None
        if found is not None and cloud is not None and found is not cloud:
            fix = f"it is of {found.name}, and {source} of {cloud.name}: give endpoints of one cloud"
            faults.add(field_name, url, fix)
        elif found is not None and cloud is None:
            cloud, source = found, field_name


BatchName = Annotated[Trimmed, fitting(_NAME.fullmatch, _BATCH_FIX, missing="give the name of the Batch account")]
StorageName = Annotated[Trimmed, fitting(_NAME.fullmatch, _STORAGE_FIX, missing="give the name of the storage account")]
Key = Annotated[
    Trimmed,
    fitting(
        _BASE64.fullmatch,
        "give the account's key as the portal shows it (base64 text)",
        missing="give the account's key",
    ),
]
CloudName = Annotated[Trimmed, Field(json_schema_extra={"examples": [cloud.name for cloud in CLOUDS]})]


@dataclass(frozen=True)
class SharedKeyConfiguration(ConfigModel):
    """Sign in with account keys.

    :param batch_account_name: name of the Batch account.
    :param batch_account_key: its key, base64.
    :param batch_service_url: its endpoint, e.g. ``https://name.westeurope.batch.azure.com``.
    :param storage_account_name: name of the storage account.
    :param storage_account_key: its key, base64.
    :param storage_account_suffix: domain of the storage service, default that of the cloud, ``core.windows.net`` in
        the public one.
    :param storage_service_url: the blob endpoint as a whole, where name and suffix do not give it (Azurite,
        private endpoints).
    :param cloud_environment: ``AzurePublicCloud``, ``AzureChinaCloud`` or ``AzureUSGovernment``; default that of the
        endpoints.
    """

    batch_account_name: BatchName
    batch_account_key: Key = field(repr=False)
    batch_service_url: Annotated[Url, fix(f"give a URL such as {_BATCH_URL}")]
    storage_account_name: StorageName
    storage_account_key: Key = field(repr=False)
    storage_account_suffix: Trimmed | None = None
    _: KW_ONLY
    storage_service_url: Url | None = None
    cloud_environment: CloudName | None = None

    def _check(self, faults: Faults) -> None:
        if self.storage_account_suffix is not None:
            _check_suffix(faults, self.storage_account_suffix)
        _check_url(faults, "batch_service_url", self.batch_service_url)
        if self.storage_service_url is not None:
            _check_url(faults, "storage_service_url", self.storage_service_url)
        storage = "storage_service_url" if self.storage_service_url else "storage_account_suffix"
        endpoints = {"batch_service_url": self.batch_service_url, storage: getattr(self, storage)}
        _check_cloud(faults, self.cloud_environment, endpoints)

    @property
    def cloud(self) -> Cloud:
        """The cloud that the accounts are in."""
        urls = (self.batch_service_url, self.storage_service_url or self.storage_account_suffix)
        return first_cloud(self.cloud_environment, urls)

    @property
    def blob_endpoint(self) -> str:
        """The URL of the blob service, without a slash at its end."""
        suffix = self.storage_account_suffix or self.cloud.storage_suffix
        url = self.storage_service_url or f"https://{self.storage_account_name}.blob.{suffix}"
        return url.rstrip("/")


def _resource(kind: str) -> WrapValidator:
    """Take the ARM id of an account."""
    provider = f"/providers/Microsoft.{kind}/{kind.lower()}Accounts/"
    return fitting(
        lambda value: account_of(value) and provider.lower() in value.lower(),
        f"give the ARM id /subscriptions/../resourceGroups/..{provider}ACCOUNT",
    )


@dataclass(frozen=True)
class ServicePrincipalConfiguration(ConfigModel):
    """Sign in with Microsoft Entra ID, as a service principal or as the user who runs this process.

    :param tenant_id: the directory; with ``client_id`` and ``credential`` a service principal. All three left out:
        :class:`azure.identity.DefaultAzureCredential` (managed identity, workload identity, az login).
    :param client_id: the application's id; alone, the id of a user-assigned managed identity.
    :param credential: the application's secret.
    :param batch_account_resource_id: ARM id of the Batch account; its endpoint is looked up by it.
    :param storage_account_resource_id: ARM id of the storage account; its endpoint is looked up by it.
    :param batch_service_url: the Batch endpoint, which saves the look-up.
    :param storage_service_url: the blob endpoint, which saves the look-up.
    :param resource_manager_url: Azure Resource Manager, where endpoints are looked up; default that of the cloud.
    :param cloud_environment: ``AzurePublicCloud``, ``AzureChinaCloud`` or ``AzureUSGovernment``: where to sign in and
        to look up; default the cloud of the endpoints, and where there are none that of ``AZURE_AUTHORITY_HOST``.
    """

    tenant_id: Trimmed | None = None
    client_id: Trimmed | None = None
    credential: Trimmed | None = field(default=None, repr=False)
    batch_account_resource_id: Annotated[Trimmed, _resource("Batch")] = REQUIRED
    storage_account_resource_id: Annotated[Trimmed, _resource("Storage")] = REQUIRED
    _: KW_ONLY
    batch_service_url: Url | None = None
    storage_service_url: Url | None = None
    resource_manager_url: Url | None = None
    cloud_environment: CloudName | None = None

    def _check(self, faults: Faults) -> None:
        if self.credential or self.tenant_id:
            for name in ("tenant_id", "client_id", "credential"):
                if not getattr(self, name):
                    fix = "a service principal needs tenant_id, client_id and credential"
                    faults.add(name, getattr(self, name), fix)
        endpoints = {
            name: getattr(self, name) for name in ("batch_service_url", "storage_service_url", "resource_manager_url")
        }
        for name, url in endpoints.items():
            if url is not None:
                _check_url(faults, name, url)
        _check_cloud(faults, self.cloud_environment, endpoints)

    @property
    def cloud(self) -> Cloud:
        """The cloud that the accounts are in, which says where to sign in and for what."""
        urls = (self.batch_service_url, self.storage_service_url, self.resource_manager_url)
        return first_cloud(self.cloud_environment, urls)

    @property
    def batch_account_name(self) -> str:
        """The Batch account's name."""
        return account_of(self.batch_account_resource_id)

    @property
    def storage_account_name(self) -> str:
        """The storage account's name."""
        return account_of(self.storage_account_resource_id)


@dataclass(frozen=True)
class DockerConfiguration(ConfigModel):
    """A private registry for the cluster's image.

    :param endpoint: the registry's server.
    :param username: user name.
    :param password: password.
    """

    endpoint: NonEmpty = "docker.io"
    username: NonEmpty = REQUIRED
    password: NonEmpty = field(default=REQUIRED, repr=False)


@dataclass(frozen=True)
class SecretsConfiguration(ConfigModel):
    """All credentials: exactly one of ``shared_key`` and ``service_principal``, and what may come with it.

    :param shared_key: sign in with account keys.
    :param service_principal: sign in with Entra ID.
    :param docker: a private registry.
    :param ssh_pub_key: public key for :meth:`Client.create_user`, the key itself; default that of ``ssh_priv_key``.
    :param ssh_priv_key: private key without a passphrase, the key itself or a path to it, of which only the public
        half is ever used.
    :param sas_lifetime: how long a SAS of a cluster's container may be valid, for a storage account whose SAS policy
        blocks longer ones; a cluster needs a shorter ``max_lifetime`` then.
    :param deletion_timeout: how long to wait for the deletion of an earlier cluster or job of the same id.
    """

    schema_extra: ClassVar[Mapping[str, Any]] = {
        "anyOf": [
            {"required": [name], "properties": {name: {"type": "object"}}}
            for name in ("shared_key", "service_principal")
        ]
    }

    service_principal: ServicePrincipalConfiguration | None = field(default=None, metadata=_SECRET)
    shared_key: SharedKeyConfiguration | None = field(default=None, metadata=_SECRET)
    docker: DockerConfiguration | None = field(default=None, metadata=_SECRET)
    ssh_pub_key: Text | None = None
    ssh_priv_key: Text | None = field(default=None, repr=False)
    sas_lifetime: Duration | None = None
    deletion_timeout: Duration = DEFAULT_DELETION_TIMEOUT

    def _check(self, faults: Faults) -> None:
        if not faults.found and (self.shared_key is None) == (self.service_principal is None):
            given = "both" if self.shared_key else "neither"
            faults.add("shared_key, service_principal", given, "give exactly one of the two")
        if self.sas_lifetime is not None and self.sas_lifetime < SHORTEST_SAS:
            faults.add("sas_lifetime", str(self.sas_lifetime), "give at least one hour: no cluster lives shorter")

    @property
    def account_key(self) -> str:
        """A name for the account, safe to log and to share a poll by."""
        account: Any = self.shared_key or self.service_principal
        return f"{account.batch_account_name}|{account.storage_account_name}"
