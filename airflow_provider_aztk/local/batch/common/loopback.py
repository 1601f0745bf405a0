"""The one rule about loopback: what listens, listens here, and what names this machine."""

from __future__ import annotations

__all__ = ["LOOPBACK", "names_this_machine"]

LOOPBACK = "127.0.0.1"
_NAMES = (LOOPBACK, "localhost", "[::1]")


def names_this_machine(host: str) -> bool:
    """Return whether the host of a URL or Host header is this machine; exact names only, no prefixes or suffixes."""
    return host.lower() in _NAMES
