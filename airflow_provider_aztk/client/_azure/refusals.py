"""What to do when Azure refuses a credential: one fix for each code that says more than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client._azure import codes

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH = "Azure Batch"
STORAGE = "Azure Storage"

_FIELDS = {
    BATCH: "batch_account_name, batch_account_key and batch_service_url",
    STORAGE: "storage_account_name, storage_account_key and storage_service_url",
}
_ROLES = {
    BATCH: "'Azure Batch Data Contributor' on the Batch account",
    STORAGE: "'Storage Blob Data Contributor' on the storage account",
}
_ENTRA_ID = "sign in with Microsoft Entra ID (service_principal: a service principal, a managed identity or az login)"

#: What a SAS that a node may not use can be due to; Azure Batch says no more than that access was denied.
SAS_REFUSED = (
    "the storage account refuses the SAS of the cluster's container: its SAS policy may allow only shorter ones (set "
    "sas_lifetime), its firewall may exclude the nodes, or the key that signed it was renewed"
)


def refusal_fix(service: str, code: str, values: Mapping[str, str]) -> str:
    """Return what to do, as an order.

    :param values: the details of the error; one with ``AuthenticationErrorDetail`` has said itself what is wrong.
    """
    if code == codes.KEYS_ARE_OFF:
        return f"the account does not allow account keys: {_ENTRA_ID}, or allow key access for the account"
    if code == codes.FIREWALL and service == STORAGE:
        return (
            "the storage account's firewall refuses this machine's address: add it, or a virtual network rule or "
            f"private endpoint, for Airflow and for the nodes; if it has no firewall, check {_FIELDS[service]}"
        )
    if code in codes.ROLE_IS_MISSING:
        return f"the identity lacks a role: assign {_ROLES[service]}" if service in _ROLES else "assign it a role"
    fix = f"check {_FIELDS[service]} (or the service principal and its roles)"
    return fix if codes.AUTHENTICATION_DETAIL not in values else f"if that is not the reason, {fix}"
