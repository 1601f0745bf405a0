"""What the names of VM sizes and images mean, address ranges, and the defaults of clusters."""

from __future__ import annotations

import ipaddress
import re
import shlex
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

DEFAULT_DOCKER_REPO = "apache/spark:4.1.3-scala2.13-java17-python3-ubuntu"
#: After this long without a pool, an active cluster or job counts as failed: Azure Batch forgets to make one at times.
DEFAULT_POOL_TIMEOUT = timedelta(minutes=10)
#: Options of ``docker create`` for the containers of all tasks.
DEFAULT_RUN_OPTIONS = "--network host --rm"
DEFAULT_VM_SIZE = "standard_d4ds_v5"
DEFAULT_OS_DISK_GB = 128
SMALLEST_OS_DISK_GB = 64  # Azure takes none that is smaller than the disk of the image, here ubuntu-hpc
MAX_NODES_WITHOUT_SUBNET = 100  # with inter-node communication on, learn.microsoft.com/azure/batch/batch-quota-limit
MAX_NSG_RULES = 25  # of all inbound NAT pools of a pool, BatchInboundNatPool.networkSecurityGroupRules
DEFAULT_SLOTS = 8
SLOTS_PER_VCPU = 4

_SIZE = re.compile(r"(?:standard_|basic_)?(?P<family>[a-z]+)(?P<number>\d+)(?P<rest>.*)", re.I)
_CONSTRAINED = re.compile(r"-(?P<vcpus>[1-9][0-9]*)")
# In the oldest families the number is a step and not the count of vCPUs.
_OLD_STEPS = {
    "d": {1: 1, 2: 2, 3: 4, 4: 8, 11: 2, 12: 4, 13: 8, 14: 16},
    "ds": {1: 1, 2: 2, 3: 4, 4: 8, 11: 2, 12: 4, 13: 8, 14: 16},
    "g": {1: 2, 2: 4, 3: 8, 4: 16, 5: 32},
    "gs": {1: 2, 2: 4, 3: 8, 4: 16, 5: 32},
}


# GiB for each vCPU, by family (learn.microsoft.com/azure/virtual-machines/sizes); sizes of other families are not
# known here. The part behind the number says more: "l" halves, and constrained sizes ("-4") keep the memory.
_GIB_PER_VCPU = {"d": 4, "e": 8, "f": 2, "b": 4}
_MOST_GIB = {"d": 384, "e": 672}
_D_V1_V2: dict[int, float] = {1: 3.5, 2: 7, 3: 14, 4: 28, 5: 56, 11: 14, 12: 28, 13: 56, 14: 112, 15: 140}
_A_V2: dict[int, float] = {1: 2, 2: 4, 4: 8, 8: 16}
_MODERN = re.compile(r"(?P<letters>[a-z]*)_v(?P<version>[2-7])")


class VmImage(NamedTuple):
    """A VM image of the Azure Marketplace and the node agent that fits it."""

    publisher: str
    offer: str
    sku: str
    version: str
    node_agent: str


def vcpus(vm_size: str) -> int | None:
    """Read the number of vCPUs from a size's name; return None where the name does not have it."""
    match = _SIZE.fullmatch(vm_size.strip())
    if not match:
        return None
    family, number, rest = match["family"].lower(), int(match["number"]), match["rest"].lower()
    if constrained := _CONSTRAINED.match(rest):  # E8-4ds_v5 has the memory of an E8 and 4 vCPUs
        return int(constrained["vcpus"])
    if family in _OLD_STEPS and rest.removesuffix("_promo") in ("", "_v2"):
        return _OLD_STEPS[family].get(number)
    return number or None


def memory_mb(vm_size: object) -> int | None:
    """Return the memory of a size in MiB, or None where the name does not have it."""
    match = _SIZE.fullmatch(vm_size.strip()) if isinstance(vm_size, str) else None
    if not match:
        return None
    gib = _memory_gib(match["family"].lower(), int(match["number"]), match["rest"].lower())
    return int(gib * 1024) if gib else None


def _memory_gib(family: str, number: int, rest: str) -> float | None:
    if family in ("d", "ds") and rest in ("", "_v2"):
        return _D_V1_V2.get(number)
    if family == "a" and rest in ("_v2", "m_v2"):
        return _A_V2.get(number, 0) * (4 if rest == "m_v2" else 1)
    modern = _MODERN.fullmatch(rest)
    # Any letter but these (m, c, x, t ...) may stand for another ratio.
    if not modern or family not in _GIB_PER_VCPU or set(modern["letters"]) - set("adlps"):
        return None
    if family == "f" and (modern["version"] != "2" or modern["letters"] != "s"):
        return None
    if family == "b" and (modern["version"] != "2" or number < 4):
        return None
    gib = number * _GIB_PER_VCPU[family] / (2 if "l" in modern["letters"] else 1)
    return gib if number <= 64 and gib <= _MOST_GIB.get(family, gib) and not (family == "e" and number > 48) else None


# The letters behind the number (learn.microsoft.com/azure/virtual-machines/vm-naming-conventions): d is a local
# temporary disk, p is ARM. Older sizes have a disk without saying so; from these versions on a size without d has none.
_DISK_IS_NAMED_FROM = {"b": 2, "d": 4, "dc": 3, "e": 4, "ec": 5, "f": 6}
_VERSION = re.compile(r"_v(\d+)")


def _letters(vm_size: str) -> tuple[str, str, str]:
    """Split a size's name: the family, the letters behind the number, what follows them; empty for an unknown form."""
    match = _SIZE.fullmatch(vm_size.strip())
    if not match:
        return "", "", ""
    rest = _CONSTRAINED.sub("", match["rest"].lower(), count=1)
    letters, _, tail = rest.partition("_")
    return match["family"].lower(), letters, f"_{tail}"


def has_nvidia_gpu(vm_size: str) -> bool:
    """Return whether nodes of a size have NVIDIA GPUs: the NC, ND and NV families, but those with GPUs of AMD.

    See learn.microsoft.com/azure/virtual-machines/sizes/overview#gpu-accelerated; AMD's are in NVv4 (MI25) and
    ND_MI300X_v5.
    """
    family, letters, tail = _letters(vm_size)
    of_amd = "_mi" in tail or (family == "nv" and (letters, tail) == ("as", "_v4"))
    return family in ("nc", "nd", "nv") and not of_amd


def needs_v100_driver(vm_size: str) -> bool:
    """Return whether nodes of a size have V100 GPUs, which today's driver does not know: NCv3, NDv2."""
    family, letters, tail = _letters(vm_size)
    return (family, letters, tail) in (("nc", "s", "_v3"), ("nc", "rs", "_v3"), ("nd", "rs", "_v2"))


def is_arm(vm_size: str) -> bool:
    """Return whether nodes of a size have ARM processors."""
    _, letters, tail = _letters(vm_size)
    return "p" in letters or tail.startswith("_gb")


def has_host_network(run_options: str) -> bool:
    """Return whether options of ``docker create`` give a container the network of its node."""
    words = run_options.replace("=", " ").split()
    return any(pair in (("--network", "host"), ("--net", "host")) for pair in pairwise(words))


def lacks_temporary_disk(vm_size: str) -> bool:
    """Return whether nodes of a size have no temporary disk, as far as the name says it."""
    family, letters, tail = _letters(vm_size)
    version = _VERSION.search(tail)
    since = _DISK_IS_NAMED_FROM.get(family)
    return since is not None and version is not None and int(version[1]) >= since and "d" not in letters


_IMAGE = re.compile(
    r"(?:(?P<host>[A-Za-z0-9.-]+(?::[0-9]+)?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def is_image(text: str) -> bool:
    """Return whether this names a container image, as the OCI's reference grammar has it."""
    match = _IMAGE.fullmatch(text)
    host = match["host"] if match else None
    # What stands before the first slash is a registry only where it looks like one.
    return match is not None and (not host or host.islower() or any(mark in host for mark in ".:") or host.isdigit())


def is_option_line(text: str) -> bool:
    """Return whether a text can be split into options, as a shell does it."""
    try:
        return bool(shlex.split(text)) or not text
    except ValueError:
        return False


def default_slots(vm_size: str) -> int:
    """Return the default task slots of a node: 8, or as many as a small size allows."""
    return min(DEFAULT_SLOTS, SLOTS_PER_VCPU * (vcpus(vm_size) or 2))


def daemon_slots(slots: int) -> int:
    """Return how many slots a Spark daemon takes: more than half, so that two never share a node."""
    return slots // 2 + 1


def parse_vm_image(text: str) -> VmImage | None:
    """Read ``publisher:offer:sku[:version]@node agent``, or return None where it is not of this form."""
    image, _, agent = text.partition("@")
    parts = image.split(":")
    if not agent.strip() or len(parts) not in (3, 4) or not all(parts):
        return None
    publisher, offer, sku = parts[:3]
    return VmImage(publisher, offer, sku, parts[3] if len(parts) == 4 else "latest", agent.strip())


def is_address_range(text: object) -> bool:
    """Return whether this is an IP address or a CIDR range."""
    try:
        ipaddress.ip_network(str(text), strict=False)
    except ValueError:
        return False
    return True
