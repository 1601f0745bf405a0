"""The asynchronous twin of ``gateways.py``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from azure.batch.aio import BatchClient
from azure.storage.blob.aio import BlobServiceClient

from airflow_provider_aztk.client._azure.aio_transport import AsyncWholeAnswerTransport
from airflow_provider_aztk.client._azure.clock import ServiceClock
from airflow_provider_aztk.client._azure.credentials import (
    batch_credential,
    batch_options,
    find_accounts,
    storage_credential,
    storage_options,
    token_of,
)
from airflow_provider_aztk.client._azure.refusals import BATCH, STORAGE
from airflow_provider_aztk.client._azure.retries import Retries, retried_async
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from airflow_provider_aztk.client._azure.batch import BatchRequest
    from airflow_provider_aztk.client._azure.credentials import Accounts
    from airflow_provider_aztk.client._azure.storage import StorageRequest
    from airflow_provider_aztk.client.models import SecretsConfiguration

R = TypeVar("R")


class AsyncBatchGateway:
    """One Batch account; see :class:`~airflow_provider_aztk.client._azure.gateways.BatchGateway`."""

    def __init__(
        self, accounts: Accounts, token: Any = None, clock: ServiceClock | None = None, retries: Retries | None = None
    ) -> None:
        self._account = accounts.batch_name
        self._retries = retries or Retries()
        self._token = token
        transport = AsyncWholeAnswerTransport(accounts.batch_url, clock or ServiceClock())
        credential = batch_credential(accounts, token)
        self._client = BatchClient(accounts.batch_url, credential, transport=transport, **batch_options(accounts))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
        if self._token is not None:  # the storage gateway has the same
            await self._token.close()

    async def send(self, request: BatchRequest[R]) -> R:
        """Send a request, and return its answer."""

        async def send() -> R:
            response = await self._client.send_request(request.http())
            response.raise_for_status()
            return request.read(response)

        return await retried_async(BATCH, self._account, self._retries, send)


class AsyncStorageGateway:
    """One storage account; see :class:`~airflow_provider_aztk.client._azure.gateways.StorageGateway`."""

    def __init__(
        self, accounts: Accounts, token: Any = None, clock: ServiceClock | None = None, retries: Retries | None = None
    ) -> None:
        self.accounts = accounts
        self.clock = clock or ServiceClock()
        self._retries = retries or Retries()
        self.client: Any = BlobServiceClient(
            accounts.blob_url,
            storage_credential(accounts, token),
            transport=AsyncWholeAnswerTransport(accounts.blob_url, self.clock),
            **storage_options(),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()

    async def next_page(self, pages: Any) -> list[Any]:
        """Read the next page of a list; empty where there is none."""
        page = await anext(pages, None)
        return [] if page is None else [item async for item in page]

    async def send(self, request: StorageRequest[R]) -> R:
        """Send a request, and return its answer."""

        async def send() -> R:
            calls = request.calls(self)
            result: Any = None
            while True:
                try:
                    call = calls.send(result)
                except StopIteration as end:
                    answer: R = end.value
                    return answer
                result = await call

        try:
            return await retried_async(STORAGE, self.accounts.storage_name, self._retries, send)
        except ServiceError as error:
            return request.failed(error)


async def connect(secrets: SecretsConfiguration, clock: ServiceClock) -> tuple[AsyncBatchGateway, AsyncStorageGateway]:
    """Make the gateways to both accounts; endpoints are looked up once for each client, in a thread."""
    accounts = await asyncio.to_thread(lambda: find_accounts(secrets, token_of(secrets)))
    token = token_of(secrets, aio=True)
    return AsyncBatchGateway(accounts, token, clock), AsyncStorageGateway(accounts, token, clock)
