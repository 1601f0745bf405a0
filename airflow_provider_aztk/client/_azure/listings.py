"""Lists of a container's blobs, and the deletion of blobs, on accounts with a hierarchical namespace, too.

Such an account lists its directories among the blobs, marked by metadata, and refuses to delete one that holds
anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client._azure.storage import Calls, Service, StorageRequest, if_missing
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.client._requests import Action

#: Metadata of what is a directory.
_IS_DIRECTORY = "hdi_isfolder"


@dataclass(frozen=True)
class BlobNamesPage(StorageRequest[tuple[list[str], list[str], "str | None"]]):
    """List names of blobs and of directories: one page, and the marker of the next one."""

    container: str
    marker: str | None = None

    def calls(self, service: Service) -> Calls[tuple[list[str], list[str], str | None]]:
        client = service.client.get_container_client(self.container)
        pages = client.list_blobs(include=["metadata"]).by_page(continuation_token=self.marker)
        found = yield service.next_page(pages)
        directories = [str(blob.name) for blob in found if (blob.metadata or {}).get(_IS_DIRECTORY) == "true"]
        blobs = [str(blob.name) for blob in found if (blob.metadata or {}).get(_IS_DIRECTORY) != "true"]
        return blobs, directories, pages.continuation_token or None


def blob_names(container: str) -> Action[tuple[list[str], list[str]]]:
    """List the names of all blobs, and of all directories where the account has a hierarchical namespace.

    A page that breaks is asked for again, and not those before it.
    """
    blobs, directories, marker = yield from BlobNamesPage(container)
    while marker:
        more_blobs, more_directories, marker = yield from BlobNamesPage(container, marker)
        blobs += more_blobs
        directories += more_directories
    return blobs, directories


@dataclass(frozen=True)
class DeleteBlob(StorageRequest[None]):
    """Delete a blob or an empty directory; nothing happens where it does not exist, or holds anything."""

    container: str
    name: str

    def calls(self, service: Service) -> Calls[None]:
        yield service.client.get_container_client(self.container).delete_blob(self.name)

    def failed(self, error: ServiceError) -> None:
        if error.code != codes.DIRECTORY_NOT_EMPTY:
            if_missing(error, answer=None)


def delete_blobs_but(container: str, keep: Callable[[str], bool]) -> Action[None]:
    """Delete all blobs of a container but those to be kept, and then the directories that are empty, deepest first.

    :param keep: returns whether a blob of this name is kept.
    :raises ServiceError: where something could not be deleted, when all has been tried.
    """
    blobs, directories = yield from blob_names(container)
    deepest_first = sorted(directories, key=lambda name: (-name.count("/"), name))
    yield from delete_blobs(container, [*(name for name in blobs if not keep(name)), *deepest_first])


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
