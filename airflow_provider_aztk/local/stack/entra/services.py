"""The part of a stack that is for Microsoft Entra ID: what the emulator needs of it, and its own servers."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.local.batch.common.loopback import LOOPBACK
from airflow_provider_aztk.local.stack.entra.blob_front import BlobFront
from airflow_provider_aztk.local.stack.entra.certificates import make_certificates
from airflow_provider_aztk.local.stack.entra.resources import Accounts
from airflow_provider_aztk.local.stack.entra.server import EntraServer
from airflow_provider_aztk.local.stack.entra.storage_access import StorageAccess
from airflow_provider_aztk.local.stack.entra.tenant import BATCH_AUDIENCES, Tenant

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from airflow_provider_aztk.local.batch.common.tokens import TokenRules
    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.stack.azurite.server import AzuriteServer
    from airflow_provider_aztk.local.stack.entra.certificates import Certificates

__all__ = ["EntraServices"]


class EntraServices:
    """Keys, certificates and servers; made before the emulator, and started after it.

    :param directory: for certificates; readable by its owner only.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._certificates: Certificates = make_certificates(directory)
        self._tenant = Tenant()
        self._batch_listener = socket.create_server((LOOPBACK, 0))
        self._server: EntraServer | None = None
        self._blobs: BlobFront | None = None

    @classmethod
    async def make(cls, directory: Path) -> EntraServices:
        """Make the keys in a thread: they take a tenth of a second."""
        return await asyncio.to_thread(cls, directory)

    @property
    def batch_tokens(self) -> TokenRules:
        """Which tokens the Batch service takes: those of each cloud."""
        return self._tenant.rules(BATCH_AUDIENCES)

    @property
    def batch_https(self) -> tuple[socket.socket, ssl.SSLContext]:
        """Where the Batch service listens for https."""
        return self._batch_listener, self._certificates.context

    @property
    def ca_file(self) -> Path:
        """What clients are to trust."""
        return self._certificates.ca_file

    async def start(self, backend: Backend, azurite: AzuriteServer | None) -> None:
        """Start the servers.

        :param azurite: the blob service that is served over https as well; None: there is none.
        """
        if azurite is not None:
            self._blobs = BlobFront(azurite.endpoint, backend.recorder, self._certificates.context)
        accounts = Accounts(
            batch_name=backend.settings.account,
            batch_host=f"{LOOPBACK}:{self._batch_listener.getsockname()[1]}",
            storage_name=azurite.account if azurite else "",
            blob_url=self._blobs.url if self._blobs else None,
        )
        self._server = EntraServer(backend, self._tenant, accounts, self._certificates, self._directory)
        await self._server.start()
        if azurite is not None and self._blobs is not None:
            allows_keys = self._server.resource_manager.allows_keys
            orders = backend.faults
            access = StorageAccess(azurite.account, azurite.key, self._tenant, lambda: orders.entra, allows_keys)
            await self._blobs.start(access)

    async def close(self) -> None:
        """Stop the servers."""
        if self._server is not None:
            await self._server.close()
        if self._blobs is not None:
            await self._blobs.close()
        self._batch_listener.close()

    def describe(self) -> dict[str, Any] | None:
        """Return what a client needs to sign in, each way."""
        return None if self._server is None else self._server.describe()
