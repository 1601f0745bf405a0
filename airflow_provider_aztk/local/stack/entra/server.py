"""Everything that a client with Entra ID needs, at one address: token issuer and Azure Resource Manager."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_aztk.local.batch.common.loopback import LOOPBACK, names_this_machine
from airflow_provider_aztk.local.stack.entra.arm import ResourceManager
from airflow_provider_aztk.local.stack.entra.issuer import METADATA_PATH, Issuer
from airflow_provider_aztk.local.stack.entra.tenant import APPLICATION, TENANT, USER_ASSIGNED

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.stack.entra.certificates import Certificates
    from airflow_provider_aztk.local.stack.entra.resources import Accounts
    from airflow_provider_aztk.local.stack.entra.tenant import Tenant

__all__ = ["EntraServer"]

_SHUTDOWN_SECONDS = 1.0


class EntraServer:
    """Serves the issuer and Resource Manager over https on loopback.

    :param backend: has the orders, and notes the requests.
    :param tenant: whose tokens are issued.
    :param accounts: what Resource Manager shows.
    :param certificates: of the server.
    :param directory: for the federated token.
    """

    def __init__(
        self, backend: Backend, tenant: Tenant, accounts: Accounts, certificates: Certificates, directory: Path
    ) -> None:
        self._tenant = tenant
        self._accounts = accounts
        self._certificates = certificates
        self._token_file = directory / "federated-token"
        self.resource_manager = ResourceManager(accounts, tenant, backend.faults, backend.recorder)
        self._issuer = Issuer(tenant, backend.faults, backend.recorder)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Begin to listen."""
        listener = socket.create_server((LOOPBACK, 0))
        self.url = f"https://{LOOPBACK}:{listener.getsockname()[1]}"
        with os.fdopen(os.open(self._token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self._tenant.federated_token())
        app = web.Application(middlewares=[_only_this_machine])
        app.add_routes([*self.resource_manager.routes(), *self._issuer.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, ssl_context=self._certificates.context).start()

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def describe(self) -> dict[str, Any]:
        """Return what a client needs to sign in, each way."""
        accounts = self._accounts
        return {
            "authority_host": self.url,
            "resource_manager_url": self.url,
            "batch_endpoint": f"https://{accounts.batch_host}",
            "blob_endpoint": accounts.blob_url,
            "batch_account_resource_id": accounts.batch_id,
            "storage_account_resource_id": accounts.storage_id if accounts.blob_url else None,
            "ca_file": str(self._certificates.ca_file),
            "tenant_id": TENANT,
            "client_id": APPLICATION.client_id,
            "client_secret": self._tenant.client_secret,
            "federated_token_file": str(self._token_file),
            "identity_endpoint": f"{self.url}/msi/token",
            "identity_header": self._tenant.identity_header,
            "metadata_host": f"{self.url}{METADATA_PATH}/{self._tenant.identity_header}",
            "managed_identity_client_id": USER_ASSIGNED.client_id,
            "airflow_conn": self._connection(),
        }

    def _connection(self) -> str:
        """Return the Airflow connection of the service principal."""
        extra = {
            "tenant_id": TENANT,
            "client_id": APPLICATION.client_id,
            "client_secret": self._tenant.client_secret,
            "batch_account_resource_id": self._accounts.batch_id,
            "storage_account_resource_id": self._accounts.storage_id if self._accounts.blob_url else None,
            "resource_manager_url": self.url,
        }
        return json.dumps({"conn_type": "aztk", "extra": extra})


@web.middleware
async def _only_this_machine(request: web.Request, handler: Any) -> web.StreamResponse:
    """Refuse what a web page could send."""
    name, _, _ = request.host.rpartition(":")
    if not names_this_machine(name) or "Origin" in request.headers or "Sec-Fetch-Site" in request.headers:
        raise web.HTTPForbidden(text="Requests of web pages are refused.")
    response: web.StreamResponse = await handler(request)
    return response
