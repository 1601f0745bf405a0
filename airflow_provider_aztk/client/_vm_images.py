"""Which VM image a cluster's nodes get, where its configuration names none. Pure functions."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_aztk.client._azure.clock import timestamp
from airflow_provider_aztk.client.models import _sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

#: How long Batch must support an image yet, for it to be chosen.
SUPPORT = timedelta(days=60)
# Words of a SKU's name. Batch's list says nowhere else for which processors an image is.
_ARM = frozenset({"arm64", "aarch64", "gb", "gb200", "gb300"})
_OF_NO_HARDWARE = frozenset({"arm64", "aarch64", "lts", "gen2", "container", "containers"})


def choose_image(images: Iterable[Mapping[str, Any]], vm_size: str, now: datetime) -> _sizes.VmImage | None:
    """Choose the newest verified Linux image with Docker that fits a VM size, from what the account supports.

    The architecture is that of the size. A plain SKU (``2404``) goes before one for special hardware (``2404-rocm``),
    but V100 GPUs need theirs. One whose support ends within :data:`SUPPORT` is never chosen.

    See learn.microsoft.com/rest/api/batchservice/pools/list-supported-images.

    :param now: the time by the service's clock.
    """
    fitting = [
        image
        for image in images
        if image.get("osType") == "linux"
        and image.get("verificationType") == "verified"
        and "DockerCompatible" in (image.get("capabilities") or ())
        and bool(_ARM.intersection(_words(image))) is _sizes.is_arm(vm_size)
        and _is_supported(image, now)
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda image: _rank(image, vm_size))
    reference = best["imageReference"]
    version = reference.get("version") or "latest"
    return _sizes.VmImage(reference["publisher"], reference["offer"], reference["sku"], version, best["nodeAgentSKUId"])


def _words(image: Mapping[str, Any]) -> list[str]:
    return re.split(r"[-_]", str(image["imageReference"]["sku"]).lower())


def _is_supported(image: Mapping[str, Any], now: datetime) -> bool:
    end = timestamp(image.get("batchSupportEndOfLife"))
    return end is None or end - now > SUPPORT


def _rank(image: Mapping[str, Any], vm_size: str) -> tuple[object, ...]:
    """Order images: one for the size's hardware, plain SKUs, Ubuntu, a newer agent, a newer SKU."""
    words = _words(image)
    is_of_size = "v100" in words and _sizes.needs_v100_driver(vm_size)
    is_plain = all(word.isdigit() or word in _OF_NO_HARDWARE for word in words[1:])
    return is_of_size, is_plain, *_agent_version(image["nodeAgentSKUId"]), image["imageReference"]["sku"]


def _agent_version(agent: str) -> tuple[bool, tuple[int, ...]]:
    """Order node agents: Ubuntu before others, a higher version before a lower."""
    name, _, version = agent.partition(" ")
    return name.endswith("ubuntu"), tuple(int(part) for part in version.split(".") if part.isdigit())
