"""Send requests to the two Azure accounts with the official SDKs; each is tried again as ``retries.py`` has it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from azure.batch import BatchClient
from azure.storage.blob import BlobServiceClient

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
from airflow_provider_aztk.client._azure.retries import Retries, retried
from airflow_provider_aztk.client._azure.transport import READ_TIMEOUT, WholeAnswerTransport
from airflow_provider_aztk.client.errors import ServiceError

if TYPE_CHECKING:
    from airflow_provider_aztk.client._azure.batch import BatchRequest
    from airflow_provider_aztk.client._azure.credentials import Accounts
    from airflow_provider_aztk.client._azure.exchanges import Observer, ServicesObserver
    from airflow_provider_aztk.client._azure.storage import StorageRequest
    from airflow_provider_aztk.client.models import SecretsConfiguration

R = TypeVar("R")


class BatchGateway:
    """One Batch account.

    :param accounts: where it is.
    :param token: an azure-identity credential, used when there is no key.
    :param clock: notes the service's time.
    :param retries: how often and how long to try again.
    :param observer: is called with every request and its answer.
    :param limit: seconds that connecting, and the answer to a small request, may take.
    """

    def __init__(
        self,
        accounts: Accounts,
        token: Any = None,
        clock: ServiceClock | None = None,
        retries: Retries | None = None,
        *,
        observer: Observer | None = None,
        limit: float = READ_TIMEOUT,
    ) -> None:
        self._account = accounts.batch_name
        self._retries = retries or Retries()
        transport = WholeAnswerTransport(accounts.batch_url, clock or ServiceClock(), limit, observer)
        credential = batch_credential(accounts, token)
        self._client = BatchClient(accounts.batch_url, credential, transport=transport, **batch_options(accounts))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, request: BatchRequest[R]) -> R:
        """Send a request, and return its answer."""

        def send() -> R:
            response = self._client.send_request(request.http())
            response.raise_for_status()
            return request.read(response)

        return retried(BATCH, self._account, self._retries, send)


class StorageGateway:
    """One storage account; see :class:`BatchGateway`.

    :param client: the SDK's client; default one of our own, whose answers are checked.
    """

    def __init__(
        self,
        accounts: Accounts,
        token: Any = None,
        clock: ServiceClock | None = None,
        retries: Retries | None = None,
        client: Any = None,
        *,
        observer: Observer | None = None,
        limit: float = READ_TIMEOUT,
    ) -> None:
        self.accounts = accounts
        self.clock = clock or ServiceClock()
        self._retries = retries or Retries()
        self.client = client or BlobServiceClient(
            accounts.blob_url,
            storage_credential(accounts, token),
            transport=WholeAnswerTransport(accounts.blob_url, self.clock, limit, observer),
            **storage_options(),
        )

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def next_page(self, pages: Any) -> list[Any]:
        """Read the next page of a list; empty where there is none."""
        return list(next(pages, ()))

    def send(self, request: StorageRequest[R]) -> R:
        """Send a request, and return its answer."""

        def send() -> R:
            calls = request.calls(self)
            result: Any = None
            while True:
                try:
                    result = calls.send(result)
                except StopIteration as end:
                    answer: R = end.value
                    return answer

        try:
            return retried(STORAGE, self.accounts.storage_name, self._retries, send)
        except ServiceError as error:
            return request.failed(error)


def connect(
    secrets: SecretsConfiguration, clock: ServiceClock, observer: ServicesObserver | None = None
) -> tuple[BatchGateway, StorageGateway]:
    """Make the gateways to both accounts; with Entra ID, their endpoints are looked up where they are not given."""
    token = token_of(secrets)
    accounts = find_accounts(secrets, token)
    of_batch, of_storage = (observer and partial(observer, service) for service in (BATCH, STORAGE))
    batch = BatchGateway(accounts, token, clock, observer=of_batch)
    return batch, StorageGateway(accounts, token, clock, observer=of_storage)
