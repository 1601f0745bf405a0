"""The two Azure accounts over the asynchronous SDKs: what triggers need, and no more."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_aztk.client._azure.batch import (
    EVERY_METHOD,
    bare_request,
    batch_credential,
    client_options,
    list_request,
    next_request,
    plain,
)
from airflow_provider_aztk.client._azure.credentials import look_up_accounts, shared_key_accounts, token_credential
from airflow_provider_aztk.client._azure.errors import BATCH, STORAGE, azure_errors
from airflow_provider_aztk.client._azure.storage import (
    READ_CHUNK,
    Range,
    is_missing,
    storage_credential,
    storage_options,
    total_size,
)
from airflow_provider_aztk.client._names import checked
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from airflow_provider_aztk.client._azure.credentials import Accounts
    from airflow_provider_aztk.client.models import SecretsConfiguration

Json = dict[str, Any]


class AsyncBatchGateway:
    """One Batch account; see :class:`~airflow_provider_aztk.client._azure.batch.BatchGateway`."""

    def __init__(self, accounts: Accounts, token: Any = None) -> None:
        from azure.batch.aio import BatchClient

        self._account = accounts.batch_name
        self._client = BatchClient(accounts.batch_url, batch_credential(accounts, token), **client_options())

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _errors(self) -> Any:
        return azure_errors(BATCH, self._account)

    async def get_job(self, job_id: str) -> Json:
        """GET /jobs/{id}."""
        with self._errors():
            return plain(await self._client.get_job(checked(job_id)))

    async def _list(self, path: str, select: list[str] | None, filter: str | None) -> list[Json]:
        """Read all pages of a list as plain JSON.

        The SDK's models would cost 40 ms of the event loop for a hundred tasks, plain JSON costs 5.
        """
        found: list[Json] = []
        request = list_request(path, select, filter)
        with self._errors():
            while True:
                page = (await self._client.send_request(request)).json()
                found += page["value"]
                await asyncio.sleep(0)
                if not (link := page.get("odata.nextLink")):
                    return found
                request = next_request(link)

    async def list_jobs(self, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """GET /jobs, all pages."""
        return await self._list("/jobs", select, filter)

    async def delete_job(self, job_id: str) -> None:
        """DELETE /jobs/{id}."""
        with self._errors():
            await self._client.send_request(
                bare_request("DELETE", f"/jobs/{checked(job_id)}"), retry_on_methods=EVERY_METHOD
            )

    async def terminate_job(self, job_id: str, reason: str) -> None:
        """POST /jobs/{id}/terminate."""
        with self._errors():
            request = bare_request("POST", f"/jobs/{checked(job_id)}/terminate", {"terminateReason": reason})
            await self._client.send_request(request, retry_on_methods=EVERY_METHOD)

    async def get_task(self, job_id: str, task_id: str) -> Json:
        """GET /jobs/{id}/tasks/{id}."""
        with self._errors():
            return plain(await self._client.get_task(checked(job_id), checked(task_id, "name")))

    async def list_tasks(self, job_id: str, select: list[str] | None = None, filter: str | None = None) -> list[Json]:
        """GET /jobs/{id}/tasks, all pages."""
        return await self._list(f"/jobs/{checked(job_id)}/tasks", select, filter)

    async def terminate_task(self, job_id: str, task_id: str) -> None:
        """POST /jobs/{id}/tasks/{id}/terminate."""
        with self._errors():
            await self._client.terminate_task(checked(job_id), checked(task_id, "name"), retry_on_methods=EVERY_METHOD)

    async def get_pool(self, pool_id: str) -> Json:
        """GET /pools/{id}."""
        with self._errors():
            return plain(await self._client.get_pool(pool_id))

    async def list_nodes(self, pool_id: str) -> list[Json]:
        """GET /pools/{id}/nodes, all pages."""
        with self._errors():
            return [plain(node) async for node in self._client.list_nodes(pool_id)]


class AsyncStorageGateway:
    """One storage account; see :class:`~airflow_provider_aztk.client._azure.storage.StorageGateway`."""

    def __init__(self, accounts: Accounts, token: Any = None) -> None:
        from azure.storage.blob.aio import BlobServiceClient

        self._account = accounts.storage_name
        self._service = BlobServiceClient(accounts.blob_url, storage_credential(accounts, token), **storage_options())

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    def _errors(self) -> Any:
        return azure_errors(STORAGE, self._account)

    async def put(self, container: str, name: str, data: bytes) -> None:
        """Write a small blob."""
        with self._errors():
            await self._service.get_blob_client(container, name).upload_blob(data, overwrite=True)

    async def get_range(self, container: str, name: str, offset: int, length: int) -> Range | None:
        """Read some bytes of a blob in one request; None where it does not exist."""
        try:
            with self._errors():
                blob = self._service.get_blob_client(container, name)
                stream = await blob.download_blob(offset=offset, length=min(length, READ_CHUNK), max_concurrency=1)
                return Range(await stream.readall(), total_size(stream.properties))
        except ServiceError as error:
            if error.status == 416:
                return Range(b"", offset)
            if is_missing(error):
                return None
            raise

    async def delete_container(self, container: str) -> bool:
        """Delete a container with all in it; False where it was gone or going."""
        try:
            with self._errors():
                await self._service.delete_container(container)
        except ServiceError as error:
            if is_missing(error):
                return False
            raise
        return True

    async def names(self, container: str) -> list[str]:
        """List the names of all blobs."""
        with self._errors():
            return [str(name) async for name in self._service.get_container_client(container).list_blob_names()]

    async def delete(self, container: str, names: list[str]) -> None:
        """Delete blobs; one that is gone is fine."""
        client = self._service.get_container_client(container)
        for name in names:
            try:
                with self._errors():
                    await client.delete_blob(name)
            except ServiceError as error:
                if not is_missing(error):
                    raise


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
        return cls(AsyncBatchGateway(accounts, token), AsyncStorageGateway(accounts, token), token)

    async def close(self) -> None:
        """Close all connections."""
        await self.batch.close()
        await self.storage.close()
        if self._token is not None:
            await self._token.close()


def changed_since(moment: datetime) -> str:
    """Write the filter for tasks whose state changed since a moment."""
    return f"stateTransitionTime ge DateTime'{moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')}'"
