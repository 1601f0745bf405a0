"""From our configuration to Azure's credentials and endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure.batch import API_VERSION
from airflow_provider_aztk.client._azure.blocks import READ_CHUNK
from airflow_provider_aztk.client._azure.clock import ServiceClock
from airflow_provider_aztk.client._azure.refusals import RESOURCE_MANAGER
from airflow_provider_aztk.client._azure.retries import NO_RETRIES, Retries, retried
from airflow_provider_aztk.client._azure.transport import CONNECT_TIMEOUT, READ_TIMEOUT, WholeAnswerTransport
from airflow_provider_aztk.client._clouds import PUBLIC, authority_of, is_private_authority
from airflow_provider_aztk.client.errors import AztkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_aztk.client.models import SecretsConfiguration, ServicePrincipalConfiguration

# Versions of Azure Resource Manager's interface, to find endpoints by resource id.
BATCH_ARM_VERSION = "2024-07-01"
STORAGE_ARM_VERSION = "2023-05-01"

_LIMITS = {"connection_timeout": CONNECT_TIMEOUT, "read_timeout": READ_TIMEOUT, **NO_RETRIES}


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Where the two accounts are; keys are None when a token credential is used."""

    batch_name: str
    batch_url: str
    storage_name: str
    blob_url: str
    batch_key: str | None = None
    storage_key: str | None = None
    batch_scope: str = PUBLIC.batch_scope

    def __repr__(self) -> str:
        return f"Accounts(batch={self.batch_url!r}, blob={self.blob_url!r})"


def token_credential(
    service_principal: ServicePrincipalConfiguration, *, aio: bool = False, limits: Mapping[str, Any] | None = None
) -> Any:
    """Make the azure-identity credential: a service principal's, or whatever this process runs as.

    :param limits: of its requests, such as ``connection_timeout``.
    """
    identity: Any = import_module("azure.identity.aio" if aio else "azure.identity")
    authority = authority_of(service_principal.cloud)
    # What is not given is left out: an explicit None would hide AZURE_AUTHORITY_HOST and AZURE_CLIENT_ID.
    options: dict[str, Any] = {"authority": authority} if authority else {}
    if is_private_authority():  # azure-identity would ask the public cloud whether it knows that host
        options["disable_instance_discovery"] = True
    options.update(limits or {})
    if service_principal.credential:
        return identity.ClientSecretCredential(
            tenant_id=str(service_principal.tenant_id),
            client_id=str(service_principal.client_id),
            client_secret=service_principal.credential,
            **options,
        )
    if service_principal.client_id:
        options["managed_identity_client_id"] = service_principal.client_id
    return identity.DefaultAzureCredential(**options)


def batch_credential(accounts: Accounts, token: Any) -> Any:
    """Choose between the account key and a token."""
    if accounts.batch_key is None:
        return token
    from azure.core.credentials import AzureNamedKeyCredential

    return AzureNamedKeyCredential(accounts.batch_name, accounts.batch_key)


def storage_credential(accounts: Accounts, token: Any) -> Any:
    """Choose between the account key and a token."""
    if accounts.storage_key is None:
        return token
    return {"account_name": accounts.storage_name, "account_key": accounts.storage_key}


def batch_options(accounts: Accounts) -> dict[str, Any]:
    """Return the options of the SDK's Batch clients, sync and async."""
    return {"api_version": API_VERSION, "credential_scopes": [accounts.batch_scope], **_LIMITS}


def storage_options() -> dict[str, Any]:
    """Return the options of the SDK's storage clients, sync and async.

    A download is read in ranges that fit the memory, each of which is asked for again by itself.
    """
    return {"max_single_get_size": READ_CHUNK, "max_chunk_get_size": READ_CHUNK, **_LIMITS}


def find_accounts(secrets: SecretsConfiguration, token: Any) -> Accounts:
    """Return where the two accounts are; with Entra ID, what is not given is looked up by resource id.

    :param token: of :func:`token_of`, not an asynchronous one.
    """
    if secrets.service_principal is not None:
        return look_up_accounts(secrets.service_principal, token)
    found = shared_key_accounts(secrets)
    assert found is not None  # SecretsConfiguration has exactly one of the two
    return found


def token_of(secrets: SecretsConfiguration, *, aio: bool = False, limits: Mapping[str, Any] | None = None) -> Any:
    """Make the azure-identity credential, or return None where there is a shared key."""
    principal = secrets.service_principal
    return None if principal is None else token_credential(principal, aio=aio, limits=limits)


def shared_key_accounts(secrets: SecretsConfiguration) -> Accounts | None:
    """Return the accounts of a shared key, or None where Entra ID is used."""
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
    arm = (principal.resource_manager_url or principal.cloud.arm).rstrip("/"), f"{principal.cloud.arm}/.default"
    if batch_url is None:
        found = _arm_get(*arm, principal.batch_account_resource_id, BATCH_ARM_VERSION, credential, transport)
        batch_url = f"https://{found['accountEndpoint']}"
    if blob_url is None:
        found = _arm_get(*arm, principal.storage_account_resource_id, STORAGE_ARM_VERSION, credential, transport)
        blob_url = str(found["primaryEndpoints"]["blob"])
    return Accounts(
        batch_name=principal.batch_account_name,
        batch_url=batch_url.rstrip("/"),
        storage_name=principal.storage_account_name,
        blob_url=blob_url.rstrip("/"),
        batch_scope=principal.cloud.batch_scope,
    )


def _arm_get(
    arm: str, scope: str, resource_id: str, api_version: str, credential: Any, transport: Any
) -> dict[str, Any]:
    """Read the properties of a resource."""
    from azure.core import PipelineClient
    from azure.core.pipeline.policies import BearerTokenCredentialPolicy
    from azure.core.rest import HttpRequest

    policies = [BearerTokenCredentialPolicy(credential, scope)]
    url = f"{arm}/{resource_id.strip('/')}"
    transport = transport or WholeAnswerTransport(arm, ServiceClock())
    client: Any
    with PipelineClient(arm, policies=policies, transport=transport) as client:

        def send() -> Any:
            response = client.send_request(HttpRequest("GET", url, params={"api-version": api_version}))
            response.raise_for_status()
            return response.json()

        found = retried(RESOURCE_MANAGER, resource_id, Retries(), send)
    properties = found.get("properties") if isinstance(found, dict) else None
    if not isinstance(properties, dict):
        raise AztkError(f"Azure Resource Manager gave no properties for {resource_id}")
    return properties
