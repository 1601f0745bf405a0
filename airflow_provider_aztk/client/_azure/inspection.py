"""Both accounts and Azure Resource Manager, for single requests of somebody who does not want to wait long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure.arm import ArmGateway
from airflow_provider_aztk.client._azure.batch import BatchRequest
from airflow_provider_aztk.client._azure.clock import ServiceClock, parse_date
from airflow_provider_aztk.client._azure.credentials import Accounts, shared_key_accounts, token_of
from airflow_provider_aztk.client._azure.errors import azure_errors
from airflow_provider_aztk.client._azure.gateways import BatchGateway, StorageGateway
from airflow_provider_aztk.client._azure.refusals import BATCH, RESOURCE_MANAGER, STORAGE
from airflow_provider_aztk.client._azure.retries import Retries
from airflow_provider_aztk.client._azure.storage import StorageRequest
from airflow_provider_aztk.client._runners import Runner
from airflow_provider_aztk.client.errors import AuthenticationError, ConnectionFailedError

if TYPE_CHECKING:
    from airflow_provider_aztk.client._requests import Request
    from airflow_provider_aztk.client.models import SecretsConfiguration

#: Seconds that connecting, and an answer, may take.
LIMIT = 10.0
_ENTRA_ID = "Microsoft Entra ID"
_RETRIES = Retries(tries=2, patience=5.0)


class ComparingClock(ServiceClock):
    """Notes how far this machine's clock is ahead of a service's; None before the first answer."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead: timedelta | None = None

    def note(self, date: str | None) -> None:
        """Take the time from an answer's ``Date`` header."""
        super().note(date)
        theirs = parse_date(date)
        if theirs is not None:
            self.ahead = datetime.now(UTC) - theirs


class Inspection:
    """Asks both accounts and Azure Resource Manager; nothing is sent before the first call.

    :param secrets: the credentials.
    :param limit: seconds that connecting, and an answer, may take.
    """

    def __init__(self, secrets: SecretsConfiguration, limit: float = LIMIT) -> None:
        self.secrets = secrets
        self.clocks = {name: ComparingClock() for name in (BATCH, STORAGE, RESOURCE_MANAGER)}
        self._limit = limit
        # azure-identity's own limits are minutes, and its own tries four.
        limits = {"connection_timeout": limit, "read_timeout": limit, "retry_total": 1}
        self._token = token_of(secrets, limits=limits)
        self._open: list[Any] = [] if self._token is None else [self._token]

    def close(self) -> None:
        """Close all connections."""
        while self._open:
            self._open.pop().close()

    def sign_in(self) -> None:
        """Get a token for Azure Batch; with account keys there is nothing to do.

        :raises AuthenticationError: Entra ID gave none.
        :raises ConnectionFailedError: it did not answer.
        """
        from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError

        principal = self.secrets.service_principal
        if principal is None:
            return
        with azure_errors(BATCH, principal.batch_account_name):
            try:
                self._token.get_token(principal.cloud.batch_scope)
            except ClientAuthenticationError as error:
                text = " ".join(str(error.message).split())
                if isinstance(error.__cause__, ServiceRequestError | ServiceResponseError):
                    raise ConnectionFailedError(f"does not answer: {text}", service=_ENTRA_ID) from error
                raise AuthenticationError(f"gives no token: {text}", service=_ENTRA_ID) from error

    def arm(self) -> ArmGateway:
        """Return Azure Resource Manager, which takes no account keys."""
        principal = self.secrets.service_principal
        assert principal is not None
        url, scope = principal.resource_manager_url or principal.cloud.arm, f"{principal.cloud.arm}/.default"
        arm = ArmGateway(url, scope, self._token, self.clocks[RESOURCE_MANAGER], _RETRIES, limit=self._limit)
        self._open.append(arm)
        return arm

    def batch(self, url: str | None) -> Runner:
        """Return what performs requests to the Batch account.

        :param url: its endpoint; with account keys, that of the connection.
        """
        accounts = self._accounts(batch_url=url)
        return self._runner(BatchGateway(accounts, self._token, self.clocks[BATCH], _RETRIES, limit=self._limit))

    def storage(self, url: str | None) -> Runner:
        """Return what performs requests to the storage account.

        :param url: its blob endpoint; with account keys, that of the connection.
        """
        accounts = self._accounts(blob_url=url)
        return self._runner(StorageGateway(accounts, self._token, self.clocks[STORAGE], _RETRIES, limit=self._limit))

    def _runner(self, gateway: BatchGateway | StorageGateway) -> Runner:
        runner = _OneAccount(self.secrets, gateway)
        self._open.append(runner)
        return runner

    def _accounts(self, *, batch_url: str | None = None, blob_url: str | None = None) -> Accounts:
        """Return the accounts, of which the other one's endpoint may be missing."""
        principal = self.secrets.service_principal
        if principal is None:
            found = shared_key_accounts(self.secrets)
            assert found is not None  # SecretsConfiguration has exactly one of the two
            return found
        return Accounts(
            batch_name=principal.batch_account_name,
            batch_url=(batch_url or "").rstrip("/"),
            storage_name=principal.storage_account_name,
            blob_url=(blob_url or "").rstrip("/"),
            batch_scope=principal.cloud.batch_scope,
        )


class _OneAccount(Runner):
    """Performs requests to one of the accounts; the other one may not be found."""

    def __init__(self, secrets: SecretsConfiguration, gateway: Any) -> None:
        super().__init__(secrets)
        self._gateway = gateway

    def close(self) -> None:
        """Close the connections."""
        self._gateway.close()

    def perform(self, request: Request[Any]) -> Any:
        """Send one request, and return its answer."""
        if isinstance(request, BatchRequest | StorageRequest):
            return self._gateway.send(request)
        return super().perform(request)
