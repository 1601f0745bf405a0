"""Requests to Azure Blob Storage, each described once for sync and async: one container for each cluster.

A request says which methods of the official SDK it calls. The SDK's sync and async clients have the same methods; those
of the async one are awaited: so :meth:`StorageRequest.calls` yields what a method returns and gets its result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar

from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._azure.blocks import READ_CHUNK, Block
from airflow_provider_aztk.client._azure.clock import parse_date
from airflow_provider_aztk.client._requests import Request

if TYPE_CHECKING:
    from airflow_provider_aztk.client._azure.clock import ServiceClock
    from airflow_provider_aztk.client._azure.credentials import Accounts
    from airflow_provider_aztk.client.errors import ServiceError

R = TypeVar("R")
Calls: TypeAlias = Generator[Any, Any, R]


class Service(Protocol):
    """What a gateway has for its requests.

    :param client: the SDK's ``BlobServiceClient``, sync or async.
    """

    client: Any
    accounts: Accounts
    clock: ServiceClock

    def next_page(self, pages: Any) -> Any:
        """Read the next page of a list of the SDK; async, as a coroutine."""


class StorageRequest(Request[R], ABC):
    """One request."""

    @abstractmethod
    def calls(self, service: Service) -> Calls[R]:
        """Call the SDK, and return the answer; repeated as a whole when it fails."""

    def failed(self, error: ServiceError) -> R:
        """Return what an error means as an answer, or raise it."""
        raise error


class Range(NamedTuple):
    """Some bytes of a blob, and the size of the whole blob when they were read."""

    data: bytes
    total: int


def if_missing(error: ServiceError, *, answer: R) -> R:
    """Return an answer where the error says that the blob or the container does not exist (any more); or raise it."""
    if error.status == 404 or error.code == codes.CONTAINER_BEING_DELETED:
        return answer
    raise error


# -- containers


@dataclass(frozen=True)
class CreateContainer(StorageRequest[bool]):
    """Create a container; False where it existed already."""

    container: str
    metadata: dict[str, str]

    def calls(self, service: Service) -> Calls[bool]:
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

    def calls(self, service: Service) -> Calls[tuple[Mapping[str, str], timedelta]]:
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

    def calls(self, service: Service) -> Calls[None]:
        yield service.client.get_container_client(self.container).set_container_metadata(self.metadata)


@dataclass(frozen=True)
class DeleteContainer(StorageRequest[bool]):
    """Delete a container with all in it; False where it did not exist or was being deleted."""

    container: str

    def calls(self, service: Service) -> Calls[bool]:
        yield service.client.delete_container(self.container)
        return True

    def failed(self, error: ServiceError) -> bool:
        return if_missing(error, answer=False)


@dataclass(frozen=True)
class FirstContainer(StorageRequest[None]):
    """Ask for one container: the cheapest proof that the credential works."""

    def calls(self, service: Service) -> Calls[None]:
        yield service.next_page(service.client.list_containers(results_per_page=1).by_page())


# -- reading


@dataclass(frozen=True)
class BlobExists(StorageRequest[bool]):
    """Ask whether a blob exists."""

    container: str
    name: str

    def calls(self, service: Service) -> Calls[bool]:
        return bool((yield service.client.get_blob_client(self.container, self.name).exists()))


@dataclass(frozen=True)
class GetBlob(StorageRequest["bytes | None"]):
    """Read a whole small blob; None where it does not exist."""

    container: str
    name: str

    def calls(self, service: Service) -> Calls[bytes | None]:
        stream = yield service.client.get_blob_client(self.container, self.name).download_blob(max_concurrency=1)
        data: bytes = yield stream.readall()
        return data

    def failed(self, error: ServiceError) -> bytes | None:
        return if_missing(error, answer=None)


@dataclass(frozen=True)
class GetRange(StorageRequest["Range | None"]):
    """Read some bytes of a blob in one request; None where it does not exist.

    At or behind the blob's end there are no bytes, and no error.
    """

    container: str
    name: str
    offset: int
    length: int

    def calls(self, service: Service) -> Calls[Range | None]:
        blob = service.client.get_blob_client(self.container, self.name)
        length = min(self.length, READ_CHUNK)
        stream = yield blob.download_blob(offset=self.offset, length=length, max_concurrency=1)
        data = yield stream.readall()
        # The SDK's ``size`` is that of the part.
        return Range(data, int(str(stream.properties.content_range).rpartition("/")[2]))

    def failed(self, error: ServiceError) -> Range | None:
        if error.status == 416:
            return Range(b"", self.offset)
        return if_missing(error, answer=None)


# -- writing


@dataclass(frozen=True)
class UploadBlob(StorageRequest[None]):
    """Write a blob at once."""

    container: str
    name: str
    data: bytes = field(repr=False)
    overwrite: bool

    def calls(self, service: Service) -> Calls[None]:
        blob = service.client.get_blob_client(self.container, self.name)
        yield blob.upload_blob(self.data, overwrite=self.overwrite)


@dataclass(frozen=True)
class StageBlock(StorageRequest[None]):
    """Send one block of a blob (learn.microsoft.com/rest/api/storageservices/put-block)."""

    container: str
    name: str
    block: Block = field(repr=False)

    def calls(self, service: Service) -> Calls[None]:
        blob = service.client.get_blob_client(self.container, self.name)
        yield blob.stage_block(self.block.id, self.block.data, length=len(self.block.data))


@dataclass(frozen=True)
class CommitBlocks(StorageRequest[None]):
    """Make a blob of its blocks, in their order: at once, or not at all."""

    container: str
    name: str
    ids: list[str]
    overwrite: bool

    def calls(self, service: Service) -> Calls[None]:
        from azure.core import MatchConditions
        from azure.storage.blob import BlobBlock

        condition = {} if self.overwrite else {"match_condition": MatchConditions.IfMissing}
        blob = service.client.get_blob_client(self.container, self.name)
        yield blob.commit_block_list([BlobBlock(block_id=id) for id in self.ids], **condition)
