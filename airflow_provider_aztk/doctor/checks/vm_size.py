"""Whether the VM size exists where the account is, and fits a Spark cluster."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_aztk.client.errors import AztkError
from airflow_provider_aztk.client.models import _sizes
from airflow_provider_aztk.doctor.facts import NoTokenError
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning
from airflow_provider_aztk.doctor.refusals import READER, message_of
from airflow_provider_aztk.doctor.vm_sizes import VmSize, sizes_by_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.doctor.facts import Facts

_PAGE = "https://learn.microsoft.com/azure/batch/batch-pool-vm-sizes"
_DISK_PAGE = "https://learn.microsoft.com/azure/virtual-machines/azure-vms-no-temp-disk"
_RETIRED_PAGE = "https://learn.microsoft.com/azure/virtual-machines/sizes/retirement/retired-sizes-list"
#: Below this time until its end, a size is warned of.
_SOON = timedelta(days=180)


def vm_size(facts: Facts) -> Iterator[Finding]:
    """Look the size up in the list of the account's location; else see what its name says."""
    name = facts.cluster.vm_size
    subject = f"VM size {name!r}"
    try:
        facts.sizes()
    except (AztkError, NoTokenError) as unread:
        yield _unlisted(subject, unread)
        yield from _disk(facts, _sizes.lacks_temporary_disk(name))
        yield from _gpus(facts, _sizes.has_nvidia_gpu(name))
        return
    location = str(facts.batch_account().get("location"))
    size = sizes_by_name(facts).get(name.lower())
    if size is None:
        fix = f"choose another: `az batch location list-skus --location {location}` lists them"
        yield error("vm-size", subject, f"Batch does not offer it in {location}", fix, _PAGE)
        return
    yield from _offered(facts, size, location)
    yield from _disk(facts, _sizes.lacks_temporary_disk(name) if size.disk_mb is None else size.disk_mb == 0)
    yield from _gpus(facts, bool(size.gpus))


def _unlisted(subject: str, unread: Exception) -> Finding:
    """Report that the sizes cannot be listed."""
    if isinstance(unread, NoTokenError):
        text = "whether Batch offers it is unknown: account keys do not open Azure Resource Manager"
        fix = "see `az batch location list-skus --location LOCATION`, or sign in with Entra ID"
    else:
        text = f"whether Batch offers it is unknown: {message_of(unread) if isinstance(unread, AztkError) else unread}"
        fix = (
            f"assign the role '{READER}' on the subscription: the sizes of a location belong to no account; or see "
            "`az batch location list-skus --location LOCATION`"
        )
    return warning("vm-size", subject, text, fix, _PAGE)


def _offered(facts: Facts, size: VmSize, location: str) -> Iterator[Finding]:
    subject = f"VM size {facts.cluster.vm_size!r}"
    text = f"is offered in {location}: {size.vcpus or '?'} vCPUs, {size.architecture or 'x64'}, {size.family}"
    if size.ends is not None and size.ends < facts.now + _SOON:
        over = size.ends <= facts.now
        kind = error if over else warning
        text = f"Batch {'has ended' if over else 'ends'} its support on {size.ends:%Y-%m-%d}"
        yield kind("vm-size", subject, text, "choose a newer size", _RETIRED_PAGE)
    elif size.spot is False and facts.cluster.vm_low_pri_count:
        fix = "use dedicated nodes (vm_count), or a size with Spot"
        yield error("vm-size", subject, "is not offered as Spot", fix, _PAGE)
    else:
        yield ok("vm-size", subject, text)


def _disk(facts: Facts, is_missing: bool) -> Iterator[Finding]:
    conf = facts.cluster
    subject = f"disk of {conf.vm_size!r}"
    if not is_missing:
        yield ok("vm-disk", subject, "has a temporary disk")
        return
    text = f"no temporary disk: Spark's shuffle, images and logs share the OS disk of {conf.os_disk_size_gb} GB"
    fix = f"use a size with 'd', such as {_sizes.DEFAULT_VM_SIZE}, or a larger os_disk_size_gb: a full disk ends a node"
    yield warning("vm-disk", subject, text, fix, _DISK_PAGE)


def _gpus(facts: Facts, has_gpus: bool) -> Iterator[Finding]:
    conf = facts.cluster
    if conf.gpu_enabled and not has_gpus:
        fix = "choose a size of the NC, ND or NV families, or leave gpu_enabled out"
        yield error("vm-gpu", f"GPUs of {conf.vm_size!r}", "has none, and gpu_enabled is given", fix, _PAGE)
