"""Whether the credential may do all that the product does on both accounts."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure import probes
from airflow_provider_aztk.client.errors import AztkError, ConnectionFailedError, ServiceError
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning
from airflow_provider_aztk.doctor.refusals import BATCH_ROLE, ROLES_PAGE, STORAGE_ROLE, fix_of, is_refused, message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_aztk.doctor.facts import Facts

Json = dict[str, Any]

_RBAC_PAGE = "https://learn.microsoft.com/azure/batch/batch-role-based-access-control"
_BATCH = "Microsoft.Batch/batchAccounts"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices"
#: What the product does, as operations of Azure's roles: those of the resource, and those of its data.
BATCH_OPERATIONS = (
    (f"{_BATCH}/pools/read", f"{_BATCH}/pools/write", f"{_BATCH}/pools/delete"),
    (f"{_BATCH}/jobs/read", f"{_BATCH}/jobs/write", f"{_BATCH}/jobs/delete"),
)
STORAGE_OPERATIONS = (
    (
        f"{_BLOBS}/containers/read",
        f"{_BLOBS}/containers/write",
        f"{_BLOBS}/containers/delete",
        f"{_BLOBS}/generateUserDelegationKey/action",
    ),
    (f"{_BLOBS}/containers/blobs/read", f"{_BLOBS}/containers/blobs/write", f"{_BLOBS}/containers/blobs/delete"),
)


def batch(facts: Facts) -> Iterator[Finding]:
    """Ask for each right of Batch with a job or pool that does not exist."""
    runner = facts.batch()
    refused: dict[str, AztkError] = {}
    for operation, request in probes.batch_rights().items():
        try:
            runner.run(request)
        except ConnectionFailedError:
            raise
        except AztkError as answer:
            if is_refused(answer):
                refused[operation] = answer
            elif not isinstance(answer, ServiceError) or (answer.status or 500) >= 500:
                raise
    if not refused:
        yield ok("batch-rights", facts.batch_name, "jobs and pools can be read, written and deleted")
        return
    first = next(iter(refused.values()))
    fix = fix_of(first, facts.batch_name, BATCH_ROLE, has_token=facts.has_token)
    yield error("batch-rights", facts.batch_name, f"refuses {', '.join(refused)}: {message_of(first)}", fix, _RBAC_PAGE)


def roles(facts: Facts) -> Iterator[Finding]:
    """Compare what the roles allow, as Azure Resource Manager lists it, with what the product does."""
    if not facts.has_token:
        return
    yield from _roles(facts.batch_permissions, "batch-roles", facts.batch_name, BATCH_ROLE, *BATCH_OPERATIONS)
    yield from _roles(facts.storage_permissions, "storage-roles", facts.storage_name, STORAGE_ROLE, *STORAGE_OPERATIONS)


def _roles(
    ask: Callable[[], list[Json]],
    check: str,
    subject: str,
    role: str,
    actions: Iterable[str],
    data_actions: Iterable[str],
) -> Iterator[Finding]:
    try:
        found = ask()
    except AztkError as unread:
        fix = f"assign the role 'Reader' on the {subject} to see them here; or compare them in the portal: {role}"
        yield warning(check, f"roles on the {subject}", f"unknown: {message_of(unread)}", fix, ROLES_PAGE)
        return
    missing = [name for name in actions if not allows(found, name)]
    missing += [
        name for name in data_actions if not allows(found, name, data=True) and not _is_contributor(found, name)
    ]
    if missing:
        fix = f"assign the role '{role}' on the {subject} as a whole; a new assignment takes up to 10 minutes"
        text = f"do not allow {', '.join(missing)}"
        yield warning(check, f"roles on the {subject}", text, fix, ROLES_PAGE)
    else:
        yield ok(check, f"roles on the {subject}", "allow all that is needed")


def allows(permissions: Iterable[Json], operation: str, *, data: bool = False) -> bool:
    """Return whether permissions allow an operation.

    See learn.microsoft.com/azure/role-based-access-control/role-definitions.

    :param permissions: each with ``actions``, ``notActions``, ``dataActions`` and ``notDataActions``.
    :param data: whether it is an operation on data.
    """
    given, taken = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    return any(
        _matches(operation, permission.get(given)) and not _matches(operation, permission.get(taken))
        for permission in permissions
    )


def _is_contributor(permissions: Iterable[Json], operation: str) -> bool:
    """Return whether a role such as Contributor gives the right: Batch took it before it had operations on data.

    See learn.microsoft.com/azure/batch/batch-aad-auth.
    """
    return operation.startswith(_BATCH) and allows(permissions, operation)


def _matches(operation: str, patterns: Iterable[str] | None) -> bool:
    return any(fnmatchcase(operation.lower(), str(pattern).lower()) for pattern in patterns or ())
