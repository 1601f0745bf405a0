"""Whether the cluster's network goes with the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.doctor.facts import Facts

_PAGE = "https://learn.microsoft.com/azure/batch/batch-virtual-network"


def network(facts: Facts) -> Iterator[Finding]:
    """Check the subnet: Batch takes one only of those who sign in with Entra ID."""
    subnet = facts.cluster.subnet_id
    if subnet is None:
        yield ok("subnet", "network", "the nodes get a network of Azure Batch")
    elif not facts.has_token:
        text = "Azure Batch refuses a subnet where account keys are used"
        fix = "sign in with Entra ID (no password, no storage_access_key, both resource ids), or leave subnet_id out"
        yield error("subnet", "network", text, fix, _PAGE)
    else:
        text = "the subnet itself is not asked"
        fix = (
            "see that it is in the location of the Batch account, has free addresses for all nodes, lets them reach "
            "the storage account and the registry, and does not overlap docker's 172.17.0.0/16"
        )
        yield warning("subnet", "network", text, fix, _PAGE)
