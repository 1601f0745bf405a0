"""List containers by the beginning of their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_aztk.client._azure.storage import Calls, Service, StorageRequest

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Action


@dataclass(frozen=True)
class ContainerNamesPage(StorageRequest[tuple[list[str], "str | None"]]):
    """List names of containers: one page, and the marker of the next one."""

    prefix: str
    marker: str | None = None

    def calls(self, service: Service) -> Calls[tuple[list[str], str | None]]:
        pages = service.client.list_containers(name_starts_with=self.prefix).by_page(continuation_token=self.marker)
        found = yield service.next_page(pages)
        return [str(container.name) for container in found], pages.continuation_token or None


def container_names(prefix: str) -> Action[list[str]]:
    """List the names of all containers that begin with a prefix."""
    found, marker = yield from ContainerNamesPage(prefix)
    while marker:
        names, marker = yield from ContainerNamesPage(prefix, marker)
        found += names
    return found
