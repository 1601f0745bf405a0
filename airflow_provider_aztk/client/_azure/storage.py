"""Azure Blob Storage over the official SDK: one container for each cluster, and its SAS."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from airflow_provider_aztk.client._azure.blocks import BLOCK_SIZE, SIDE_BY_SIDE, Block, Content, Progress
from airflow_provider_aztk.client._azure.clock import ServiceClock, parse_date
from airflow_provider_aztk.client._azure.errors import STORAGE
from airflow_provider_aztk.client._azure.retries import NO_RETRIES, Retries, retried
from airflow_provider_aztk.client._azure.transport import CONNECT_TIMEOUT, READ_TIMEOUT, WholeAnswerTransport
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_aztk.client._azure.credentials import Accounts

#: learn.microsoft.com/rest/api/storageservices/get-user-delegation-key: a key, and what it signed, live 7 days.
MAX_DELEGATED_SAS = timedelta(days=7)
#: Clocks differ a little: a delegation key that should live exactly 7 days might be refused.
DELEGATED_SAS_MARGIN = timedelta(minutes=15)
READ_CHUNK = 4 * 1024 * 1024

#: A download is read in ranges that fit the memory, each of which is asked for again by itself.
_OPTIONS: dict[str, Any] = {
    "connection_timeout": CONNECT_TIMEOUT,
    "read_timeout": READ_TIMEOUT,
    "max_single_get_size": READ_CHUNK,
    "max_chunk_get_size": READ_CHUNK,
    **NO_RETRIES,
}

T = TypeVar("T")


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


def is_there(error: ServiceError) -> bool:
    """Return whether a blob was not written because there is one.

    Only a commit takes uncommitted blocks away: where ours are gone, a rival has made the blob.
    """
    return error.code in ("BlobAlreadyExists", "InvalidBlockList") or error.status == 412


def commit_blocks(blob: Any, ids: list[str], *, overwrite: bool) -> Any:
    """Ask for the request that makes a blob of its blocks, in their order: at once, or not at all."""
    from azure.core import MatchConditions
    from azure.storage.blob import BlobBlock

    condition = {} if overwrite else {"match_condition": MatchConditions.IfMissing}
    return blob.commit_block_list([BlobBlock(block_id=id) for id in ids], **condition)


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
    :param clock: hears the service's time.
    :param retries: how patient to be.
    """

    def __init__(
        self, accounts: Accounts, token: Any = None, clock: ServiceClock | None = None, retries: Retries | None = None
    ) -> None:
        from azure.storage.blob import BlobServiceClient

        self._accounts = accounts
        self._clock = clock or ServiceClock()
        self._retries = retries or Retries()
        transport = WholeAnswerTransport(accounts.blob_url, self._clock)
        options = {"transport": transport, **storage_options()}
        self._service = BlobServiceClient(accounts.blob_url, storage_credential(accounts, token), **options)

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def _run(self, request: Callable[[], T]) -> T:
        return retried(STORAGE, self._accounts.storage_name, self._retries, request)

    @property
    def delegated(self) -> bool:
        """Whether a SAS is signed by Entra ID, and so lives 7 days at most."""
        return self._accounts.storage_key is None

    def sas_url(self, container: str, lifetime: timedelta) -> str:
        """Sign the URL of a container for this long (see :func:`sas_url`)."""
        now = self._clock.now()
        if not self.delegated:
            return sas_url(self._accounts, container, now + lifetime)
        expiry = now + min(lifetime, MAX_DELEGATED_SAS - DELEGATED_SAS_MARGIN)
        key = self._run(lambda: self._service.get_user_delegation_key(now - DELEGATED_SAS_MARGIN, expiry))
        return sas_url(self._accounts, container, expiry, delegation_key=key)

    def create_container(self, container: str, metadata: dict[str, str]) -> bool:
        """Make a container; False where it existed already."""
        try:
            self._run(lambda: self._service.create_container(container, metadata=metadata))
        except ServiceError as error:
            if error.code == "ContainerAlreadyExists":
                return False
            raise
        return True

    def container_metadata(self, container: str) -> tuple[dict[str, str], timedelta]:
        """Return a container's metadata and how long ago they were written, by the service's clock alone."""
        dates: list[str | None] = []

        def hear(response: Any) -> None:
            dates.append(response.http_response.headers.get("Date"))

        client = self._service.get_container_client(container)
        found = self._run(lambda: client.get_container_properties(raw_response_hook=hear))
        now = parse_date(dates[-1]) or self._clock.now()
        return dict(found.metadata or {}), now - found.last_modified

    def set_container_metadata(self, container: str, metadata: dict[str, str]) -> None:
        """Write a container's metadata anew."""
        client = self._service.get_container_client(container)
        self._run(lambda: client.set_container_metadata(metadata))

    def delete_container(self, container: str) -> bool:
        """Delete a container with all in it; False where it was gone or going."""
        try:
            self._run(lambda: self._service.delete_container(container))
        except ServiceError as error:
            if is_missing(error):
                return False
            raise
        return True

    def put(
        self,
        container: str,
        name: str,
        data: bytes | str | Path,
        *,
        overwrite: bool = True,
        sha256: str | None = None,
    ) -> bool:
        """Write a blob; False where it exists and ``overwrite`` is not wanted.

        :param sha256: refuse a file that does not have this hash any more.
        """
        content = Content(data, sha256)
        blob = self._service.get_blob_client(container, name)
        try:
            if content.size > BLOCK_SIZE:
                if not overwrite and self.exists(container, name):
                    return False
                self._put_blocks(blob, content, overwrite=overwrite)
            else:
                body = content.whole()
                self._run(lambda: blob.upload_blob(body, overwrite=overwrite))
        except ServiceError as error:
            if not overwrite and is_there(error):
                return False
            raise
        return True

    def _put_blocks(self, blob: Any, content: Content, *, overwrite: bool) -> None:
        progress = Progress(content.name, content.size)
        ids: list[str] = []
        under_way: deque[Future[int]] = deque()
        pool = ThreadPoolExecutor(max_workers=SIDE_BY_SIDE)
        try:
            for block in content.blocks():
                ids.append(block.id)
                if len(under_way) > SIDE_BY_SIDE:  # no more of it in memory
                    progress.add(under_way.popleft().result())
                under_way.append(pool.submit(self._stage, blob, block))
            for sent in under_way:
                progress.add(sent.result())
        finally:
            pool.shutdown(cancel_futures=True)
        content.check()
        self._run(lambda: commit_blocks(blob, ids, overwrite=overwrite))
        progress.end()

    def _stage(self, blob: Any, block: Block) -> int:
        self._run(lambda: blob.stage_block(block.id, block.data, length=len(block.data)))
        return len(block.data)

    def exists(self, container: str, name: str) -> bool:
        """Return whether a blob exists."""
        blob = self._service.get_blob_client(container, name)
        return self._run(lambda: bool(blob.exists()))

    def get(self, container: str, name: str) -> bytes | None:
        """Read a whole small blob; None where it does not exist."""
        blob = self._service.get_blob_client(container, name)
        try:
            data: bytes = self._run(lambda: blob.download_blob(max_concurrency=1).readall())
        except ServiceError as error:
            if is_missing(error):
                return None
            raise
        return data

    def get_range(self, container: str, name: str, offset: int, length: int) -> Range | None:
        """Read some bytes of a blob in one request; None where it does not exist.

        At or behind the blob's end there are no bytes, and no error.
        """
        blob = self._service.get_blob_client(container, name)

        def read() -> Range:
            stream = blob.download_blob(offset=offset, length=min(length, READ_CHUNK), max_concurrency=1)
            return Range(stream.readall(), total_size(stream.properties))

        try:
            return self._run(read)
        except ServiceError as error:
            if error.status == 416:
                return Range(b"", offset)
            if is_missing(error):
                return None
            raise

    def names(self, container: str, prefix: str = "") -> Iterator[str]:
        """List the names of blobs; a page that breaks is asked for again, and not those before it."""
        client = self._service.get_container_client(container)
        marker: str | None = None
        while True:
            page, marker = self._run(partial(self._names_page, client, prefix, marker))
            yield from page
            if not marker:
                return

    @staticmethod
    def _names_page(client: Any, prefix: str, marker: str | None) -> tuple[list[str], str | None]:
        options = {"name_starts_with": prefix} if prefix else {}
        pages = client.list_blob_names(**options).by_page(continuation_token=marker)
        page = [str(name) for name in next(pages, ())]
        return page, pages.continuation_token or None

    def delete(self, container: str, names: list[str]) -> None:
        """Delete blobs; one that is gone is fine, and one that cannot be deleted does not keep the others."""
        client = self._service.get_container_client(container)
        failed: ServiceError | None = None
        for name in names:
            try:
                self._run(partial(client.delete_blob, name))
            except ServiceError as error:
                failed = failed or (None if is_missing(error) else error)
        if failed is not None:
            raise failed

    def first_container(self) -> None:
        """Ask for one container: the cheapest proof that the credential works."""
        self._run(lambda: next(iter(self._service.list_containers(results_per_page=1)), None))
