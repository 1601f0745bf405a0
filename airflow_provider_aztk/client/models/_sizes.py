"""What names say: VM sizes, VM images, address ranges."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

MAX_NODES_WITHOUT_SUBNET = 100  # with inter-node communication on, learn.microsoft.com/azure/batch/batch-quota-limit
DEFAULT_SLOTS = 8
SLOTS_PER_VCPU = 4

_SIZE = re.compile(r"(?:standard_|basic_)?(?P<family>[a-z]+)(?P<number>\d+)(?P<rest>.*)", re.I)
# In the oldest families the number is a step and not the count of vCPUs.
_OLD_STEPS = {
    "d": {1: 1, 2: 2, 3: 4, 4: 8, 11: 2, 12: 4, 13: 8, 14: 16},
    "ds": {1: 1, 2: 2, 3: 4, 4: 8, 11: 2, 12: 4, 13: 8, 14: 16},
    "g": {1: 2, 2: 4, 3: 8, 4: 16, 5: 32},
    "gs": {1: 2, 2: 4, 3: 8, 4: 16, 5: 32},
}


class VmImage(NamedTuple):
    """A VM image of the Azure Marketplace and the node agent that fits it."""

    publisher: str
    offer: str
    sku: str
    version: str
    node_agent: str


def vcpus(vm_size: str) -> int | None:
    """Read the number of vCPUs out of a size's name, or None where the name does not tell."""
    match = _SIZE.fullmatch(vm_size.strip())
    if not match:
        return None
    family, number, rest = match["family"].lower(), int(match["number"]), match["rest"].lower()
    if family in _OLD_STEPS and rest in ("", "_v2"):
        return _OLD_STEPS[family].get(number)
    return number or None


def default_slots(vm_size: str) -> int:
    """Choose the task slots of a node: 8, or as many as a small size allows."""
    return min(DEFAULT_SLOTS, SLOTS_PER_VCPU * (vcpus(vm_size) or 2))


def daemon_slots(slots: int) -> int:
    """Say how many slots a Spark daemon takes: more than half, so that two never share a node."""
    return slots // 2 + 1


def parse_vm_image(text: str) -> VmImage | None:
    """Read ``publisher:offer:sku[:version]@node agent``, or give None where it is not of this form."""
    image, _, agent = text.partition("@")
    parts = image.split(":")
    if not agent.strip() or len(parts) not in (3, 4) or not all(parts):
        return None
    publisher, offer, sku = parts[:3]
    return VmImage(publisher, offer, sku, parts[3] if len(parts) == 4 else "latest", agent.strip())


def is_address_range(text: object) -> bool:
    """Tell whether this is an IP address or a CIDR range."""
    try:
        ipaddress.ip_network(str(text), strict=False)
    except ValueError:
        return False
    return True
