"""Find out whether the container is in the network of its host, as other nodes have to reach it."""

from __future__ import annotations

import ipaddress
import os
from typing import Collection, Optional

from airflow_provider_aztk.node.errors import NoHostNetworkError

__all__ = ["check_host_network"]

# Docker's default for the bridge network, and the interface that the host has for it
# (docs.docker.com/engine/network/drivers/bridge).
BRIDGE = ipaddress.ip_network("172.17.0.0/16")
BRIDGE_INTERFACE = "docker0"
INTERFACES = "/sys/class/net"


def check_host_network(host: str, interfaces: Optional[Collection[str]] = None) -> None:
    """Refuse an address in docker's own network: a master that published it would be reached by nobody.

    :param host: this node's address
    :param interfaces: names of the network interfaces; default those of this machine. Who sees docker's own is on the
        host, whose network may happen to have the same addresses.
    :raises NoHostNetworkError: the address is a container's
    """
    try:
        inside = ipaddress.ip_address(host) in BRIDGE
    except ValueError:  # a name
        return
    if not inside or BRIDGE_INTERFACE in (_interfaces() if interfaces is None else interfaces):
        return
    raise NoHostNetworkError(
        f"host networking was not applied: this container has the address {host} of docker's own network ({BRIDGE}), "
        "which other nodes cannot reach; container_run_options must have '--network host', and Azure Batch must "
        "apply it"
    )


def _interfaces() -> Collection[str]:
    try:
        return os.listdir(INTERFACES)
    except OSError:
        return ()
