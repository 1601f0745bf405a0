"""What to do about a request that was refused or not answered."""

from __future__ import annotations

from airflow_provider_aztk.client._azure import codes
from airflow_provider_aztk.client.errors import AuthenticationError, AztkError, ConnectionFailedError, ServiceError
from airflow_provider_aztk.hooks.form_labels import with_form_labels

__all__ = ["BATCH_ROLE", "READER", "ROLES_PAGE", "STORAGE_ROLE", "fix_of", "is_refused", "message_of"]

BATCH_ROLE = "Azure Batch Data Contributor"
STORAGE_ROLE = "Storage Blob Data Contributor"
READER = "Reader"
ROLES_PAGE = "https://learn.microsoft.com/azure/role-based-access-control/role-assignments-portal"

_ASSIGN = "assign the role '{role}' on the {account} to whoever signs in; a new role takes up to 10 minutes"
_OF_KEYS = "check the name and the key of the {account} in the connection; a rotated key is no longer taken"
#: learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
_NOT_FOUND = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"})


def is_refused(error: AztkError) -> bool:
    """Return whether an error says that the caller may not do this."""
    return isinstance(error, AuthenticationError) or (isinstance(error, ServiceError) and error.status in (401, 403))


def message_of(error: AztkError) -> str:
    """Return what an error says, with the names of the connection's form, and without its fix."""
    text = str(error)
    if isinstance(error, AuthenticationError) and error.fix:
        text = text.removesuffix(f"; {error.fix}")
    return with_form_labels(text)


def fix_of(error: AztkError, account: str, role: str, *, has_token: bool) -> str:
    """Return what to do about an error.

    :param account: e.g. ``storage account 'store'``.
    :param role: the role that allows it.
    :param has_token: whether Entra ID is used.
    """
    if isinstance(error, ConnectionFailedError):
        return f"check the address of the {account} in the connection, DNS, the proxy, and the firewall of this network"
    code = getattr(error, "code", None)
    if code in _NOT_FOUND:
        return f"check the resource id of the {account} in the connection: subscription, resource group and name"
    if not is_refused(error):
        return f"see the {account} in the portal; if it is a passing trouble of Azure, run doctor again"
    if code in codes.ROLE_IS_MISSING:
        return _ASSIGN.format(role=role, account=account)
    fix = error.fix if isinstance(error, AuthenticationError) and code != codes.AUTHENTICATION_FAILED else ""
    if has_token:
        return with_form_labels(fix) or _ASSIGN.format(role=role, account=account)
    return with_form_labels(fix) or _OF_KEYS.format(account=account)
