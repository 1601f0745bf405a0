"""Which addresses are this machine: the one rule of client, hooks and links."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit


def is_loopback(host: str | None) -> bool:
    """Return whether a host name or address is this machine: ``localhost``, 127.0.0.0/8 or ``::1``, and no other name.

    :param host: without a port; an IPv6 address with or without brackets.
    """
    name = (host or "").strip("[]").rstrip(".").lower()
    if name == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:  # a name, which may resolve to anything
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def is_loopback_url(url: str | None) -> bool:
    """Return whether a URL leads to this machine."""
    try:
        return is_loopback(urlsplit(url or "").hostname)
    except ValueError:
        return False
