"""The two Azure accounts over the asynchronous SDKs: what triggers need, and no more."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow_provider_aztk.client._azure.batch import (
    bare_request,
    batch_credential,
    client_options,
    list_request,
    next_request,
    page_of,
    plain,
)
from airflow_provider_aztk.client._azure.blocks import BLOCK_SIZE, SIDE_BY_SIDE, Block, Content, Progress
from airflow_provider_aztk.client._azure.clock import ServiceClock
from airflow_provider_aztk.client._azure.credentials import look_up_accounts, shared_key_accounts, token_credential
from airflow_provider_aztk.client._azure.errors import BATCH, STORAGE
from airflow_provider_aztk.client._azure.retries import Retries, retried_async
from airflow_provider_aztk.client._azure.storage import (
    READ_CHUNK,
    Range,
    commit_blocks,
    is_missing,
    is_there,
    storage_credential,
    storage_options,
    total_size,
)
from airflow_provider_aztk.client._naming import checked
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from airflow_provider_aztk.client._azure.credentials import Accounts
    from airflow_provider_aztk.client.models import SecretsConfiguration

Json = dict[str, Any]
T = TypeVar("T")


class AsyncBatchGateway:
    """One Batch account; see :class:`~airflow_provider_aztk.client._azure.batch.BatchGateway`."""

    def __init__(
        self, accounts: Accounts, token: Any = None, clock: ServiceClock | None = None, retries: Retries | None = None
    ) -> None:
        from azure.batch.aio import BatchClient

        from airflow_provider_aztk.client._azure.aio_transport import AsyncWholeAnswerTransport

        self._account = accounts.batch_name
        self._retries = retries or Retries()
        transport = AsyncWholeAnswerTransport(accounts.batch_url, clock or ServiceClock())
        options = {"transport": transport, **client_options(accounts)}
        self._client = BatchClient(accounts.batch_url, batch_credential(accounts, token), **options)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _run(self, request: Callable[[], Awaitable[T]]) -> T:
        return await retried_async(BATCH, self._account, self._retries, request)

    async def _get(self, read: Callable[[], Awaitable[Any]]) -> Json:
        async def get() -> Json:
            return plain(await read())

        return await self._run(get)

    async def _change(self, request: Any) -> None:
        async def send() -> None:
            (await self._client.send_request(request)).raise_for_status()

        await self._run(send)

    async def get_job(self, job_id: str) -> Json:
        """GET /jobs/{id}."""
        return await self._get(lambda: self._client.get_job(checked(job_id)))

    async def _list(self, path: str, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """Read all pages of a list as plain JSON; a page that breaks is asked for again, and not those before it.

        The SDK's models would cost 40 ms of the event loop for a hundred tasks, plain JSON costs 5.
        """
        found: list[Json] = []
        request = list_request(path, select, filter)

        async def page() -> tuple[list[Json], str | None]:
            return page_of(await self._client.send_request(request))

        while True:
            entries, link = await self._run(page)
            found += entries
            await asyncio.sleep(0)
            if not link:
                return found
            request = next_request(link)

    async def list_jobs(self, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """GET /jobs, all pages."""
        return await self._list("/jobs", select, filter)

    async def delete_job(self, job_id: str) -> None:
        """DELETE /jobs/{id}."""
        await self._change(bare_request("DELETE", f"/jobs/{checked(job_id)}"))

    async def terminate_job(self, job_id: str, reason: str) -> None:
        """POST /jobs/{id}/terminate."""
        await self._change(bare_request("POST", f"/jobs/{checked(job_id)}/terminate", {"terminateReason": reason}))

    async def get_task(self, job_id: str, task_id: str) -> Json:
        """GET /jobs/{id}/tasks/{id}."""
        return await self._get(lambda: self._client.get_task(checked(job_id), checked(task_id, "name")))

    async def list_tasks(self, job_id: str, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """GET /jobs/{id}/tasks, all pages."""
        return await self._list(f"/jobs/{checked(job_id)}/tasks", select, filter)

    async def terminate_task(self, job_id: str, task_id: str) -> None:
        """POST /jobs/{id}/tasks/{id}/terminate."""
        await self._run(lambda: self._client.terminate_task(checked(job_id), checked(task_id, "name")))

    async def get_pool(self, pool_id: str) -> Json:
        """GET /pools/{id}."""
        return await self._get(lambda: self._client.get_pool(pool_id))

    async def list_nodes(self, pool_id: str) -> list[Json]:
        """GET /pools/{id}/nodes, all pages."""
        return await self._list(f"/pools/{pool_id}/nodes")


class AsyncStorageGateway:
    """One storage account; see :class:`~airflow_provider_aztk.client._azure.storage.StorageGateway`."""

    def __init__(
        self, accounts: Accounts, token: Any = None, clock: ServiceClock | None = None, retries: Retries | None = None
    ) -> None:
        from azure.storage.blob.aio import BlobServiceClient

        from airflow_provider_aztk.client._azure.aio_transport import AsyncWholeAnswerTransport

        self._account = accounts.storage_name
        self._retries = retries or Retries()
        transport = AsyncWholeAnswerTransport(accounts.blob_url, clock or ServiceClock())
        options = {"transport": transport, **storage_options()}
        self._service = BlobServiceClient(accounts.blob_url, storage_credential(accounts, token), **options)

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def _run(self, request: Callable[[], Awaitable[T]]) -> T:
        return await retried_async(STORAGE, self._account, self._retries, request)

    async def put(
        self,
        container: str,
        name: str,
        data: bytes | str | Path,
        *,
        overwrite: bool = True,
        sha256: str | None = None,
    ) -> bool:
        """Write a blob; see :meth:`~airflow_provider_aztk.client._azure.storage.StorageGateway.put`."""
        content = Content(data, sha256)
        blob = self._service.get_blob_client(container, name)
        try:
            if content.size > BLOCK_SIZE:
                if not overwrite and await self._run(blob.exists):
                    return False
                await self._put_blocks(blob, content, overwrite=overwrite)
            else:
                body = await asyncio.to_thread(content.whole)
                await self._run(lambda: blob.upload_blob(body, overwrite=overwrite))
        except ServiceError as error:
            if not overwrite and is_there(error):
                return False
            raise
        return True

    async def _put_blocks(self, blob: Any, content: Content, *, overwrite: bool) -> None:
        progress = Progress(content.name, content.size)
        ids: list[str] = []
        blocks = content.blocks()
        lock = asyncio.Lock()

        async def work() -> None:
            while True:
                async with lock:  # read in order, one at a time
                    block: Block | None = await asyncio.to_thread(next, blocks, None)
                    if block is None:
                        return
                    ids.append(block.id)
                data = block.data
                await self._run(partial(blob.stage_block, block.id, data, length=len(data)))
                progress.add(len(data))

        tasks = [asyncio.create_task(work()) for _ in range(SIDE_BY_SIDE)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        content.check()
        await self._run(lambda: commit_blocks(blob, ids, overwrite=overwrite))
        progress.end()

    async def get_range(self, container: str, name: str, offset: int, length: int) -> Range | None:
        """Read some bytes of a blob in one request; None where it does not exist."""
        blob = self._service.get_blob_client(container, name)

        async def read() -> Range:
            stream = await blob.download_blob(offset=offset, length=min(length, READ_CHUNK), max_concurrency=1)
            return Range(await stream.readall(), total_size(stream.properties))

        try:
            return await self._run(read)
        except ServiceError as error:
            if error.status == 416:
                return Range(b"", offset)
            if is_missing(error):
                return None
            raise

    async def delete_container(self, container: str) -> bool:
        """Delete a container with all in it; False where it was gone or going."""
        try:
            await self._run(lambda: self._service.delete_container(container))
        except ServiceError as error:
            if is_missing(error):
                return False
            raise
        return True

    async def names(self, container: str) -> list[str]:
        """List the names of all blobs."""
        client = self._service.get_container_client(container)

        async def read() -> list[str]:
            return [str(name) async for name in client.list_blob_names()]

        return await self._run(read)

    async def delete(self, container: str, names: list[str]) -> None:
        """Delete blobs; one that is gone is fine, and one that cannot be deleted does not keep the others."""
        client = self._service.get_container_client(container)
        failed: ServiceError | None = None
        for name in names:
            try:
                await self._run(partial(client.delete_blob, name))
            except ServiceError as error:
                failed = failed or (None if is_missing(error) else error)
        if failed is not None:
            raise failed


class AsyncAccount:
    """Both accounts, connected by :meth:`open`."""

    def __init__(self, batch: AsyncBatchGateway, storage: AsyncStorageGateway, token: Any) -> None:
        self.batch = batch
        self.storage = storage
        self._token = token

    @classmethod
    async def open(cls, secrets: SecretsConfiguration) -> Self:
        """Connect. The look-up of accounts by resource id, once for each client, runs in a thread."""
        accounts = shared_key_accounts(secrets)
        token: Any = None
        principal = secrets.service_principal
        if accounts is None and principal is not None:
            accounts = await asyncio.to_thread(look_up_accounts, principal, token_credential(principal))
            token = token_credential(principal, aio=True)
        assert accounts is not None  # SecretsConfiguration has exactly one of the two
        clock = ServiceClock()
        return cls(AsyncBatchGateway(accounts, token, clock), AsyncStorageGateway(accounts, token, clock), token)

    async def close(self) -> None:
        """Close all connections."""
        await self.batch.close()
        await self.storage.close()
        if self._token is not None:
            await self._token.close()


def changed_since(moment: datetime) -> str:
    """Write the filter for tasks whose state changed since a moment."""
    return f"stateTransitionTime ge DateTime'{moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')}'"
