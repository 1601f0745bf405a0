"""From our configuration to Azure's credentials and endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure.errors import BATCH, STORAGE, azure_errors
from airflow_provider_aztk.client.errors import AztkError

if TYPE_CHECKING:
    from airflow_provider_aztk.client.models import SecretsConfiguration, ServicePrincipalConfiguration

# Azure Resource Manager, for the look-up of endpoints by resource id.
ARM = "https://management.azure.com"
BATCH_ARM_VERSION = "2024-07-01"
STORAGE_ARM_VERSION = "2023-05-01"


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Where the two accounts are; keys are None when a token credential is used."""

    batch_name: str
    batch_url: str
    storage_name: str
    blob_url: str
    batch_key: str | None = None
    storage_key: str | None = None

    def __repr__(self) -> str:
        return f"Accounts(batch={self.batch_url!r}, blob={self.blob_url!r})"


def token_credential(service_principal: ServicePrincipalConfiguration, *, aio: bool = False) -> Any:
    """Make the azure-identity credential: a service principal's, or whatever this process runs as."""
    identity: Any = import_module("azure.identity.aio" if aio else "azure.identity")
    if service_principal.credential:
        return identity.ClientSecretCredential(
            tenant_id=str(service_principal.tenant_id),
            client_id=str(service_principal.client_id),
            client_secret=service_principal.credential,
        )
    return identity.DefaultAzureCredential(managed_identity_client_id=service_principal.client_id)


def shared_key_accounts(secrets: SecretsConfiguration) -> Accounts | None:
    """Give the accounts of a shared key, or None where Entra ID is used."""
    key = secrets.shared_key
    if key is None:
        return None
    return Accounts(
        batch_name=key.batch_account_name,
        batch_url=key.batch_service_url.rstrip("/"),
        batch_key=key.batch_account_key,
        storage_name=key.storage_account_name,
        blob_url=key.blob_endpoint,
        storage_key=key.storage_account_key,
    )


def look_up_accounts(principal: ServicePrincipalConfiguration, credential: Any, transport: Any = None) -> Accounts:
    """Find the endpoints of the two accounts by their resource ids, as far as they are not given.

    See learn.microsoft.com/rest/api/batchmanagement/batch-account/get and
    learn.microsoft.com/rest/api/storagerp/storage-accounts/get-properties.
    """
    batch_url, blob_url = principal.batch_service_url, principal.storage_service_url
    if batch_url is None:
        with azure_errors(BATCH, principal.batch_account_name):
            found = _arm_get(principal.batch_account_resource_id, BATCH_ARM_VERSION, credential, transport)
        batch_url = "https://" + str(found["properties"]["accountEndpoint"])
    if blob_url is None:
        with azure_errors(STORAGE, principal.storage_account_name):
            found = _arm_get(principal.storage_account_resource_id, STORAGE_ARM_VERSION, credential, transport)
        blob_url = str(found["properties"]["primaryEndpoints"]["blob"])
    return Accounts(
        batch_name=principal.batch_account_name,
        batch_url=batch_url.rstrip("/"),
        storage_name=principal.storage_account_name,
        blob_url=blob_url.rstrip("/"),
    )


def _arm_get(resource_id: str, api_version: str, credential: Any, transport: Any) -> dict[str, Any]:
    from azure.core import PipelineClient
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
    from azure.core.rest import HttpRequest

    policies = [RetryPolicy(), BearerTokenCredentialPolicy(credential, f"{ARM}/.default")]
    extra = {"transport": transport} if transport is not None else {}
    with PipelineClient(ARM, policies=policies, **extra) as client:
        url = f"{ARM}/{resource_id.strip('/')}"
        response = client.send_request(HttpRequest("GET", url, params={"api-version": api_version}))
        response.raise_for_status()
        found = response.json()
    if not isinstance(found, dict):
        raise AztkError(f"Azure Resource Manager gave no object for {resource_id}")
    return found
