"""The signed URL (SAS) of a cluster's container: the one credential that a node gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure.storage import Calls, StorageRequest

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_aztk.client._azure.credentials import Accounts
    from airflow_provider_aztk.client._azure.storage import Service

#: learn.microsoft.com/rest/api/storageservices/get-user-delegation-key: a key, and what it signed, live 7 days.
MAX_DELEGATED_SAS = timedelta(days=7)
#: Clocks differ a little, so a SAS and its key begin before now; the whole interval counts for the limits.
DELEGATED_SAS_MARGIN = timedelta(minutes=15)


@dataclass(frozen=True)
class SasIsDelegated(StorageRequest[bool]):
    """Ask whether a SAS is signed by Entra ID, and so lives 7 days at most; no request is sent."""

    def calls(self, service: Service) -> Calls[bool]:
        yield from ()
        return service.accounts.storage_key is None


@dataclass(frozen=True)
class SasUrl(StorageRequest[str]):
    """Sign the URL of a container for some time (see :func:`sas_url`)."""

    container: str
    lifetime: timedelta

    def calls(self, service: Service) -> Calls[str]:
        now = service.clock.now()
        start = now - DELEGATED_SAS_MARGIN
        if service.accounts.storage_key is not None:
            return sas_url(service.accounts, self.container, now + self.lifetime, start=start)
        expiry = now + min(self.lifetime, MAX_DELEGATED_SAS - DELEGATED_SAS_MARGIN)
        key = yield service.client.get_user_delegation_key(start, expiry)
        return sas_url(service.accounts, self.container, expiry, start=start, delegation_key=key)


def sas_url(
    accounts: Accounts, container: str, expiry: datetime, *, start: datetime | None = None, delegation_key: Any = None
) -> str:
    """Sign the URL of a container: read, list, add, create and write, but no delete.

    :param start: when it begins. An account with a SAS policy wants to know
        (learn.microsoft.com/azure/storage/common/sas-expiration-policy).
    """
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    token = generate_container_sas(
        accounts.storage_name,
        container,
        account_key=accounts.storage_key,
        user_delegation_key=delegation_key,
        permission=ContainerSasPermissions(read=True, list=True, add=True, create=True, write=True),
        start=start,
        expiry=expiry,
        protocol="https" if accounts.blob_url.startswith("https:") else "https,http",
    )
    return f"{accounts.blob_url}/{container}?{token}"
