"""What to do about a request that an account has refused, by the code of the answer."""

from __future__ import annotations

from airflow_provider_aztk.client.errors import AuthenticationError, AztkError, ConnectionFailedError, ServiceError
from airflow_provider_aztk.hooks.form_labels import with_form_labels

__all__ = ["BATCH_ROLE", "READER", "ROLES_PAGE", "STORAGE_ROLE", "fix_of", "is_refused", "message_of"]

BATCH_ROLE = "Azure Batch Data Contributor"
STORAGE_ROLE = "Storage Blob Data Contributor"
READER = "Reader"
ROLES_PAGE = "https://learn.microsoft.com/azure/role-based-access-control/role-assignments-portal"

_ASSIGN = "assign the role '{role}' on the {account} to whoever signs in, and wait up to 10 minutes"
#: learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and
#: learn.microsoft.com/rest/api/batchservice/batch-status-and-error-codes
_BY_CODE = {
    "AuthorizationFailure": "this is the firewall of the {account}, not the key: allow the network of this machine and "
    "of the nodes under Networking",
    "AuthorizationPermissionMismatch": _ASSIGN,
    "AuthorizationFailed": _ASSIGN,
    "InsufficientAccountPermissions": _ASSIGN,
    "UnauthorizedOperation": _ASSIGN,
    "KeyBasedAuthenticationNotPermitted": "account keys are switched off for the {account}: sign in with Entra ID (no "
    "password, no storage_access_key, both resource ids), or allow keys under Configuration",
    **dict.fromkeys(
        ("ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"),
        "check the resource id of the {account} in the connection: subscription, resource group and name",
    ),
    "AccountIsDisabled": "the {account} is disabled: see its page in the portal",
}
_OF_KEYS = "check the name and the key of the {account} in the connection; a rotated key is no longer taken"


def is_refused(error: AztkError) -> bool:
    """Return whether an error says that the caller may not do this."""
    return isinstance(error, AuthenticationError) or (isinstance(error, ServiceError) and error.status in (401, 403))


def message_of(error: AztkError) -> str:
    """Return what an error says, with the names of the connection's form."""
    return with_form_labels(str(error))


def fix_of(error: AztkError, account: str, role: str, *, has_token: bool) -> str:
    """Return what to do about an error.

    :param account: e.g. ``storage account 'store'``.
    :param role: the role that allows it.
    :param has_token: whether Entra ID is used.
    """
    if isinstance(error, ConnectionFailedError):
        return f"check the address of the {account} in the connection, DNS, the proxy, and the firewall of this network"
    code = getattr(error, "code", None) or ""
    text = _BY_CODE.get(code)
    if code == "AuthorizationFailure" and has_token and account.startswith("Batch"):
        text = _ASSIGN  # Batch's for a missing role (github.com/Azure/BatchExplorer/issues/2203)
    if text is None and is_refused(error):
        text = _ASSIGN if has_token else _OF_KEYS
    if text is None:
        return f"see the {account} in the portal; if it is a passing trouble of Azure, run doctor again"
    return text.format(account=account, role=role)
