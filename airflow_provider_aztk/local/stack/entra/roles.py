"""What the caller may do: the permissions of the built-in roles that the product needs.

See learn.microsoft.com/azure/role-based-access-control/built-in-roles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.services.entra_orders import EntraOrders

__all__ = ["permissions"]

Permission = dict[str, list[str]]

_CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"


def _permission(actions: list[str], data_actions: list[str] | None = None) -> Permission:
    return {"actions": actions, "notActions": [], "dataActions": data_actions or [], "notDataActions": []}


_READER = _permission(["*/read"])
_BATCH_DATA_CONTRIBUTOR = _permission(
    [
        "Microsoft.Authorization/*/read",
        "Microsoft.Batch/batchAccounts/read",
        "Microsoft.Batch/batchAccounts/applications/*",
        "Microsoft.Batch/batchAccounts/certificates/*",
        "Microsoft.Batch/batchAccounts/certificateOperationResults/*",
        "Microsoft.Batch/batchAccounts/pools/*",
        "Microsoft.Batch/batchAccounts/poolOperationResults/*",
        "Microsoft.Batch/locations/*/read",
        "Microsoft.Insights/alertRules/*",
        "Microsoft.Resources/deployments/*",
        "Microsoft.Resources/subscriptions/resourceGroups/read",
    ],
    ["Microsoft.Batch/batchAccounts/jobSchedules/*", "Microsoft.Batch/batchAccounts/jobs/*"],
)
_BLOB_DATA_CONTRIBUTOR = _permission(
    [
        f"{_CONTAINERS}/delete",
        f"{_CONTAINERS}/read",
        f"{_CONTAINERS}/write",
        "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
    ],
    [
        f"{_CONTAINERS}/blobs/delete",
        f"{_CONTAINERS}/blobs/read",
        f"{_CONTAINERS}/blobs/write",
        f"{_CONTAINERS}/blobs/move/action",
        f"{_CONTAINERS}/blobs/add/action",
    ],
)


def permissions(service: str, orders: EntraOrders) -> list[Permission]:
    """Return what the caller may do on an account.

    :param service: ``batch`` or ``storage``.
    """
    data = {"batch": _BATCH_DATA_CONTRIBUTOR, "storage": _BLOB_DATA_CONTRIBUTOR}[service]
    found = [] if orders.misses(service) else [data]
    return found if orders.misses("arm") else [_READER, *found]
