"""Whether the account lists a VM image that fits the size and runs containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client import _vm_images
from airflow_provider_aztk.client._azure.clock import timestamp
from airflow_provider_aztk.client.models import _sizes
from airflow_provider_aztk.doctor.findings import Finding, error, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_aztk.doctor.facts import Facts

Json = dict[str, Any]

_PAGE = "https://learn.microsoft.com/azure/batch/batch-docker-container-workloads#supported-vm-images"
_LIST = "`az batch pool supported-images list` lists them"


def vm_image(facts: Facts) -> Iterator[Finding]:
    """Choose the image as the creation of a cluster does, or look for the one that is given."""
    conf, images = facts.cluster, facts.images()
    if conf.vm_image:
        yield _given(facts, images, conf.vm_image)
        return
    chosen = _vm_images.choose_image(images, conf.vm_size, facts.now)
    if chosen is not None:
        yield ok("vm-image", "VM image", f"{':'.join(chosen[:4])} with {chosen.node_agent!r}")
        return
    processor = "ARM" if _sizes.is_arm(conf.vm_size) else "x64"
    days = _vm_images.SUPPORT.days
    text = f"the account lists no verified {processor} Linux image with Docker that is supported for {days} days more"
    yield error("vm-image", f"VM image for {conf.vm_size!r}", text, f"name one in vm_image: {_LIST}", _PAGE)


def _given(facts: Facts, images: list[Json], name: str) -> Finding:
    wanted, subject = _sizes.parse_vm_image(name), f"VM image {name!r}"
    assert wanted is not None  # validated by the model
    same = [image for image in images if _key(image) == tuple(part.lower() for part in wanted[:3])]
    if not same:
        return error("vm-image", subject, "the account does not list it", f"name another: {_LIST}", _PAGE)
    fitting = [image for image in same if str(image.get("nodeAgentSKUId")).lower() == wanted.node_agent.lower()]
    if not fitting:
        agents = ", ".join(sorted({str(image.get("nodeAgentSKUId")) for image in same}))
        return error("vm-image", subject, "it has another node agent", f"write @{agents} behind the image", _PAGE)
    (image, *_) = fitting
    ends = timestamp(image.get("batchSupportEndOfLife"))
    if ends is not None and ends - facts.now <= _vm_images.SUPPORT:
        kind = error if ends <= facts.now else warning
        return kind("vm-image", subject, f"the end of its support is {ends:%Y-%m-%d}", f"name another: {_LIST}", _PAGE)
    if "DockerCompatible" not in (image.get("capabilities") or ()):
        return error("vm-image", subject, "it does not run containers", f"name another: {_LIST}", _PAGE)
    return ok("vm-image", subject, "the account lists it, with containers")


def _key(image: Json) -> tuple[str, ...]:
    reference = image.get("imageReference") or {}
    return tuple(str(reference.get(name)).lower() for name in ("publisher", "offer", "sku"))
