"""What the definition of a cluster must have or must not have, by the way of signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.client.models._sizes import DEFAULT_RUN_OPTIONS, has_host_network
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.doctor.facts import Facts

_SAS_PAGE = "https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key"
_PAGE = "https://learn.microsoft.com/azure/batch/batch-virtual-network"
_OPTIONS_PAGE = "https://learn.microsoft.com/azure/batch/batch-docker-container-workloads"


def network(facts: Facts) -> Iterator[Finding]:
    """Check the subnet: Batch takes one only of those who sign in with Entra ID."""
    subnet, options = facts.cluster.subnet_id, facts.cluster.container_run_options
    if not has_host_network(options):
        text = f"container_run_options={options!r} has no '--network host', and nodes need it to reach each other"
        yield error("host-network", "network", text, f"use {DEFAULT_RUN_OPTIONS!r}", _OPTIONS_PAGE)
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


def lifetime(facts: Facts) -> Iterator[Finding]:
    """Check that the SAS of the nodes can live as long as the cluster, as its creation does."""
    longest, wanted = facts.longest_sas, facts.cluster.max_lifetime
    if longest is not None and (wanted is None or wanted > longest):
        text = f"max_lifetime={wanted} is refused: the SAS of the nodes lives {longest} at most"
        fix = f"give at most {longest}; with Entra ID 7 days are the most, with account keys sas_lifetime sets it"
        yield error("lifetime", "lifetime of the cluster", text, fix, _SAS_PAGE)
