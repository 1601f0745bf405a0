"""What a failing master said last explains an error, and must not get in its way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aztk.client import AsyncClient, errors, models
from airflow_provider_aztk.client.clusters import Clusters

FAILED = {"id": "c", "state": "completed", "executionInfo": {"terminateReason": "JMComplete"}}
STOPPED = {"id": "c", "state": "completed", "executionInfo": {"terminateReason": "Stopped on request"}}


class Storage:
    """Gives a log, or refuses; counts."""

    def __init__(self, found: Any) -> None:
        self.found = found
        self.reads = 0

    def get(self, container: str, name: str) -> Any:
        self.reads += 1
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def get_range(self, container: str, name: str, offset: int, length: int) -> Any:
        data = self.get(container, name)
        return SimpleNamespace(data=data) if data is not None else None


async def read(kind: str, storage: Storage, job: dict[str, Any]) -> bytes | None:
    """Read it with the sync or the async client."""
    account: Any = SimpleNamespace(storage=storage)
    if kind == "sync":
        return Clusters(account).master_log(job)
    shared_key = models.SharedKeyConfiguration(
        batch_account_name="b",
        batch_account_key="a2V5",
        batch_service_url="http://127.0.0.1:9",
        storage_account_name="s",
        storage_account_key="a2V5",
    )
    client = AsyncClient(models.SecretsConfiguration(shared_key=shared_key))
    client._opened = account
    return await client.master_log(job)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("found", "log"),
    [
        (b"no such package\n", b"no such package\n"),
        (None, None),
        (errors.ServiceError("not authorized", status=403), None),
        (errors.ConnectionFailedError("cut"), None),
    ],
)
async def test_it_is_read_as_far_as_it_can_be(kind: str, found: Any, log: bytes | None) -> None:
    assert await read(kind, Storage(found), FAILED) == log


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_nothing_is_asked_where_the_master_did_not_end_it(kind: str) -> None:
    storage = Storage(b"old")
    assert await read(kind, storage, STOPPED) is None
    assert storage.reads == 0
