"""Find out this node's address, free ports, and the cores and memory that a worker may offer."""

from __future__ import annotations

import os
import re
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Mapping, Optional

from airflow_provider_aztk.node.contract import SMALLEST_WORKER_MB
from airflow_provider_aztk.node.errors import NoAddressError
from airflow_provider_aztk.node.log.messages import log

if TYPE_CHECKING:
    from airflow_provider_aztk.node.contract import Reserves

__all__ = ["Capacity", "cores_offered", "free_port", "measure", "memory_offered_mb", "own_address"]

CGROUP = "/sys/fs/cgroup"
# What cgroup v1 answers for "no limit" is a number near 2**63.
NO_LIMIT = 1 << 60
ADDRESS_TRIES, ADDRESS_PAUSE = 13, 5.0  # the pause in seconds
MIB = 1024 * 1024


@dataclass(frozen=True)
class Capacity:
    """What the node has, container limits included."""

    cores: int
    memory_mb: int


def _routed_address(host: str, port: int) -> str:
    """Return the address from which packets to a host leave."""
    family, _, _, _, target = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(target)  # sends nothing: it only asks the kernel for the route
        return str(probe.getsockname()[0])


def own_address(
    env: Mapping[str, str],
    storage_host: str,
    storage_port: int,
    pause: Callable[[float], object] = time.sleep,
    look: Callable[[str, int], str] = _routed_address,
) -> str:
    """Return the node's own address: ``SPARK_LOCAL_IP`` if set, else the one that routes to storage.

    Soon after a node has booted, names may not be resolved, and there may be no route.

    :param pause: waits between two tries; may raise to end them
    :param look: finds the address that routes to a host and port
    :raises NoAddressError: none was found in a minute
    """
    given = env.get("SPARK_LOCAL_IP")
    if given:
        return given
    for left in reversed(range(ADDRESS_TRIES)):
        try:
            return look(storage_host, storage_port)
        except OSError as error:
            failure = f"{type(error).__name__}: {error}"
        if left:
            log(f"the way to {storage_host} is not found yet: {failure}")
            pause(ADDRESS_PAUSE)
    seconds = (ADDRESS_TRIES - 1) * ADDRESS_PAUSE
    raise NoAddressError(
        f"this node's own address was not found within {seconds:.0f} s, since there is no way to "
        f"{storage_host} (DNS, routes, firewall of the subnet): {failure}"
    )


def free_port(host: str, wanted: int = 0) -> int:
    """Return the wanted port if it is free on this address, else any free one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError:
            if not wanted:
                raise
            return free_port(host)
        return int(probe.getsockname()[1])


def answers(host: str, port: int, timeout: float = 1.0) -> bool:
    """Return whether something listens on a port."""
    try:
        with socket.create_connection((host, port), timeout):
            return True
    except OSError:
        return False


def cores_offered(capacity: Capacity, reserves: Reserves) -> int:
    """Return the cores that a worker offers; at least one."""
    return max(capacity.cores - reserves.cores, 1)


def memory_offered_mb(capacity: Capacity, reserves: Reserves, beside_master: bool) -> int:
    """Return the memory that a worker offers (MiB), less what the system, the master and the node's drivers need."""
    taken = reserves.system_memory_mb + reserves.driver_memory_mb
    if beside_master:
        taken += reserves.master_memory_mb
    return max(capacity.memory_mb - taken, SMALLEST_WORKER_MB)


def measure() -> Capacity:
    """Return what this machine has, within the limits of this container."""
    quota = cpu_quota(_read)
    cores = _cpus()
    if quota is not None:
        cores = min(cores, max(int(quota), 1))
    memory = physical_memory_mb()
    limit = memory_limit_mb(_read)
    return Capacity(cores=cores, memory_mb=memory if limit is None else min(memory, limit))


def cpu_quota(read: Callable[[str], str]) -> Optional[float]:
    """Return the limit on CPUs that a container runtime set, cgroup v2 or v1; None without one."""
    parts = read(f"{CGROUP}/cpu.max").split()
    if not parts:
        parts = [read(f"{CGROUP}/cpu/cpu.cfs_quota_us").strip(), read(f"{CGROUP}/cpu/cpu.cfs_period_us").strip()]
    if len(parts) < 2 or not all(part.isdigit() for part in parts) or int(parts[1]) == 0:
        return None  # "max" and "-1" mean no limit
    return int(parts[0]) / int(parts[1])


def memory_limit_mb(read: Callable[[str], str]) -> Optional[int]:
    """Return the limit on memory that a container runtime set, cgroup v2 or v1; None without one."""
    for path in (f"{CGROUP}/memory.max", f"{CGROUP}/memory/memory.limit_in_bytes"):
        text = read(path).strip()
        if text.isdigit() and int(text) < NO_LIMIT:
            return int(text) // MIB
    return None


def physical_memory_mb() -> int:
    """Return the machine's memory in MiB."""
    match = re.search(r"^MemTotal:\s+(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    if match:
        return int(match.group(1)) // 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
