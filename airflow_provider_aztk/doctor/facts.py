"""What the checks are made from: each thing is asked once, whichever check wants it first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_aztk.client._actions.containers import KEY_SAS_LIFETIME
from airflow_provider_aztk.client._azure import batch, probes
from airflow_provider_aztk.client._azure.arm import PERMISSIONS_VERSION
from airflow_provider_aztk.client._azure.credentials import BATCH_ARM_VERSION, STORAGE_ARM_VERSION
from airflow_provider_aztk.client._azure.inspection import Inspection
from airflow_provider_aztk.client._azure.sas import DELEGATED_SAS_MARGIN, MAX_DELEGATED_SAS
from airflow_provider_aztk.client._azure.storage import FirstContainer
from airflow_provider_aztk.client.errors import AztkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_aztk.client._azure.arm import ArmGateway
    from airflow_provider_aztk.client._runners import Runner
    from airflow_provider_aztk.client.models import (
        ClusterConfiguration,
        SecretsConfiguration,
        ServicePrincipalConfiguration,
    )

Json = dict[str, Any]
R = TypeVar("R")


class BlockedError(Exception):
    """Something cannot be asked, because of what another check reports.

    :param why: what does not answer.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NoTokenError(Exception):
    """Account keys do not open Azure Resource Manager."""


class _Once(Generic[R]):
    """Ask for something once; others wait for the same answer, or get the same error."""

    def __init__(self, ask: Callable[[], R]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._answer: tuple[R] | None = None
        self._error: Exception | None = None

    def __call__(self) -> R:
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._answer is None:
                try:
                    self._answer = (self._ask(),)
                except Exception as error:
                    self._error = error
                    raise
            return self._answer[0]


class Facts:
    """All that is asked of Azure.

    :param secrets: the credentials.
    :param cluster: the definition to check for.
    """

    def __init__(self, secrets: SecretsConfiguration, cluster: ClusterConfiguration) -> None:
        self.secrets = secrets
        self.cluster = cluster
        self.inspection = Inspection(secrets)
        #: Sign in; these three are reported by the check of their name, and block the others where they fail.
        self.sign_in = _Once(self.inspection.sign_in)
        self.batch_answer = _Once(lambda: self._batch().run(batch.first_job()))
        self.storage_answer = _Once(lambda: self._storage().run(FirstContainer()))
        self.batch_account = _Once(lambda: self._arm().get(self.principal.batch_account_resource_id, BATCH_ARM_VERSION))
        self.storage_account = _Once(lambda: self._arm().get(self._storage_id, STORAGE_ARM_VERSION))
        self.blob_service = _Once(
            lambda: self._arm().get(f"{self._storage_id.rstrip('/')}/blobServices/default", STORAGE_ARM_VERSION)
        )
        self.batch_permissions = _Once(lambda: self._permissions(self.principal.batch_account_resource_id))
        self.storage_permissions = _Once(lambda: self._permissions(self._storage_id))
        self.sizes = _Once(self._sizes)
        self.images = _Once(lambda: self.batch().run(probes.list_all_images()))
        self.pools = _Once(lambda: self.batch().run(probes.list_pool_sizes()))
        self.active_jobs = _Once(lambda: len(self.batch().run(probes.list_active_jobs())))
        self._arm = _Once(self._signed_in_arm)
        self._batch = _Once(self._connect_batch)
        self._storage = _Once(self._connect_storage)

    @property
    def principal(self) -> ServicePrincipalConfiguration:
        """How Entra ID is used.

        :raises NoTokenError: it is not.
        """
        if self.secrets.service_principal is None:
            raise NoTokenError
        return self.secrets.service_principal

    @property
    def has_token(self) -> bool:
        """Whether Entra ID is used."""
        return self.secrets.service_principal is not None

    @property
    def batch_name(self) -> str:
        """The Batch account, for texts."""
        return f"Batch account {(self.secrets.shared_key or self.principal).batch_account_name!r}"

    @property
    def storage_name(self) -> str:
        """The storage account, for texts."""
        return f"storage account {(self.secrets.shared_key or self.principal).storage_account_name!r}"

    @property
    def longest_sas(self) -> timedelta | None:
        """How long a SAS lives at most: by the connection's ``sas_lifetime``, and with Entra ID; None for no limit."""
        limits = [self.secrets.sas_lifetime, MAX_DELEGATED_SAS - DELEGATED_SAS_MARGIN if self.has_token else None]
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def sas_lifetime(self) -> timedelta:
        """How long the SAS of the cluster's nodes lives, as the client signs it."""
        lifetime, longest = self.cluster.max_lifetime, self.longest_sas
        wanted = KEY_SAS_LIFETIME if lifetime is None else lifetime + timedelta(days=1)
        return wanted if longest is None else min(wanted, longest)

    @property
    def now(self) -> datetime:
        """The time of Azure, as far as an answer had it."""
        return next(
            (clock.now() for clock in self.inspection.clocks.values() if clock.ahead is not None), datetime.now(UTC)
        )

    def batch(self) -> Runner:
        """Return what performs requests to Batch.

        :raises BlockedError: Batch does not answer.
        """
        self._require(self.batch_answer, "Azure Batch does not answer")
        return self._batch()

    def storage(self) -> Runner:
        """Return what performs requests to storage.

        :raises BlockedError: Storage does not answer.
        """
        self._require(self.storage_answer, "Azure Storage does not answer")
        return self._storage()

    def close(self) -> None:
        """Close all connections."""
        self.inspection.close()

    @property
    def _storage_id(self) -> str:
        return self.principal.storage_account_resource_id

    def _connect_batch(self) -> Runner:
        self._require(self.sign_in, "Microsoft Entra ID gives no token")
        if not self.has_token or self.principal.batch_service_url:
            return self.inspection.batch(self.principal.batch_service_url if self.has_token else None)
        account = self._require(self.batch_account, "the endpoint of the Batch account cannot be looked up")
        return self.inspection.batch(f"https://{account['properties']['accountEndpoint']}")

    def _connect_storage(self) -> Runner:
        self._require(self.sign_in, "Microsoft Entra ID gives no token")
        if not self.has_token or self.principal.storage_service_url:
            return self.inspection.storage(self.principal.storage_service_url if self.has_token else None)
        account = self._require(self.storage_account, "the endpoint of the storage account cannot be looked up")
        return self.inspection.storage(str(account["properties"]["primaryEndpoints"]["blob"]))

    def _signed_in_arm(self) -> ArmGateway:
        if not self.has_token:
            raise NoTokenError
        self._require(self.sign_in, "Microsoft Entra ID gives no token")
        return self.inspection.arm()

    def _permissions(self, resource: str) -> list[Json]:
        path = f"{resource.rstrip('/')}/providers/Microsoft.Authorization/permissions"
        return self._arm().list(path, PERMISSIONS_VERSION)

    def _sizes(self) -> list[Json]:
        account = self._require(self.batch_account, "the Batch account cannot be read")
        subscription = self.principal.batch_account_resource_id.strip("/").split("/")[1]
        path = f"/subscriptions/{subscription}/providers/Microsoft.Batch/locations/{account['location']}"
        return self._arm().list(f"{path}/virtualMachineSkus", BATCH_ARM_VERSION)

    @staticmethod
    def _require(ask: Callable[[], R], why: str) -> R:
        try:
            return ask()
        except AztkError:
            raise BlockedError(why) from None
