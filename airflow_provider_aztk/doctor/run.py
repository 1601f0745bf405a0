"""Run the checks side by side; one that breaks does not keep the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client.errors import AztkError
from airflow_provider_aztk.concurrency import for_each
from airflow_provider_aztk.doctor.checks import (
    clock,
    container_image,
    quotas,
    rights,
    sign_in,
    sign_in_rules,
    storage_features,
    storage_rights,
    vm_image,
    vm_size,
)
from airflow_provider_aztk.doctor.facts import BlockedError, Facts
from airflow_provider_aztk.doctor.findings import Finding, error, warning
from airflow_provider_aztk.doctor.refusals import message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_aztk.client.models import ClusterConfiguration, SecretsConfiguration

__all__ = ["run"]

#: The checks by what they are called in the report where they cannot be made, in the report's order.
CHECKS: dict[str, Callable[[Facts], Iterator[Finding]]] = {
    "Entra ID": sign_in.entra_id,
    "sign-in to Batch": sign_in.batch,
    "sign-in to storage": sign_in.storage,
    "Resource Manager": sign_in.resource_manager,
    "rights on the Batch account": rights.batch,
    "roles": rights.roles,
    "rights on the storage account": storage_rights.storage,
    "hierarchical namespace": storage_features.namespace,
    "settings of the storage account": storage_features.settings,
    "quotas": quotas.quotas,
    "VM size": vm_size.vm_size,
    "VM image": vm_image.vm_image,
    "network": sign_in_rules.network,
    "lifetime": sign_in_rules.lifetime,
    "container image": container_image.container_image,
}


def run(secrets: SecretsConfiguration, cluster: ClusterConfiguration) -> list[Finding]:
    """Make all checks.

    :param secrets: the credentials.
    :param cluster: what is to be created.
    """
    facts = Facts(secrets, cluster)
    blocked: dict[str, str] = {}

    def findings(name: str) -> list[Finding]:
        try:
            return list(CHECKS[name](facts))
        except BlockedError as blockage:
            blocked[name] = blockage.why
            return []
        except AztkError as wrong:
            fix = "see what Azure says; if it is a passing trouble, run doctor again"
            return [warning("unanswered", name, f"unknown: {message_of(wrong)}", fix)]
        except Exception as wrong:
            fix = "report it with the version of this package; the other checks are not concerned"
            return [error("broken-check", name, f"the check itself has failed ({type(wrong).__name__})", fix)]

    try:
        found = [finding for group in for_each(findings, CHECKS) for finding in group]
        found += clock.clocks(facts)
    finally:
        facts.close()
    if blocked:
        names = ", ".join(name for name in CHECKS if name in blocked)
        why = " and ".join(sorted(set(blocked.values())))
        found.append(warning("not-checked", "not checked", f"{names}: {why}", "mend the errors, and run doctor again"))
    return found
