"""The hook: create clients of Azure Batch and Storage from an Airflow connection of type ``aztk``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_aztk.configuration.references import mask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_aztk.client import AsyncClient, Client, models

__all__ = ["AztkHook"]


class AztkHook(BaseHook):
    """Connect to one Azure Batch account and its storage account.

    Connection fields: host = Batch service URL, login = Batch account name, password = Batch account key; everything
    else is in the extra, see ``docs/connection.md``. Without a key, a service principal (``client_secret``) is used,
    and without that the default Azure credential of the machine (managed identity, workload identity, az login).

    :param aztk_conn_id: the connection to use.
    """

    conn_name_attr = "aztk_conn_id"
    default_conn_name = "aztk_default"
    conn_type = "aztk"
    hook_name = "Azure Batch Spark (AZTK)"

    def __init__(self, aztk_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.aztk_conn_id = aztk_conn_id
        self._secrets: models.SecretsConfiguration | None = None

    @property
    def secrets(self) -> models.SecretsConfiguration:
        """The credentials, read from the connection once and masked in all logs."""
        if self._secrets is None:
            self._secrets = self._read(self.get_connection(self.aztk_conn_id), self.aztk_conn_id)
        return self._secrets

    async def aget_secrets(self) -> models.SecretsConfiguration:
        """Return :attr:`secrets` without blocking a triggerer's event loop."""
        if self._secrets is None:
            self._secrets = self._read(await self.aget_connection(self.aztk_conn_id), self.aztk_conn_id)
        return self._secrets

    def get_client(self) -> Client:
        """Return a new synchronous client; the caller closes it, or uses it as a context manager.

        :raises InvalidConfigurationError: naming each field of the connection that is missing or wrong.
        """
        from airflow_provider_aztk.client import Client

        return Client(self.secrets)

    async def get_async_client(self) -> AsyncClient:
        """Return a new asynchronous client, to be used as an async context manager.

        :raises InvalidConfigurationError: naming each field of the connection that is missing or wrong.
        """
        from airflow_provider_aztk.client import AsyncClient

        return AsyncClient(await self.aget_secrets())

    def get_conn(self) -> Client:
        """Return a new synchronous client (Airflow's own name for :meth:`get_client`)."""
        return self.get_client()

    def test_connection(self) -> tuple[bool, str]:
        """Send a read request to Azure Batch, and then one to Storage; Airflow's UI calls this.

        :return: whether both answer, and a message without secrets, which names the first service that does not.
        """
        from airflow.providers.common.compat.sdk import redact

        from airflow_provider_aztk.client import errors
        from airflow_provider_aztk.hooks.form_labels import with_form_labels

        try:
            with self.get_client() as client:
                client.test_connection()
        except (errors.AztkError, ValueError) as error:
            return False, str(redact(with_form_labels(str(error))))
        account = self.secrets.account_key.split("|")
        return True, f"Azure Batch account {account[0]} and storage account {account[1]} answer"

    @staticmethod
    def _read(connection: Connection, conn_id: str) -> models.SecretsConfiguration:
        from airflow_provider_aztk.hooks.connection import secrets_of

        return secrets_of(connection, conn_id, mask)
