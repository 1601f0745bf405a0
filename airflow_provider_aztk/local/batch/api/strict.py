"""What Batch refuses of a pool although it would work on this machine (``aztk-local up --strict-azure``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_aztk.local.batch.common.errors import BatchServiceError, invalid_property
from airflow_provider_aztk.local.batch.common.values import Json, items, members

if TYPE_CHECKING:
    from airflow_provider_aztk.local.batch.api.messages import Request
    from airflow_provider_aztk.local.batch.services.backend import Backend
    from airflow_provider_aztk.local.batch.store.records import PoolRecord

__all__ = ["check_job_strictly", "check_pool_strictly", "check_resize_strictly"]

# The SDK's BatchInboundNatPool, and learn.microsoft.com/azure/batch/batch-quota-limit.
_MOST_RULES = 25
_MOST_NODES_THAT_COMMUNICATE = 100
_OS_DISKS_OF_IMAGES = {"ubuntu-hpc": 64}


def check_job_strictly(backend: Backend, request: Request, job: Json) -> None:
    """Check the pool that a job brings, as :func:`check_pool_strictly` does."""
    auto_pool = members(members(job, "poolInfo"), "autoPoolSpecification")
    check_pool_strictly(backend, request, members(auto_pool, "pool"))


def check_pool_strictly(backend: Backend, request: Request, pool: Json) -> None:
    """Check what a new pool asks for.

    :raises BatchServiceError: ``AuthenticationFailed`` for resources that account keys may not link;
        ``InvalidPropertyValue`` beyond a limit.
    """
    if not backend.settings.strict_azure:
        return
    if request.headers.get("authorization", "").startswith("SharedKey"):
        _check_linked_resources(pool)
    nats = items(members(members(pool, "networkConfiguration"), "endpointConfiguration"), "inboundNATPools")
    rules = sum(len(items(nat, "networkSecurityGroupRules")) for nat in nats)
    if rules > _MOST_RULES:
        reason = f"A pool may have at most {_MOST_RULES} network security group rules."
        raise invalid_property("networkSecurityGroupRules", rules, reason)
    _check_os_disk(members(pool, "virtualMachineConfiguration"))
    if pool.get("enableInterNodeCommunication"):
        _check_nodes(pool)


def check_resize_strictly(backend: Backend, pool: PoolRecord, resize: Json) -> None:
    """Check the numbers of nodes that a pool is to have.

    :raises BatchServiceError: ``InvalidPropertyValue`` for more nodes than may communicate.
    """
    if backend.settings.strict_azure and pool.spec.inter_node_communication:
        now = {"targetDedicatedNodes": pool.target_dedicated, "targetLowPriorityNodes": pool.target_low_priority}
        _check_nodes({**now, **resize})


def _check_nodes(numbers: Json) -> None:
    nodes = sum(int(numbers.get(name) or 0) for name in ("targetDedicatedNodes", "targetLowPriorityNodes"))
    if nodes > _MOST_NODES_THAT_COMMUNICATE:
        reason = f"A pool with inter-node communication may have at most {_MOST_NODES_THAT_COMMUNICATE} nodes."
        raise invalid_property("targetDedicatedNodes", nodes, reason)


def _check_os_disk(machine: Json) -> None:
    """Refuse an OS disk that is smaller than the image: hitachienergy/epiphany issue 1049 has the text."""
    size = members(machine, "osDisk").get("diskSizeGB")
    offer = str(members(machine, "imageReference").get("offer", "")).lower()
    smallest = _OS_DISKS_OF_IMAGES.get(offer, 0)
    if size is not None and int(size) < smallest:
        reason = f"The specified disk size {size} GB is smaller than the size of the disk in the VM image."
        raise invalid_property("diskSizeGB", size, reason)


def _check_linked_resources(pool: Json) -> None:
    """Refuse a subnet and an image of one's own. The texts: Azure/aztk PR 240, MicrosoftDocs/azure-docs issue 51092."""
    image = members(members(pool, "virtualMachineConfiguration"), "imageReference")
    for kind, linked in (
        ("Network", members(pool, "networkConfiguration").get("subnetId")),
        ("Compute", image.get("virtualMachineImageId")),
    ):
        if linked:
            detail = "The specified type of authentication SharedKey is not allowed when external resources of type "
            raise BatchServiceError("AuthenticationFailed", AuthenticationErrorDetail=f"{detail}{kind} are linked.")
