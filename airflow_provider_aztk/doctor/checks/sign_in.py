"""Whether the two accounts and Azure Resource Manager take the credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client.errors import AztkError, ConnectionFailedError
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning
from airflow_provider_aztk.doctor.refusals import BATCH_ROLE, READER, ROLES_PAGE, STORAGE_ROLE, fix_of, message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.doctor.facts import Facts

_ENTRA_PAGE = "https://learn.microsoft.com/azure/batch/batch-aad-auth"
_KEYS_PAGE = "https://learn.microsoft.com/rest/api/batchservice/authenticate-requests-to-the-azure-batch-service"
_STORAGE_PAGE = "https://learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage"
_ARM_PAGE = "https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/general#reader"


def entra_id(facts: Facts) -> Iterator[Finding]:
    """Get a token."""
    if not facts.has_token:
        return
    try:
        facts.sign_in()
    except AztkError as refused:
        if isinstance(refused, ConnectionFailedError):
            fix = "check that this machine reaches the sign-in host of its cloud, its proxy, and AZURE_AUTHORITY_HOST"
        else:
            fix = (
                "check tenant_id, client_id and client_secret (is the secret expired?); without them that this machine "
                "has a managed identity, a workload identity, or somebody signed in with `az login`"
            )
        yield error("entra-sign-in", "Microsoft Entra ID", str(refused), fix, _ENTRA_PAGE)
        return
    yield ok("entra-sign-in", "Microsoft Entra ID", "gives a token for Azure Batch")


def batch(facts: Facts) -> Iterator[Finding]:
    """Ask Batch for one job."""
    page = ROLES_PAGE if facts.has_token else _KEYS_PAGE
    yield from _account(facts, facts.batch_answer, "batch-sign-in", facts.batch_name, BATCH_ROLE, page)


def storage(facts: Facts) -> Iterator[Finding]:
    """Ask Storage for one container."""
    page = ROLES_PAGE if facts.has_token else _STORAGE_PAGE
    yield from _account(facts, facts.storage_answer, "storage-sign-in", facts.storage_name, STORAGE_ROLE, page)


def _account(
    facts: Facts, ask: Callable[[], object], check: str, subject: str, role: str, page: str
) -> Iterator[Finding]:
    try:
        ask()
    except AztkError as refused:
        fix = fix_of(refused, subject, role, has_token=facts.has_token)
        yield error(check, subject, message_of(refused), fix, page)
    else:
        yield ok(check, subject, "answers, and takes the credential")


def resource_manager(facts: Facts) -> Iterator[Finding]:
    """Read both accounts in Azure Resource Manager, which knows their quotas and features."""
    if not facts.has_token:
        return
    principal = facts.principal
    for ask, subject, url in (
        (facts.batch_account, facts.batch_name, principal.batch_service_url),
        (facts.storage_account, facts.storage_name, principal.storage_service_url),
    ):
        check = f"arm-{subject.partition(' ')[0].lower()}"
        try:
            ask()
        except AztkError as refused:
            # Without a URL in the connection the product itself looks the endpoint up.
            kind = warning if url else error
            yield kind(check, f"{subject} in Azure Resource Manager", message_of(refused),
                       fix_of(refused, subject, READER, has_token=True), _ARM_PAGE)  # fmt: skip
        else:
            yield ok(check, f"{subject} in Azure Resource Manager", "can be read")
