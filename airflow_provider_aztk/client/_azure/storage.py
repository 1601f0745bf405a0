"""Azure Blob Storage over the official SDK: one container for each cluster, and its SAS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_aztk.client._azure.errors import STORAGE, azure_errors
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.client._azure.credentials import Accounts

#: learn.microsoft.com/rest/api/storageservices/get-user-delegation-key: a key, and what it signed, live 7 days.
MAX_DELEGATED_SAS = timedelta(days=7)
#: Clocks differ a little: a delegation key that should live exactly 7 days might be refused.
DELEGATED_SAS_MARGIN = timedelta(minutes=15)
READ_CHUNK = 4 * 1024 * 1024

_OPTIONS: dict[str, Any] = {"connection_timeout": 10, "read_timeout": 60, "retry_total": 5}


class Range(NamedTuple):
    """Some bytes of a blob, and the size of the whole blob when they were read."""

    data: bytes
    total: int


def storage_options() -> dict[str, Any]:
    """Options that the sync and the async client share."""
    return dict(_OPTIONS)


def storage_credential(accounts: Accounts, token: Any) -> Any:
    """Choose between the account key and a token."""
    if accounts.storage_key is None:
        return token
    return {"account_name": accounts.storage_name, "account_key": accounts.storage_key}


def total_size(properties: Any) -> int:
    """Read the size of a whole blob of which a part was read: the SDK's ``size`` is that of the part."""
    return int(str(properties.content_range).rpartition("/")[2])


def is_missing(error: ServiceError) -> bool:
    """Tell whether blob or container do not exist (any more)."""
    return error.status == 404 or error.code == "ContainerBeingDeleted"


def sas_url(accounts: Accounts, container: str, expiry: datetime, *, delegation_key: Any = None) -> str:
    """Sign the URL of a container: read, list, add, create and write, but no delete."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    token = generate_container_sas(
        accounts.storage_name,
        container,
        account_key=accounts.storage_key,
        user_delegation_key=delegation_key,
        permission=ContainerSasPermissions(read=True, list=True, add=True, create=True, write=True),
        expiry=expiry,
        protocol="https" if accounts.blob_url.startswith("https:") else "https,http",
    )
    return f"{accounts.blob_url}/{container}?{token}"


class StorageGateway:
    """One storage account.

    :param accounts: where it is.
    :param token: an azure-identity credential, used when there is no key.
    """

    def __init__(self, accounts: Accounts, token: Any = None) -> None:
        from azure.storage.blob import BlobServiceClient

        self._accounts = accounts
        self._service = BlobServiceClient(accounts.blob_url, storage_credential(accounts, token), **storage_options())

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def _errors(self) -> Any:
        return azure_errors(STORAGE, self._accounts.storage_name)

    @property
    def delegated(self) -> bool:
        """Whether a SAS is signed by Entra ID, and so lives 7 days at most."""
        return self._accounts.storage_key is None

    def sas_url(self, container: str, lifetime: timedelta) -> str:
        """Sign the URL of a container for this long (see :func:`sas_url`)."""
        now = datetime.now(UTC)
        if not self.delegated:
            return sas_url(self._accounts, container, now + lifetime)
        expiry = now + min(lifetime, MAX_DELEGATED_SAS - DELEGATED_SAS_MARGIN)
        with self._errors():
            key = self._service.get_user_delegation_key(now - DELEGATED_SAS_MARGIN, expiry)
        return sas_url(self._accounts, container, expiry, delegation_key=key)

    def create_container(self, container: str, metadata: dict[str, str]) -> bool:
        """Make a container; False where it existed already."""
        try:
            with self._errors():
                self._service.create_container(container, metadata=metadata)
        except ServiceError as error:
            if error.code == "ContainerAlreadyExists":
                return False
            raise
        return True

    def container_metadata(self, container: str) -> tuple[dict[str, str], timedelta]:
        """Give a container's metadata and how long ago they were written."""
        with self._errors():
            found = self._service.get_container_client(container).get_container_properties()
        return dict(found.metadata or {}), datetime.now(UTC) - found.last_modified

    def set_container_metadata(self, container: str, metadata: dict[str, str]) -> None:
        """Write a container's metadata anew."""
        with self._errors():
            self._service.get_container_client(container).set_container_metadata(metadata)

    def delete_container(self, container: str) -> bool:
        """Delete a container with all in it; False where it was gone or going."""
        try:
            with self._errors():
                self._service.delete_container(container)
        except ServiceError as error:
            if is_missing(error) or error.code == "ContainerBeingDeleted":
                return False
            raise
        return True

    def put(self, container: str, name: str, data: bytes | str | Path, *, overwrite: bool = True) -> bool:
        """Write a blob; False where it exists and ``overwrite`` is not wanted."""
        blob = self._service.get_blob_client(container, name)
        try:
            with self._errors():
                if isinstance(data, Path):
                    with data.open("rb") as stream:
                        blob.upload_blob(stream, overwrite=overwrite)
                else:
                    blob.upload_blob(data, overwrite=overwrite)
        except ServiceError as error:
            if error.code == "BlobAlreadyExists" and not overwrite:
                return False
            raise
        return True

    def exists(self, container: str, name: str) -> bool:
        """Tell whether a blob exists."""
        with self._errors():
            return bool(self._service.get_blob_client(container, name).exists())

    def get(self, container: str, name: str) -> bytes | None:
        """Read a whole small blob; None where it does not exist."""
        try:
            with self._errors():
                data: bytes = self._service.get_blob_client(container, name).download_blob().readall()
        except ServiceError as error:
            if is_missing(error):
                return None
            raise
        return data

    def get_range(self, container: str, name: str, offset: int, length: int) -> Range | None:
        """Read some bytes of a blob in one request; None where it does not exist.

        At or behind the blob's end there are no bytes, and no error.
        """
        try:
            with self._errors():
                blob = self._service.get_blob_client(container, name)
                stream = blob.download_blob(offset=offset, length=min(length, READ_CHUNK), max_concurrency=1)
                return Range(stream.readall(), total_size(stream.properties))
        except ServiceError as error:
            if error.status == 416:
                return Range(b"", offset)
            if is_missing(error):
                return None
            raise

    def names(self, container: str, prefix: str = "") -> Iterator[str]:
        """List the names of blobs."""
        with self._errors():
            for blob in self._service.get_container_client(container).list_blob_names(name_starts_with=prefix or None):
                yield str(blob)

    def delete(self, container: str, names: list[str]) -> None:
        """Delete blobs; one that is gone is fine."""
        client = self._service.get_container_client(container)
        for name in names:
            try:
                with self._errors():
                    client.delete_blob(name)
            except ServiceError as error:
                if not is_missing(error):
                    raise

    def first_container(self) -> None:
        """Ask for one container: the cheapest proof that the credential works."""
        with self._errors():
            next(iter(self._service.list_containers(results_per_page=1)), None)
