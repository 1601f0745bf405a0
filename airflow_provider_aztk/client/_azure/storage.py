"""Requests to Azure Blob Storage, each described once for sync and async: one container for each cluster, and its SAS.

A request says which methods of the official SDK it calls. The SDK's sync and async clients have the same methods; those
of the async one are awaited: so :meth:`StorageRequest.calls` yields what a method returns and gets its result.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._azure.blocks import BLOCK_SIZE, SIDE_BY_SIDE, Block, Content, Progress
from airflow_provider_aztk.client._azure.clock import parse_date
from airflow_provider_aztk.client._requests import Action, LocalWork, Request, SideBySide
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_aztk.client._azure.clock import ServiceClock
    from airflow_provider_aztk.client._azure.credentials import Accounts

R = TypeVar("R")

#: learn.microsoft.com/rest/api/storageservices/get-user-delegation-key: a key, and what it signed, live 7 days.
MAX_DELEGATED_SAS = timedelta(days=7)
#: Clocks differ a little: a delegation key that should live exactly 7 days might be refused.
DELEGATED_SAS_MARGIN = timedelta(minutes=15)
#: The most that one request reads, in bytes.
READ_CHUNK = 4 * 1024 * 1024


class Service(Protocol):
    """What a gateway has for its requests.

    :param client: the SDK's ``BlobServiceClient``, sync or async.
    """

    client: Any
    accounts: Accounts
    clock: ServiceClock

    def next_page(self, pages: Any) -> Any:
        """Read the next page of a list of the SDK; async, as a coroutine."""


class StorageRequest(Request[R]):
    """One request."""

    def calls(self, service: Service) -> Generator[Any, Any, R]:
        """Call the SDK, and return the answer; repeated as a whole when it fails."""
        raise NotImplementedError

    def failed(self, error: ServiceError) -> R:
        """Return what an error means as an answer, or raise it."""
        raise error


class Range(NamedTuple):
    """Some bytes of a blob, and the size of the whole blob when they were read."""

    data: bytes
    total: int


def _is_missing(error: ServiceError) -> bool:
    """Return whether the blob or the container does not exist (any more)."""
    return error.status == 404 or error.code == codes.CONTAINER_BEING_DELETED


def _is_there(error: ServiceError) -> bool:
    """Return whether a blob was not written because there is one.

    Only a commit takes uncommitted blocks away: where ours are missing, somebody else has made the blob.
    """
    return error.code in (codes.BLOB_EXISTS, codes.INVALID_BLOCK_LIST) or error.status == 412


# -- containers


@dataclass(frozen=True)
class CreateContainer(StorageRequest[bool]):
    """Create a container; False where it existed already."""

    container: str
    metadata: dict[str, str]

    def calls(self, service: Service) -> Generator[Any, Any, bool]:
        yield service.client.create_container(self.container, metadata=self.metadata)
        return True

    def failed(self, error: ServiceError) -> bool:
        if error.code == codes.CONTAINER_EXISTS:
            return False
        raise error


@dataclass(frozen=True)
class ContainerMetadata(StorageRequest[tuple[Mapping[str, str], timedelta]]):
    """Read a container's metadata, and how long ago they were written, by the service's clock alone."""

    container: str

    def calls(self, service: Service) -> Generator[Any, Any, tuple[Mapping[str, str], timedelta]]:
        dates: list[str | None] = []

        def note_date(response: Any) -> None:
            dates.append(response.http_response.headers.get("Date"))

        client = service.client.get_container_client(self.container)
        found = yield client.get_container_properties(raw_response_hook=note_date)
        now = parse_date(dates[-1]) or service.clock.now()
        return dict(found.metadata or {}), now - found.last_modified


@dataclass(frozen=True)
class SetContainerMetadata(StorageRequest[None]):
    """Write a container's metadata anew."""

    container: str
    metadata: dict[str, str]

    def calls(self, service: Service) -> Generator[Any, Any, None]:
        yield service.client.get_container_client(self.container).set_container_metadata(self.metadata)


@dataclass(frozen=True)
class DeleteContainer(StorageRequest[bool]):
    """Delete a container with all in it; False where it did not exist or was being deleted."""

    container: str

    def calls(self, service: Service) -> Generator[Any, Any, bool]:
        yield service.client.delete_container(self.container)
        return True

    def failed(self, error: ServiceError) -> bool:
        if _is_missing(error):
            return False
        raise error


@dataclass(frozen=True)
class FirstContainer(StorageRequest[None]):
    """Ask for one container: the cheapest proof that the credential works."""

    def calls(self, service: Service) -> Generator[Any, Any, None]:
        yield service.next_page(service.client.list_containers(results_per_page=1).by_page())


# -- reading


@dataclass(frozen=True)
class BlobExists(StorageRequest[bool]):
    """Ask whether a blob exists."""

    container: str
    name: str

    def calls(self, service: Service) -> Generator[Any, Any, bool]:
        return bool((yield service.client.get_blob_client(self.container, self.name).exists()))


@dataclass(frozen=True)
class GetBlob(StorageRequest["bytes | None"]):
    """Read a whole small blob; None where it does not exist."""

    container: str
    name: str

    def calls(self, service: Service) -> Generator[Any, Any, bytes | None]:
        stream = yield service.client.get_blob_client(self.container, self.name).download_blob(max_concurrency=1)
        data: bytes = yield stream.readall()
        return data

    def failed(self, error: ServiceError) -> bytes | None:
        if _is_missing(error):
            return None
        raise error


@dataclass(frozen=True)
class GetRange(StorageRequest["Range | None"]):
    """Read some bytes of a blob in one request; None where it does not exist.

    At or behind the blob's end there are no bytes, and no error.
    """

    container: str
    name: str
    offset: int
    length: int

    def calls(self, service: Service) -> Generator[Any, Any, Range | None]:
        blob = service.client.get_blob_client(self.container, self.name)
        length = min(self.length, READ_CHUNK)
        stream = yield blob.download_blob(offset=self.offset, length=length, max_concurrency=1)
        data = yield stream.readall()
        # The SDK's ``size`` is that of the part.
        return Range(data, int(str(stream.properties.content_range).rpartition("/")[2]))

    def failed(self, error: ServiceError) -> Range | None:
        if error.status == 416:
            return Range(b"", self.offset)
        if _is_missing(error):
            return None
        raise error


@dataclass(frozen=True)
class BlobNamesPage(StorageRequest[tuple[list[str], "str | None"]]):
    """List names of blobs: one page, and the marker of the next one."""

    container: str
    marker: str | None = None

    def calls(self, service: Service) -> Generator[Any, Any, tuple[list[str], str | None]]:
        client = service.client.get_container_client(self.container)
        pages = client.list_blob_names().by_page(continuation_token=self.marker)
        names = yield service.next_page(pages)
        return [str(name) for name in names], pages.continuation_token or None


def blob_names(container: str) -> Action[list[str]]:
    """List the names of all blobs; a page that breaks is asked for again, and not those before it."""
    found, marker = yield from BlobNamesPage(container)
    while marker:
        names, marker = yield from BlobNamesPage(container, marker)
        found += names
    return found


# -- deleting


@dataclass(frozen=True)
class DeleteBlob(StorageRequest[None]):
    """Delete a blob; nothing happens where it does not exist."""

    container: str
    name: str

    def calls(self, service: Service) -> Generator[Any, Any, None]:
        yield service.client.get_container_client(self.container).delete_blob(self.name)

    def failed(self, error: ServiceError) -> None:
        if not _is_missing(error):
            raise error


def delete_blobs(container: str, names: list[str]) -> Action[None]:
    """Delete blobs; one that cannot be deleted does not keep the others.

    :raises ServiceError: the first error, when all have been tried.
    """
    failed: ServiceError | None = None
    for name in names:
        try:
            yield from DeleteBlob(container, name)
        except ServiceError as error:
            failed = failed or error
    if failed is not None:
        raise failed


# -- writing


@dataclass(frozen=True)
class UploadBlob(StorageRequest[None]):
    """Write a blob at once."""

    container: str
    name: str
    data: bytes = field(repr=False)
    overwrite: bool

    def calls(self, service: Service) -> Generator[Any, Any, None]:
        blob = service.client.get_blob_client(self.container, self.name)
        yield blob.upload_blob(self.data, overwrite=self.overwrite)


@dataclass(frozen=True)
class StageBlock(StorageRequest[None]):
    """Send one block of a blob (learn.microsoft.com/rest/api/storageservices/put-block)."""

    container: str
    name: str
    block: Block = field(repr=False)

    def calls(self, service: Service) -> Generator[Any, Any, None]:
        blob = service.client.get_blob_client(self.container, self.name)
        yield blob.stage_block(self.block.id, self.block.data, length=len(self.block.data))


@dataclass(frozen=True)
class CommitBlocks(StorageRequest[None]):
    """Make a blob of its blocks, in their order: at once, or not at all."""

    container: str
    name: str
    ids: list[str]
    overwrite: bool

    def calls(self, service: Service) -> Generator[Any, Any, None]:
        from azure.core import MatchConditions
        from azure.storage.blob import BlobBlock

        condition = {} if self.overwrite else {"match_condition": MatchConditions.IfMissing}
        blob = service.client.get_blob_client(self.container, self.name)
        yield blob.commit_block_list([BlobBlock(block_id=id) for id in self.ids], **condition)


def put_blob(
    container: str, name: str, data: bytes | str | Path, *, overwrite: bool = True, sha256: str | None = None
) -> Action[bool]:
    """Write a blob; False where it exists and ``overwrite`` is not wanted.

    :param sha256: refuse a file that does not have this hash any more.
    """
    content = yield from LocalWork(partial(Content, data, sha256))
    try:
        if content.size > BLOCK_SIZE:
            if not overwrite and (yield from BlobExists(container, name)):
                return False
            yield from _put_blocks(container, name, content, overwrite=overwrite)
        else:
            body = yield from LocalWork(content.whole)
            yield from UploadBlob(container, name, body, overwrite)
    except ServiceError as error:
        if not overwrite and _is_there(error):
            return False
        raise
    return True


def _put_blocks(container: str, name: str, content: Content, *, overwrite: bool) -> Action[None]:
    progress = Progress(content.name, content.size)
    ids: list[str] = []
    blocks = content.blocks()

    def stage(block: Block) -> Action[None]:
        yield from StageBlock(container, name, block)
        progress.add(len(block.data))

    while some := (yield from LocalWork(lambda: list(islice(blocks, SIDE_BY_SIDE)))):
        ids += [block.id for block in some]
        yield from SideBySide([stage(block) for block in some])
    yield from LocalWork(content.check)
    yield from CommitBlocks(container, name, ids, overwrite)
    progress.end()


# -- signing


@dataclass(frozen=True)
class SasIsDelegated(StorageRequest[bool]):
    """Ask whether a SAS is signed by Entra ID, and so lives 7 days at most; no request is sent."""

    def calls(self, service: Service) -> Generator[Any, Any, bool]:
        yield from ()
        return service.accounts.storage_key is None


@dataclass(frozen=True)
class SasUrl(StorageRequest[str]):
    """Sign the URL of a container for some time (see :func:`sas_url`)."""

    container: str
    lifetime: timedelta

    def calls(self, service: Service) -> Generator[Any, Any, str]:
        now = service.clock.now()
        if service.accounts.storage_key is not None:
            return sas_url(service.accounts, self.container, now + self.lifetime)
        expiry = now + min(self.lifetime, MAX_DELEGATED_SAS - DELEGATED_SAS_MARGIN)
        key = yield service.client.get_user_delegation_key(now - DELEGATED_SAS_MARGIN, expiry)
        return sas_url(service.accounts, self.container, expiry, delegation_key=key)


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
