"""What to do when Azure refuses a credential: one fix for each code that says more than that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client._azure import codes

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH = "Azure Batch"
STORAGE = "Azure Storage"
RESOURCE_MANAGER = "Azure Resource Manager"

_FIELDS = {
    BATCH: "batch_account_name, batch_account_key and batch_service_url",
    STORAGE: "storage_account_name, storage_account_key and storage_service_url",
    RESOURCE_MANAGER: "tenant_id, client_id, credential and resource_manager_url",
}
# The roles that docs/connection.md lists (learn.microsoft.com/azure/role-based-access-control/built-in-roles).
_ROLES = {
    BATCH: "'Azure Batch Data Contributor' on the Batch account {account!r}",
    STORAGE: "'Storage Blob Data Contributor' on the whole storage account {account!r}, not only on a container",
    RESOURCE_MANAGER: "'Reader' on {account}, or give the URL of the service, so that nothing is looked up",
}
_ROLE_ON_LINKED_RESOURCE = (
    "the identity lacks a role on the resource that is named: for a subnet assign 'Network Contributor' on its virtual "
    "network, for an image 'Reader' on its gallery"
)
_ENTRA_ID = "sign in with Microsoft Entra ID (service_principal: a service principal, a managed identity or az login)"

#: What a SAS that a node may not use can be due to; Azure Batch says no more than that access was denied.
SAS_REFUSED = (
    "the storage account refuses the SAS of the cluster's container: its SAS policy may allow only shorter ones (set "
    "sas_lifetime), its firewall may exclude the nodes, or the key that signed it was renewed"
)


def refusal_fix(service: str, account: str, code: str, values: Mapping[str, str]) -> str:
    """Return what to do, as an order.

    :param account: the account's name; for Resource Manager the resource id.
    :param values: the details of the error; one with ``AuthenticationErrorDetail`` has said itself what is wrong.
    """
    if code == codes.KEYS_ARE_OFF:
        return f"the account does not allow account keys: {_ENTRA_ID}, or allow key access for the account"
    if code == codes.FIREWALL and service == STORAGE:
        return (
            "the storage account's firewall refuses this machine's address: add it, or a virtual network rule or "
            f"private endpoint, for Airflow and for the nodes; if it has no firewall, check {_FIELDS[service]}"
        )
    if code == codes.ROLE_ON_LINKED_RESOURCE:
        return _ROLE_ON_LINKED_RESOURCE
    if code in (codes.FIREWALL, *codes.ROLE_IS_MISSING):
        fix = f"the identity lacks a role: assign {_ROLES[service].format(account=account)}"
        return f"{fix}; if it has it, allow this machine's address" if code == codes.FIREWALL else fix
    fix = f"check {_FIELDS[service]} (or the service principal and its roles)"
    return fix if codes.AUTHENTICATION_DETAIL not in values else f"if that is not the reason, {fix}"
