"""The two Azure accounts that all parts of the sync client share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_aztk.client._azure.batch import BatchGateway
from airflow_provider_aztk.client._azure.blocks import BLOCK_SIZE
from airflow_provider_aztk.client._azure.clock import ServiceClock
from airflow_provider_aztk.client._azure.credentials import look_up_accounts, shared_key_accounts, token_credential
from airflow_provider_aztk.client._azure.storage import StorageGateway
from airflow_provider_aztk.client.errors import FieldError, InvalidConfigurationError
from airflow_provider_aztk.node import contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from airflow_provider_aztk.client._uploads import Upload
    from airflow_provider_aztk.client.models import SecretsConfiguration

T = TypeVar("T")
R = TypeVar("R")

#: How many requests run side by side where there are many of a kind: as many as the SDKs keep connections.
PARALLEL = 10
#: Below this size, in bytes, a file is sent at once, and refused where it is there already; above, it is asked for.
SMALL_FILE = 1024 * 1024
#: A Batch task lives 180 days at most, so a SAS that lives longer outlives every cluster.
KEY_SAS_LIFETIME = timedelta(days=190)


class Account:
    """A Batch account and a storage account, connected on first use.

    :param secrets: the credentials.
    """

    def __init__(self, secrets: SecretsConfiguration) -> None:
        self.secrets = secrets
        self.clock = ServiceClock()

    @cached_property
    def _gateways(self) -> tuple[BatchGateway, StorageGateway]:
        accounts = shared_key_accounts(self.secrets)
        token: Any = None
        if accounts is None:
            principal = self.secrets.service_principal
            assert principal is not None  # SecretsConfiguration has exactly one of the two
            token = token_credential(principal)
            accounts = look_up_accounts(principal, token)
        return BatchGateway(accounts, token, self.clock), StorageGateway(accounts, token, self.clock)

    @property
    def batch(self) -> BatchGateway:
        """The Batch account."""
        return self._gateways[0]

    @property
    def storage(self) -> StorageGateway:
        """The storage account."""
        return self._gateways[1]

    def close(self) -> None:
        """Close all connections, if there are any."""
        if "_gateways" in self.__dict__:
            for gateway in self.__dict__.pop("_gateways"):
                gateway.close()

    def sas_url(self, container: str, lifetime: timedelta | None) -> str:
        """Sign the URL of a cluster's container for as long as the cluster may live."""
        return self.storage.sas_url(container, KEY_SAS_LIFETIME if lifetime is None else lifetime + timedelta(days=1))

    def write(self, container: str, upload: Upload) -> None:
        """Write documents (anew) and files (unless their content is there already), side by side."""
        writes: list[Callable[[], object]] = [
            partial(self.storage.put, container, name, data) for name, data in upload.documents.items()
        ]
        large = [item for item in upload.files.items() if _size(item[1]) > BLOCK_SIZE]
        writes += [partial(self._write_file, container, *item) for item in upload.files.items() if item not in large]
        parallel(lambda write: write(), writes)
        for name, path in large:  # one after the other: its blocks go side by side
            self._write_file(container, name, path)

    def _write_file(self, container: str, name: str, path: Path | bytes) -> None:
        size = _size(path)  # what is large is asked for by the upload itself
        if size <= SMALL_FILE or size > BLOCK_SIZE or not self.storage.exists(container, name):
            wanted = name.removeprefix(contract.FILES_PREFIX).partition("/")[0]
            self.storage.put(container, name, path, overwrite=False, sha256=wanted)


def _size(data: Path | bytes) -> int:
    """Return a file's size; 0 where it is gone, which is told when it is read."""
    try:
        return len(data) if isinstance(data, bytes) else data.stat().st_size
    except OSError:
        return 0


def parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do the same for each item, several side by side.

    Where one fails, the others are done all the same. Then the first error is raised, with the others as notes.
    """
    if isinstance(items, str):  # its letters would be taken for ids
        raise InvalidConfigurationError("request", [FieldError("(list)", repr(items), "give a list")])
    items = list(items)
    if len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(PARALLEL, len(items))) as pool:
        futures = [pool.submit(work, item) for item in items]
    failed = [error for future in futures if (error := future.exception()) is not None]
    if failed:
        for error in failed[1:]:
            failed[0].add_note(f"{len(failed)} of {len(items)} failed; also: {error}")
        raise failed[0]
    return [future.result() for future in futures]


def check_kind(given: object, kind: type, name: str) -> None:
    """Refuse what is no configuration of the kind that is wanted, such as a dict.

    :raises InvalidConfigurationError: it says how a dict becomes one.
    """
    if not isinstance(given, kind):
        fault = FieldError(name, type(given).__name__, f"give a {kind.__name__}; a dict becomes one by its from_dict")
        raise InvalidConfigurationError("request", [fault])
